//! `cargo xtask bench`: builds the bench program of benches/ and hands every argument on to it.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Runs the bench program in the caller's folder, so that its file arguments mean what they say.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["run", "--release", "--package", "benches", "--bin", "bench", "--"])
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
