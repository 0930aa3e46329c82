//! Signals as values: commands that have something to clean up look between two steps whether
//! they were told to end.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A signal told the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted {
    signal: u8,
}

impl Interrupted {
    /// What shells report of a program that a signal ended.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(128 | self.signal)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

/// Remembers which signal came; a second one ends the process at once, which the system that it
/// started does not survive.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    signal: Arc<AtomicUsize>,
}

impl Interrupts {
    /// From now on SIGINT, SIGTERM and SIGHUP are only remembered.
    pub(crate) fn catch() -> Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let value = usize::try_from(number).unwrap_or_default();
            // In this order: the first sees the flag that the second sets at an earlier signal.
            flag::register_conditional_shutdown(number, 128 | number, Arc::clone(&came))
                .and_then(|_| flag::register(number, Arc::clone(&came)))
                .and_then(|_| flag::register_usize(number, Arc::clone(&signal), value))
                .context("catching signals")?;
        }
        Ok(Self { signal })
    }

    /// Fails with [`Interrupted`] if a signal came.
    pub(crate) fn check(&self) -> Result<()> {
        match u8::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(0) => Ok(()),
            Ok(signal) => Err(Interrupted { signal }.into()),
            Err(_) => Err(Interrupted { signal: 0 }.into()),
        }
    }
}
