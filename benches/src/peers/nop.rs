//! `io_uring`: NOPs, submitted and awaited by one system call.

use anyhow::Result;

use crate::block::Block;
use crate::contender::Contender;
use crate::uring::Uring;

/// A contender whose step is as many NOPs as are in flight at once.
pub struct Nop {
    uring: Uring,
    depth: u32,
}

impl Nop {
    /// A ring for `depth` NOPs at once.
    ///
    /// # Errors
    /// When the kernel does not offer io_uring.
    pub fn open(depth: u32) -> Result<Self> {
        Ok(Self { uring: Uring::new(depth)?, depth })
    }
}

impl Contender for Nop {
    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| self.uring.nops(self.depth))
    }
}
