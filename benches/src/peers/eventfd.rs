//! `eventfd`: 64 bytes in shared memory each way, announced through an eventfd.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use super::{Kind, next};
use crate::remote::{Message, Remote, Responder, Transport};
use crate::server::Server;
use crate::shared::Shared;

/// Either side: the shared page, and the eventfds that it waits on and rings.
#[derive(Debug)]
pub struct Eventfd {
    page: Shared,
    incoming: OwnedFd,
    outgoing: OwnedFd,
}

impl Eventfd {
    /// The client, its server on processor `cpu`.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn open(cpu: usize) -> Result<Remote<Self>> {
        let (page, memory) = Shared::create()?;
        let outgoing = eventfd(0, EventfdFlags::CLOEXEC)?;
        let incoming = eventfd(0, EventfdFlags::CLOEXEC)?;
        let descriptors = [memory.as_fd(), outgoing.as_fd(), incoming.as_fd()];
        let server = Server::spawn(Kind::Eventfd, "", cpu, &descriptors)?;
        Ok(Remote::new(Self { page, incoming, outgoing }, server))
    }

    fn ring(&self) -> Result<()> {
        write(&self.outgoing, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    fn await_ring(&self) -> Result<()> {
        read(&self.incoming, &mut [0; size_of::<u64>()])?;
        Ok(())
    }
}

// The system calls between the two order these accesses.
fn put(data: &[AtomicU64; 8], message: Message) {
    for (word, value) in data.iter().zip(message) {
        word.store(value, Ordering::Relaxed);
    }
}

fn take(data: &[AtomicU64; 8]) -> Message {
    data.each_ref().map(|word| word.load(Ordering::Relaxed))
}

impl Transport for Eventfd {
    fn round_trip(&mut self, number: u64) -> Result<u64> {
        put(&self.page.request_data, [number; 8]);
        self.ring()?;
        self.await_ring()?;
        let [answered, ..] = take(&self.page.reply_data);
        Ok(answered)
    }
}

impl Responder for Eventfd {
    fn answer(&mut self) -> Result<u64> {
        self.await_ring()?;
        let [number, ..] = take(&self.page.request_data);
        put(&self.page.reply_data, [number; 8]);
        self.ring()?;
        Ok(number)
    }
}

/// The server's side.
pub(super) fn server(descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<Eventfd> {
    let page = Shared::map(next(descriptors)?)?;
    Ok(Eventfd { page, incoming: next(descriptors)?, outgoing: next(descriptors)? })
}
