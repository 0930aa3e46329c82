//! A round trip of 64 bytes with a server process, over any transport.
//!
//! Every message carries a number that the reply must repeat. A number with [`STOP`] set is the
//! last of a block: the server answers it and sleeps until the next block.

use anyhow::{Result, ensure};

use crate::block::Block;
use crate::contender::Contender;
use crate::server::{Control, Server};
use crate::usage::Task;

/// Set in the number of the last message of a block.
pub const STOP: u64 = 1 << 31;

/// What a request and a reply carry: 64 bytes, the number first.
pub type Message = [u64; 8];

/// The client's end of a transport.
pub trait Transport {
    /// Sends a request with this number, waits for the reply and returns the number in it.
    ///
    /// # Errors
    /// When the server is gone.
    fn round_trip(&mut self, number: u64) -> Result<u64>;
}

/// The server's end of a transport.
pub trait Responder {
    /// Waits for one request, answers it with its own number and returns that.
    ///
    /// # Errors
    /// When the client is gone.
    fn answer(&mut self) -> Result<u64>;
}

/// A contender whose step is one round trip.
#[derive(Debug)]
pub struct Remote<T> {
    // Before the server, so that its ends are closed when the server is told to end.
    transport: T,
    server: Server,
    number: u64,
}

impl<T: Transport> Remote<T> {
    /// A contender over a transport and the server at its other end.
    #[must_use]
    pub fn new(transport: T, server: Server) -> Self {
        Self { transport, server, number: 0 }
    }
}

/// The number after `number`: no number comes twice in a row, and none has [`STOP`] set.
fn after(number: u64) -> u64 {
    (number + 1) % STOP
}

impl<T: Transport> Contender for Remote<T> {
    fn servers(&self) -> Vec<Task> {
        vec![self.server.task()]
    }

    fn begin_block(&mut self) -> Result<()> {
        self.server.begin_block()
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| {
            self.number = after(self.number);
            let answered = self.transport.round_trip(self.number)?;
            ensure!(answered == self.number, "the reply does not belong to the request");
            Ok(())
        })
    }

    fn end_block(&mut self) -> Result<()> {
        self.number = after(self.number);
        self.transport.round_trip(self.number | STOP)?;
        Ok(())
    }
}

/// The server's whole life: blocks of answers, asleep in between.
///
/// # Errors
/// When the client is gone in the middle of a block.
pub fn serve(mut responder: impl Responder, control: &Control<'_>) -> Result<()> {
    control.ready()?;
    while control.await_block()? {
        while responder.answer()? & STOP == 0 {}
    }
    Ok(())
}
