//! `flag`: an 8-byte flag each way and nothing else, the floor of every round trip.

use std::hint;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use anyhow::Result;
use rustix::io::Errno;
use rustix::thread::{futex, sched_yield};

use super::{Kind, next};
use crate::remote::{Remote, Responder, Transport};
use crate::server::Server;
use crate::shared::{Line, Shared};

/// How a side waits for the other's flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Looks again after a pause.
    Spin,
    /// Looks again after giving up the processor.
    Yield,
    /// Sleeps in the kernel at once.
    Futex,
}

impl Wait {
    fn kind(self) -> Kind {
        match self {
            Self::Spin => Kind::FlagSpin,
            Self::Yield => Kind::FlagYield,
            Self::Futex => Kind::FlagFutex,
        }
    }
}

/// Either side of the flag.
#[derive(Debug)]
pub struct Flag {
    page: Shared,
    wait: Wait,
    seen: u64,
}

impl Flag {
    /// The client, its server on processor `cpu`.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn open(wait: Wait, cpu: usize) -> Result<Remote<Self>> {
        let (page, memory) = Shared::create()?;
        let server = Server::spawn(wait.kind(), "", cpu, &[memory.as_fd()])?;
        Ok(Remote::new(Self { page, wait, seen: 0 }, server))
    }

    fn publish(&self, line: &Line, number: u64) -> Result<()> {
        line.flag.store(number, Ordering::Release);
        if self.wait == Wait::Futex {
            // Numbers have 32 bits, so the futex's word carries them whole.
            line.futex.store(u32::try_from(number)?, Ordering::Release);
            futex::wake(&line.futex, futex::Flags::empty(), 1)?;
        }
        Ok(())
    }

    /// Waits until the flag differs from the last number seen there.
    fn await_change(&mut self, line: impl Fn(&Shared) -> &Line) -> Result<u64> {
        let line = line(&self.page);
        loop {
            let number = line.flag.load(Ordering::Acquire);
            if number != self.seen {
                self.seen = number;
                return Ok(number);
            }
            match self.wait {
                Wait::Spin => hint::spin_loop(),
                Wait::Yield => sched_yield(),
                Wait::Futex => sleep_while(line, u32::try_from(number)?)?,
            }
        }
    }
}

fn sleep_while(line: &Line, number: u32) -> Result<()> {
    match futex::wait(&line.futex, futex::Flags::empty(), number, None) {
        // The word has changed already, or a signal came: the caller looks again.
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Transport for Flag {
    fn round_trip(&mut self, number: u64) -> Result<u64> {
        self.publish(&self.page.request, number)?;
        self.await_change(|page| page.reply.deref())
    }
}

impl Responder for Flag {
    fn answer(&mut self) -> Result<u64> {
        let number = self.await_change(|page| page.request.deref())?;
        self.publish(&self.page.reply, number)?;
        Ok(number)
    }
}

/// The server's side.
pub(super) fn server(wait: Wait, descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<Flag> {
    Ok(Flag { page: Shared::map(next(descriptors)?)?, wait, seen: 0 })
}
