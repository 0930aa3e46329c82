//! Samples one after another: for programs, logs and pipes.

use super::cells::{self, BUSIEST};
use super::sample::{Sample, Sampler};
use crate::cli::Top;
use crate::output::{Output, Table};
use anyhow::Result;
use std::thread;

pub(super) fn run(
    options: &Top,
    count: Option<u64>,
    mut sampler: Sampler<'_>,
    output: &mut Output,
) -> Result<()> {
    let mut taken = 0;
    while count.is_none_or(|count| taken < count) {
        thread::sleep(options.interval);
        let sample = sampler.take()?;
        if options.json {
            output.json(&sample)?;
        } else {
            let separator = if taken == 0 { "" } else { "\n" };
            output.line(format!("{separator}{}", text(&sample)))?;
            output.flush()?;
        }
        taken += 1;
    }
    Ok(())
}

/// The tables of a sample.
pub(super) fn text(sample: &Sample) -> String {
    let mut services = Table::new(cells::SERVICE);
    sample.services.iter().for_each(|service| services.row(cells::service(service)));
    let mut sessions = Table::new(cells::SESSION);
    cells::sessions(sample, BUSIEST).into_iter().for_each(|row| sessions.row(cells::session(row)));
    let usage: String =
        sample.services.iter().filter_map(cells::usage).map(|line| line + "\n").collect();
    format!("{services}\n{usage}\n{sessions}")
}
