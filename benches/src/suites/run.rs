//! Runs the benches that were asked for, group by group.

use anyhow::{Result, bail};

use super::{ALL, Bench};
use crate::block::clock_cost;
use crate::cli::{Budget, Cli};
use crate::contender::{Cores, Entry, Mode};
use crate::env::Env;
use crate::footprint::{self, Footprint};
use crate::placement::Placement;
use crate::schedule::{self, Conditions, Seat};
use crate::stats::{Group, Row, Shown};
use crate::veridian::System;
use ::veridian::system::Embedded;

/// What a run has shown.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All rows, those of a bench together.
    pub rows: Vec<Row>,
    /// What files take.
    pub footprints: Vec<Footprint>,
    /// One line about each group's run.
    pub notes: Vec<String>,
}

/// A contender that is seated, by its name and mode.
struct Named {
    who: &'static str,
    mode: Mode,
}

/// Runs the benches chosen on the command line.
///
/// # Errors
/// When a name is unknown or a contender fails once it has begun.
pub fn run(cli: &Cli) -> Result<Outcome> {
    let names: Vec<&str> = ALL.iter().map(|bench| bench.name).chain([footprint::NAME]).collect();
    if let Some(unknown) = cli.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no bench is called {unknown}; there are {}", names.join(", "));
    }
    // Ends with this process, and everything that it started.
    let started = if cli.system.is_none() { Some(Embedded::start()?) } else { None };
    let own = started.as_ref().map(|system| system.address.0.as_str());
    let system = cli.system.as_deref().or(own).map(System::attach).transpose()?;
    let env = Env::new(cli.seed, system)?;
    let mut outcome = Outcome::default();
    for bench in ALL.iter().filter(|bench| cli.chooses(bench.name)) {
        for cores in bench.cores {
            let (polling, sleeping): (Vec<Entry>, Vec<Entry>) =
                (bench.contenders)(&env, *cores).into_iter().partition(polls);
            let groups = match cores {
                Cores::Two => vec![polling, sleeping],
                // Here all are measured against our default, which finds out that it must yield.
                Cores::One => vec![polling.into_iter().chain(sleeping).collect()],
            };
            for entries in groups {
                run_group(bench, *cores, entries, &env, cli.budget(), &mut outcome)?;
            }
        }
    }
    if cli.chooses(footprint::NAME) {
        eprintln!("{} …", footprint::NAME);
        outcome.footprints = footprint::run(&env, cli.files());
    }
    drop(env);
    started.map_or(Ok(()), Embedded::stop)?;
    Ok(outcome)
}

fn polls(entry: &Entry) -> bool {
    entry.mode == Mode::Polling
}

fn run_group(
    bench: &Bench,
    cores: Cores,
    entries: Vec<Entry>,
    env: &Env,
    budget: Budget,
    outcome: &mut Outcome,
) -> Result<()> {
    let Some(mode) = entries.first().map(|entry| entry.mode) else { return Ok(()) };
    let label = label(bench, cores, mode);
    eprintln!("{label} …");
    let clock_cost = clock_cost();
    let (mut names, mut seats) = (Vec::new(), Vec::new());
    for Entry { who, mode, contender } in entries {
        match contender {
            Ok(contender) => {
                names.push(Named { who, mode });
                seats.push(Seat::new(contender, (bench.pace)(mode), clock_cost)?);
            }
            Err(error) => {
                outcome.rows.extend(absent(bench, cores, who, mode, &format!("{error:#}")));
            }
        }
    }
    if seats.is_empty() {
        return Ok(());
    }
    let conditions = schedule::run(&mut seats, cores, env, budget, clock_cost)?;
    outcome.notes.push(note(&label, &seats, cores, conditions));
    let contenders: Vec<Shown<'_>> = names
        .iter()
        .zip(&seats)
        .map(|(named, seat)| Shown { who: named.who, mode: named.mode, record: &seat.record })
        .collect();
    let group = Group {
        bench: bench.name,
        ops_per_step: bench.ops_per_step,
        steal_share: conditions.steal_share,
        contenders: &contenders,
    };
    for placement in placements(cores) {
        outcome.rows.extend(group.rows(*placement));
    }
    Ok(())
}

fn placements(cores: Cores) -> &'static [Placement] {
    match cores {
        Cores::Two => &[Placement::Near, Placement::Far],
        Cores::One => &[Placement::OneCore],
    }
}

fn label(bench: &Bench, cores: Cores, mode: Mode) -> String {
    match cores {
        Cores::Two => format!("{}, two cores, {}", bench.name, mode.name()),
        Cores::One => format!("{}, one core", bench.name),
    }
}

/// The rows of a contender that this machine cannot run.
fn absent(
    bench: &Bench,
    cores: Cores,
    who: &'static str,
    mode: Mode,
    reason: &str,
) -> impl Iterator<Item = Row> {
    placements(cores).iter().map(move |placement| Row {
        bench: bench.name,
        who,
        placement: *placement,
        mode,
        samples: 0,
        blocks: 0,
        figures: None,
        not_observed: Some(reason.to_owned()),
    })
}

fn note(label: &str, seats: &[Seat], cores: Cores, conditions: Conditions) -> String {
    let count = |placement| seats.iter().map(|seat| seat.record.blocks(placement)).sum::<usize>();
    let blocks: Vec<String> = placements(cores)
        .iter()
        .map(|placement| format!("{} {}", count(*placement), placement.name()))
        .collect();
    format!(
        "{label}: blocks {}, {} mixed; steal {:.1} %; clock {} ns",
        blocks.join(", "),
        conditions.mixed_blocks,
        conditions.steal_share * 100.0,
        conditions.clock_cost.as_nanos()
    )
}
