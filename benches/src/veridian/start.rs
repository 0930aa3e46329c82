//! Starts a whole system; stopping it again is not timed.

use ::veridian::system::Embedded;
use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::block::Block;
use crate::contender::Contender;
use crate::env::{Env, pin};

/// A system that is started once a block.
pub struct Start {
    home: usize,
    allowed: CpuSet,
    started: Option<Embedded>,
}

impl Start {
    /// A system that is not started yet.
    #[must_use]
    pub fn new(env: &Env) -> Self {
        Self { home: env.client_cpu(), allowed: env.allowed(), started: None }
    }
}

impl Contender for Start {
    fn begin_block(&mut self) -> Result<()> {
        // What is started inherits the processors of its starter: let it have all.
        sched_setaffinity(None, &self.allowed)?;
        Ok(())
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| {
            self.started = Some(Embedded::start()?);
            Ok(())
        })
    }

    fn end_block(&mut self) -> Result<()> {
        if let Some(system) = self.started.take() {
            system.stop()?;
        }
        pin(None, self.home)
    }
}
