//! The threads of a server process: where they run, and whether they sleep.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity, sched_yield};

use crate::usage::{Task, status_text};

/// Longest wait for a server to fall asleep after a block; it never takes that long unless others
/// keep it busy, and then the next block just begins earlier than it should.
const ASLEEP_WITHIN: Duration = Duration::from_millis(20);

/// The threads that a process had when this was made.
#[derive(Debug)]
pub struct Threads {
    process: Pid,
    status_files: Vec<File>,
}

impl Threads {
    /// Moves every thread of a process to these processors.
    ///
    /// # Errors
    /// When the process is gone, or the kernel does not let it.
    pub fn moved_to(process: Pid, cpus: &CpuSet) -> Result<Self> {
        let mut status_files = Vec::new();
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?;
            let tid = thread.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
            sched_setaffinity(tid, cpus)?;
            status_files.push(File::open(thread.path().join("status"))?);
        }
        Ok(Self { process, status_files })
    }

    /// The process, whose processor time counts.
    #[must_use]
    pub fn task(&self) -> Task {
        Task::Process(self.process)
    }

    /// Waits until all of them sleep, so that they leave their processor to the next contender.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn await_sleep(&self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < ASLEEP_WITHIN {
            let mut asleep = true;
            for status in &self.status_files {
                asleep &= status_text(status)?.contains("State:\tS");
            }
            if asleep {
                break;
            }
            sched_yield();
        }
        Ok(())
    }
}
