//! Operations by system calls in one directory, whichever file system it is in: the kernel's own,
//! or one that is mounted by FUSE.

mod names;
mod pages;
mod place;
mod stream;

use std::os::fd::BorrowedFd;
use std::rc::Rc;

use anyhow::Result;

pub use names::{
    Create, CreateUnlink, DIRECTORY_BYTES, List, OpenClose, Stat, Unlink, for_each_name,
};
pub use pages::{Read, Way, Write};
pub use place::{Place, create};
pub use stream::{ReadOn, WriteOn};

use crate::block::Block;
use crate::contender::Contender;
use crate::threads::Threads;
use crate::usage::Task;

/// What a contender does by system calls.
pub trait Calls {
    /// What is to be done before a block of so many steps.
    ///
    /// # Errors
    /// Ends the run.
    fn prepare(&mut self, _directory: BorrowedFd<'_>, _steps: u64) -> Result<()> {
        Ok(())
    }

    /// One step; see [`Contender::run`].
    ///
    /// # Errors
    /// Ends the run.
    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()>;

    /// What is to be done, or checked, after a block.
    ///
    /// # Errors
    /// Ends the run.
    fn finish(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }
}

/// A contender that does these calls in a place.
#[derive(Debug)]
pub struct InPlace<C> {
    place: Rc<Place>,
    servers: Vec<Threads>,
    calls: C,
}

impl<C: Calls> InPlace<C> {
    /// In a place that these servers answer for; none if the kernel does.
    #[must_use]
    pub fn new(place: Rc<Place>, servers: Vec<Threads>, calls: C) -> Self {
        Self { place, servers, calls }
    }
}

impl<C: Calls> Contender for InPlace<C> {
    fn servers(&self) -> Vec<Task> {
        self.servers.iter().map(Threads::task).collect()
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        let directory = self.place.directory();
        self.calls.prepare(directory, block.all_steps())?;
        block.time(|| self.calls.step(directory))?;
        self.calls.finish(directory)
    }

    fn end_block(&mut self) -> Result<()> {
        self.servers.iter().try_for_each(Threads::await_sleep)
    }
}
