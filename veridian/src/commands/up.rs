//! `up`: starts a system that goes on when the command has returned.

use crate::cli::Up;
use crate::commands::status;
use crate::output::{Output, duration};
use crate::system::{self, Address};
use anyhow::Result;

pub(crate) fn run(options: &Up, address: &Address, output: &mut Output) -> Result<()> {
    if options.foreground {
        return system::run_foreground(address);
    }
    let report = system::start_detached(address)?;
    output.line(status::table(&report.services))?;
    let total_ns = u64::try_from(report.started_in.as_nanos()).unwrap_or(u64::MAX);
    output.line(format_args!("\nready at {} in {}", address.0, duration(total_ns)))
}
