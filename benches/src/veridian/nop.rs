//! Round trips of requests that do nothing, alone and several in flight.

use anyhow::Result;
use dataplane::entry::{Handle, Opcode, Sqe};

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::contender::Mode;

/// `ring_round_trip`: one NOP, and its completion.
#[derive(Debug)]
pub struct RoundTrip(());

impl RoundTrip {
    /// Over a session of its own.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, mode: Mode) -> Result<Ours<Self>> {
        Ok(Ours::new(system.client(cpu, mode)?, Self(())))
    }
}

impl Operation for RoundTrip {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        client.queue.call(nop())?;
        Ok(())
    }
}

/// `ring_depth_N`: N completions a step, and as many NOPs in flight whenever it waits.
#[derive(Debug)]
pub struct Pipeline {
    depth: u64,
    /// Completions that count for the next step.
    answered: u64,
}

impl Pipeline {
    /// Over a session of its own.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, depth: u32) -> Result<Ours<Self>> {
        let client = system.client(cpu, Mode::Polling)?;
        Ok(Ours::new(client, Self { depth: u64::from(depth), answered: 0 }))
    }
}

impl Operation for Pipeline {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        while self.answered < self.depth {
            while client.queue.in_flight() < self.depth {
                client.queue.publish(nop())?;
            }
            client.queue.wait(None)?.status.result()?;
            self.answered += 1;
            while let Some(done) = client.queue.poll()? {
                done.status.result()?;
                self.answered += 1;
            }
        }
        self.answered -= self.depth;
        Ok(())
    }

    fn finish(&mut self, client: &mut Client) -> Result<()> {
        while client.queue.in_flight() > 0 {
            client.queue.wait(None)?.status.result()?;
        }
        self.answered = 0;
        Ok(())
    }
}

fn nop() -> Sqe {
    Sqe::new(Opcode::Nop, Handle::NONE)
}
