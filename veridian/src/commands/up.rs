//! `up`: starts a system that goes on when the command has returned.

use crate::cli::Up;
use crate::commands::attach;
use crate::output::{Align, Output, Table, duration};
use crate::system::{self, Address, StartReport};
use anyhow::Result;
use std::time::Duration;

pub(crate) fn run(options: &Up, address: &Address, output: &mut Output) -> Result<()> {
    if !options.foreground {
        let report = system::start_detached(address)?;
        if let Err(error) = attach::mount_all(&options.mounts, address) {
            system::stop(address)?;
            return Err(error);
        }
        return tell(&report, address, output);
    }
    // That nobody reads what is told does not end the system.
    let mut told = Ok(());
    system::run_foreground(address, |report| {
        attach::mount_all(&options.mounts, address)?;
        told = tell(report, address, output).and_then(|()| output.flush());
        Ok(())
    })?;
    told
}

/// Each service's start time, the total, and where the system is reached.
fn tell(report: &StartReport, address: &Address, output: &mut Output) -> Result<()> {
    let text = |took: Duration| duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    let mut table = Table::untitled([Align::Left, Align::Right]);
    for (name, took) in &report.services {
        table.row([name.clone(), text(*took)]);
    }
    table.row(["all ready".to_owned(), text(report.total)]);
    output.line(table)?;
    output.line(format_args!("reached at {address}; stop it with `veridian down`"))
}
