//! One busy session among many that are idle, in a system of its own.

use ::veridian::system::Embedded;
use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::nop::RoundTrip;
use super::ours::Ours;
use super::system::System;
use crate::block::Block;
use crate::contender::{Contender, Mode};
use crate::usage::Task;

/// A round trip while others are connected.
pub struct Crowd {
    // Dropped in this order: sessions before the system that they are with.
    busy: Ours<RoundTrip>,
    _system: System,
    _started: Embedded,
}

impl Crowd {
    /// Starts a system and connects so many idle sessions to it, and a busy one.
    ///
    /// # Errors
    /// What kept the system from starting, or from taking so many sessions.
    pub fn open(others: usize, cpu: usize) -> Result<Self> {
        // Each session has a descriptor here.
        let limits = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits })?;
        let started = Embedded::start()?;
        let system = System::attach_beside(&started.address.0, others)?;
        let busy = RoundTrip::open(&system, cpu, Mode::Polling)?;
        Ok(Self { busy, _system: system, _started: started })
    }
}

impl Contender for Crowd {
    fn servers(&self) -> Vec<Task> {
        self.busy.servers()
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        self.busy.run(block)
    }

    fn end_block(&mut self) -> Result<()> {
        self.busy.end_block()
    }
}
