//! `bench`: a short table of a system of its own against the targets.

use crate::measure::{self, Latency};
use crate::output::{Align, Output, Table, duration};
use crate::signals::Interrupts;
use crate::system::Embedded;
use anyhow::{Context, Result};

/// Systems started to time the start.
const STARTS: usize = 5;
/// Until every service is ready, ns.
const START_TARGET_NS: u64 = 100_000_000;

pub(crate) fn run(output: &mut Output) -> Result<()> {
    let interrupts = Interrupts::catch()?;
    let mut starts_ns = Vec::new();
    for _ in 1..STARTS {
        let system = start(&mut starts_ns)?;
        system.stop().context("stopping the system")?;
        interrupts.check()?;
    }
    let system = start(&mut starts_ns)?;
    let rows = measure::latencies(&system.connection, &mut || interrupts.check());
    system.stop().context("stopping the system")?;
    output.line(table(&rows?, starts_ns))?;
    output.line("\npacket round trip: nothing to measure, there is no network service yet")
}

fn start(starts_ns: &mut Vec<u64>) -> Result<Embedded> {
    let system = Embedded::start().context("starting a system")?;
    starts_ns.push(u64::try_from(system.report.total.as_nanos()).unwrap_or(u64::MAX));
    Ok(system)
}

fn table(rows: &[Latency], mut starts_ns: Vec<u64>) -> Table<7> {
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "operation"),
        (Left, "waiting"),
        (Right, "p50"),
        (Right, "p99"),
        (Right, "p99.9"),
        (Right, "target"),
        (Left, "met"),
    ]);
    for row in rows {
        let quantiles = [("p50", row.p50_ns), ("p99", row.p99_ns), ("p99.9", row.p999_ns)];
        table.row([
            row.operation.text().to_owned(),
            row.mode.text().to_owned(),
            duration(row.p50_ns),
            duration(row.p99_ns),
            duration(row.p999_ns),
            row.operation.target_ns().map(|ns| format!("< {}", duration(ns))).unwrap_or_default(),
            row.operation.target_ns().map(|ns| met(&quantiles, ns)).unwrap_or_default(),
        ]);
    }
    starts_ns.sort_unstable();
    let median_ns = starts_ns.get(starts_ns.len() / 2).copied().unwrap_or(u64::MAX);
    let slowest_ns = starts_ns.last().copied().unwrap_or(u64::MAX);
    table.row([
        "start of all services".to_owned(),
        format!("slowest of {STARTS}: {}", duration(slowest_ns)),
        duration(median_ns),
        String::new(),
        String::new(),
        format!("< {}", duration(START_TARGET_NS)),
        met(&[("p50", median_ns), ("slowest", slowest_ns)], START_TARGET_NS),
    ]);
    table
}

/// Up to which of the quantiles, which rise, the target is met.
fn met(quantiles: &[(&str, u64)], target_ns: u64) -> String {
    match quantiles.iter().take_while(|(_, ns)| *ns < target_ns).last() {
        None => "no".to_owned(),
        Some((name, _)) if quantiles.last().is_some_and(|last| last.0 == *name) => "yes".to_owned(),
        Some((name, _)) => format!("up to {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_as_far_as_it_is() {
        let quantiles = [("p50", 1), ("p99", 5), ("p99.9", 9)];
        for (target, text) in [(1, "no"), (2, "up to p50"), (6, "up to p99"), (10, "yes")] {
            assert_eq!(met(&quantiles, target), text);
        }
    }
}
