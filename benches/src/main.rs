//! The `bench` program: runs the benches and prints one table; also every peer's server process,
//! and init and the services of the system that it measures.

use std::process::ExitCode;

use anyhow::Result;
use benches::cli::{Cli, Command};
use benches::{peers, report, suites};
use clap::Parser;

fn main() -> Result<ExitCode> {
    if let Some(code) = veridian::roles::dispatch(std::env::args_os()) {
        return Ok(code);
    }
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Serve(serve)) => peers::serve(serve)?,
        None => report::publish(&suites::run(&cli)?, &cli)?,
    }
    Ok(ExitCode::SUCCESS)
}
