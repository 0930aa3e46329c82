//! Starts a whole system; stopping it again is not timed.

use ::veridian::system::Embedded;
use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::block::Block;
use crate::contender::Contender;
use crate::env::{Env, pin};

/// A system that is started once a block.
pub struct Start {
    home: usize,
    allowed: CpuSet,
    /// Whether nothing of the program is in memory at the start.
    cold: bool,
    started: Option<Embedded>,
}

impl Start {
    /// A system that is not started yet.
    #[must_use]
    pub fn new(env: &Env) -> Self {
        Self { home: env.client_cpu(), allowed: env.allowed(), cold: false, started: None }
    }

    /// One that is started after the machine has dropped its caches, as after booting.
    ///
    /// # Errors
    /// This process may not drop them.
    pub fn cold(env: &Env) -> Result<Self> {
        drop_caches()?;
        Ok(Self { cold: true, ..Self::new(env) })
    }
}

impl Contender for Start {
    fn begin_block(&mut self) -> Result<()> {
        // What is started inherits the processors of its starter: let it have all.
        sched_setaffinity(None, &self.allowed)?;
        if self.cold { drop_caches() } else { Ok(()) }
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

/// Has the kernel forget what it has of files, as far as they are written.
fn drop_caches() -> Result<()> {
    rustix::fs::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").context("dropping the machine's caches")
}
