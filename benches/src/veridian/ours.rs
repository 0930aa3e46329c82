//! What all contenders of ours over a session have in common.

use anyhow::Result;

use super::system::Client;
use crate::block::Block;
use crate::contender::Contender;
use crate::usage::Task;

/// What a contender does with its session.
pub trait Operation {
    /// What is to be done before a block of so many steps.
    ///
    /// # Errors
    /// Ends the run.
    fn prepare(&mut self, _client: &mut Client, _steps: u64) -> Result<()> {
        Ok(())
    }

    /// One step; see [`Contender::run`].
    ///
    /// # Errors
    /// Ends the run.
    fn step(&mut self, client: &mut Client) -> Result<()>;

    /// What is to be done, or checked, after a block.
    ///
    /// # Errors
    /// Ends the run.
    fn finish(&mut self, _client: &mut Client) -> Result<()> {
        Ok(())
    }
}

/// A contender that does an operation over a session of its own.
pub struct Ours<O> {
    client: Client,
    operation: O,
}

impl<O: Operation> Ours<O> {
    /// A contender over a session.
    #[must_use]
    pub fn new(client: Client, operation: O) -> Self {
        Self { client, operation }
    }
}

impl<O: Operation> Contender for Ours<O> {
    fn servers(&self) -> Vec<Task> {
        vec![self.client.service.task()]
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        self.operation.prepare(&mut self.client, block.all_steps())?;
        block.time(|| self.operation.step(&mut self.client))
    }

    fn end_block(&mut self) -> Result<()> {
        self.operation.finish(&mut self.client)?;
        self.client.service.await_sleep()
    }
}
