//! What the contenders are given: processors, files to read, and a seed.

use std::rc::Rc;

use anyhow::{Context, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::contender::Cores;
use crate::fixtures::Fixtures;
use crate::mounts::Mounts;
use crate::veridian::System;

/// The surroundings of a run, shared by all benches.
pub struct Env {
    client_cpu: usize,
    allowed: CpuSet,
    second_cpu: Option<usize>,
    /// Seed of the random paths and pages.
    pub seed: u64,
    /// Files and trees, made when first asked for and removed with this.
    pub fixtures: Fixtures,
    /// What is mounted by FUSE, made when first asked for and unmounted with this.
    pub mounts: Mounts,
    system: Option<Rc<System>>,
}

impl Env {
    /// Takes the first two processors that this process may use, and moves it to the first.
    ///
    /// # Errors
    /// When the kernel does not let it.
    pub fn new(seed: u64, system: Option<System>) -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
        let client_cpu = cpus.next().context("no processor is allowed")?;
        let second_cpu = cpus.next();
        pin(None, client_cpu)?;
        let (fixtures, mounts) = (Fixtures::default(), Mounts::default());
        let system = system.map(Rc::new);
        Ok(Self { client_cpu, allowed, second_cpu, seed, fixtures, mounts, system })
    }

    /// Our system, for contenders of ours.
    ///
    /// # Errors
    /// When the program was given none.
    pub fn system(&self) -> Result<&Rc<System>> {
        self.system.as_ref().context("no system was started")
    }

    /// The processor of this process.
    #[must_use]
    pub fn client_cpu(&self) -> usize {
        self.client_cpu
    }

    /// Every processor that this process might have run on.
    #[must_use]
    pub fn allowed(&self) -> CpuSet {
        self.allowed
    }

    /// The processor for servers.
    ///
    /// # Errors
    /// When there is only one and two are asked for.
    pub fn server_cpu(&self, cores: Cores) -> Result<usize> {
        match cores {
            Cores::Two => self.second_cpu.context("only one processor is allowed"),
            Cores::One => Ok(self.client_cpu),
        }
    }

    /// The processors for servers that wait for nobody in particular: the scheduler is to choose.
    ///
    /// # Errors
    /// When there is only one and two are asked for.
    pub fn server_cpus(&self, cores: Cores) -> Result<CpuSet> {
        let mut cpus = only(self.client_cpu);
        cpus.set(self.server_cpu(cores)?);
        Ok(cpus)
    }
}

/// Moves a task, or the calling thread, to one processor.
///
/// # Errors
/// When the kernel does not let it.
pub fn pin(task: Option<Pid>, cpu: usize) -> Result<()> {
    sched_setaffinity(task, &only(cpu)).with_context(|| format!("moving to processor {cpu}"))
}

/// This processor alone.
#[must_use]
pub fn only(cpu: usize) -> CpuSet {
    let mut only = CpuSet::new();
    only.set(cpu);
    only
}
