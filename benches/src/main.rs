//! The `bench` program: runs the benches and prints one table; also every peer's server process.

use anyhow::Result;
use benches::cli::{Cli, Command};
use benches::{peers, report, suites};
use clap::Parser;

fn main() -> Result<()> {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Serve(serve)) => peers::serve(serve),
        None => report::publish(&suites::run(&cli)?, &cli),
    }
}
