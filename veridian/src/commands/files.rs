//! What commands that touch files share: the session, and going on after an error.

use crate::system::{self, Address};
use crate::tree::Vfs;
use anyhow::{Context, Result};
use control::client::SessionOptions;
use std::process::ExitCode;

/// Opens a session with the vfs of a running system.
pub(super) fn open(address: &Address) -> Result<Vfs> {
    let connection = system::connect(address)?;
    Vfs::connect(&connection, SessionOptions::default())
        .with_context(|| format!("opening a session with the vfs of {}", address.0))
}

/// Counts the errors of a command that goes on with its next argument.
#[derive(Debug, Default)]
pub(super) struct Faults {
    count: u64,
}

impl Faults {
    /// Tells an error and remembers that there was one.
    pub(super) fn tell(&mut self, error: &anyhow::Error) {
        eprintln!("veridian: {error:#}");
        self.count += 1;
    }

    /// What the command exits with.
    pub(super) fn exit_code(&self) -> ExitCode {
        if self.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
