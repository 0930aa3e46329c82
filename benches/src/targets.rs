//! The targets, held against the rows of a run.

use crate::contender::{C_US, Mode, US};
use crate::footprint::{self, Footprint};
use crate::placement::Placement;
use crate::stats::{Figures, Row};
use crate::suites::Outcome;

use Mode::{Polling, Sleeping};
use Placement::{Far, Near, OneCore};

/// The polling round trip is to stay below this at p99.9 where the floor does.
const TAIL_BELOW_NS: f64 = 5_000.0;

/// What a contender's time, divided by ours, must be.
struct RatioTarget {
    bench: &'static str,
    who: &'static str,
    mode: Mode,
    placements: &'static [Placement],
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    /// A peer's is not to be much shorter.
    AtLeast(f64),
    /// Our own, another way, is not to be much longer.
    AtMost(f64),
}

const fn ratio(
    bench: &'static str,
    who: &'static str,
    mode: Mode,
    placements: &'static [Placement],
    at_least: f64,
) -> RatioTarget {
    RatioTarget { bench, who, mode, placements, bound: Bound::AtLeast(at_least) }
}

/// What the C interface may cost.
const fn in_c(bench: &'static str) -> RatioTarget {
    RatioTarget {
        bench,
        who: C_US,
        mode: Polling,
        placements: &[Near, Far],
        bound: Bound::AtMost(1.1),
    }
}

const RATIOS: &[RatioTarget] = &[
    ratio("ring_round_trip", "flag", Polling, &[Near], 1.0 / 2.0),
    ratio("ring_round_trip", "flag", Polling, &[Far], 1.0 / 1.5),
    ratio("ring_round_trip", "iceoryx2", Polling, &[Near, Far], 4.0),
    ratio("ring_round_trip", "pipe", Sleeping, &[Near, Far], 1.0 / 1.1),
    ratio("ring_round_trip", "pipe", Sleeping, &[OneCore], 1.0),
    ratio("ring_depth_32", "io_uring", Polling, &[Near, Far], 1.0),
    ratio("open_close", "kernel-ext4", Polling, &[Near, Far], 1.0),
    ratio("read_4k_grant", "pread", Polling, &[Near], 1.0),
    ratio("read_4k_grant_depth_8", "pread", Polling, &[Near, Far], 1.0),
    ratio("metadata_stat", "kernel-tmpfs", Polling, &[Near, Far], 0.6),
    ratio("metadata_readdir", "kernel-tmpfs", Polling, &[OneCore], 1.0),
    ratio("metadata_create", "kernel-ext4", Polling, &[Near, Far], 1.5),
    ratio("metadata_unlink", "kernel-ext4", Polling, &[Near, Far], 1.5),
    // On one processor, since on two the scheduler decides what is measured.
    ratio("fuse_stat", "fuser", Polling, &[OneCore], 0.33),
    ratio("fuse_open_close", "fuser", Polling, &[OneCore], 0.25),
    ratio("fuse_readdir", "fuser", Polling, &[OneCore], 0.33),
    ratio("fuse_read_4k_direct", "fuser", Polling, &[OneCore], 0.33),
    ratio("fuse_read_128k", "fuser", Polling, &[OneCore], 0.5),
    ratio("fuse_write_128k", "fuser", Polling, &[OneCore], 0.5),
    // A thousand sessions that do nothing cost those that do something little.
    RatioTarget {
        bench: "many_sessions",
        who: "veridian-1000",
        mode: Polling,
        placements: &[Near, Far],
        bound: Bound::AtMost(1.3),
    },
    in_c("ring_round_trip"),
    in_c("open_close"),
];

/// A target and how the run stands to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is asked for.
    pub target: String,
    /// What was measured.
    pub measured: String,
    /// Whether it is met; none if it was not observed.
    pub met: Option<bool>,
}

/// Holds every target against what a run has shown; only those whose bench was run.
#[must_use]
pub fn verdicts(outcome: &Outcome) -> Vec<Verdict> {
    let rows = &outcome.rows;
    let run = |bench: &str| rows.iter().any(|row| row.bench == bench);
    let ratios = RATIOS.iter().filter(|target| run(target.bench)).flat_map(|target| {
        target.placements.iter().map(move |placement| ratio_verdict(rows, target, *placement))
    });
    let tails = [Near, Far].into_iter().filter(|_| run("ring_round_trip"));
    let tails = tails.map(|placement| tail_verdict(rows, placement));
    ratios.chain(tails).chain(footprint_verdict(&outcome.footprints)).collect()
}

fn ratio_verdict(rows: &[Row], target: &RatioTarget, placement: Placement) -> Verdict {
    let (bench, who, mode) = (target.bench, target.who, target.mode);
    let ratio = figures(rows, bench, who, placement, mode).and_then(|it| it.ratio_to_us);
    let (words, bound) = match target.bound {
        Bound::AtLeast(bound) => ("at least", bound),
        Bound::AtMost(bound) => ("at most", bound),
    };
    Verdict {
        target: format!(
            "{bench}, {}, {}: {who} takes {words} {bound:.2} times ours",
            placement.name(),
            mode.name(),
        ),
        measured: ratio.map_or_else(not_observed, |ratio| format!("{ratio:.2}")),
        met: ratio.map(|ratio| match target.bound {
            Bound::AtLeast(bound) => ratio >= bound,
            Bound::AtMost(bound) => ratio <= bound,
        }),
    }
}

fn tail_verdict(rows: &[Row], placement: Placement) -> Verdict {
    let tail = |who| figures(rows, "ring_round_trip", who, placement, Polling).map(|it| it.p999_ns);
    let tails = tail(US).zip(tail("flag"));
    let met = tails.map(|(ours, floor)| {
        ours <= 2.0 * floor && (ours < TAIL_BELOW_NS || floor >= TAIL_BELOW_NS)
    });
    Verdict {
        target: format!(
            "ring_round_trip, {}, polling: p99.9 at most twice the flag's, and below 5 us where \
             the flag's is",
            placement.name()
        ),
        measured: tails
            .map_or_else(not_observed, |(ours, floor)| format!("{ours:.0} ns, flag {floor:.0} ns")),
        met,
    }
}

/// A file is to take no more memory than in the kernel; none if that was not asked for.
fn footprint_verdict(footprints: &[Footprint]) -> Option<Verdict> {
    let figures = |who| footprints.iter().find(|row| row.who == who)?.figures;
    footprints.first()?;
    let both = figures(US).zip(figures("kernel-tmpfs"));
    let bytes = both.map(|(ours, kernel)| (ours.resident_bytes, kernel.resident_bytes));
    Some(Verdict {
        target: format!("{}: a file takes at most as much as in kernel-tmpfs", footprint::NAME),
        measured: bytes.map_or_else(not_observed, |(ours, kernel)| {
            format!("{ours:.0} bytes, kernel-tmpfs {kernel:.0} bytes")
        }),
        met: bytes.map(|(ours, kernel)| ours <= kernel),
    })
}

fn figures(
    rows: &[Row],
    bench: &str,
    who: &str,
    placement: Placement,
    mode: Mode,
) -> Option<Figures> {
    let mut rows = rows.iter();
    let row = rows.find(|row| {
        row.bench == bench && row.who == who && row.placement == placement && row.mode == mode
    });
    row.and_then(|row| row.figures)
}

fn not_observed() -> String {
    "not observed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(who: &'static str, p999_ns: f64, ratio_to_us: Option<f64>) -> Row {
        let figures = Figures {
            p50_ns: 1.0,
            p99_ns: 1.0,
            p999_ns,
            per_op_ns: None,
            per_step_ns: None,
            ratio_to_us,
            ratio_low: None,
            ratio_high: None,
            ratio_blocks: 200,
            cpu_ns_client: 1.0,
            cpu_ns_server: 1.0,
            involuntary_switches: 0,
            steal_percent: 0.0,
        };
        Row {
            bench: "ring_round_trip",
            who,
            placement: Near,
            mode: Polling,
            samples: 1,
            blocks: 200,
            figures: Some(figures),
            not_observed: None,
        }
    }

    fn met(rows: &[Row], target: &str) -> Option<bool> {
        met_by(&Outcome { rows: rows.to_vec(), ..Outcome::default() }, target)
    }

    fn met_by(outcome: &Outcome, target: &str) -> Option<bool> {
        let verdicts = verdicts(outcome);
        verdicts.iter().find(|it| it.target.contains(target)).unwrap().met
    }

    #[test]
    fn ratios_are_held_against_their_bounds() {
        assert_eq!(met(&[row("flag", 1.0, Some(0.51))], "near, polling: flag"), Some(true));
        assert_eq!(met(&[row("flag", 1.0, Some(0.49))], "near, polling: flag"), Some(false));
        let in_c = |ratio| met(&[row(C_US, 1.0, Some(ratio))], "near, polling: veridian-c");
        assert_eq!((in_c(1.09), in_c(1.11)), (Some(true), Some(false)));
        assert_eq!(met(&[row("flag", 1.0, None)], "near, polling: flag"), None);
        assert_eq!(met(&[row("flag", 1.0, Some(0.51))], "far, polling: flag"), None);
    }

    #[test]
    fn tails_are_held_against_the_floor_and_the_limit() {
        let tails = |ours, floor| [row(US, ours, Some(1.0)), row("flag", floor, Some(0.9))];
        assert_eq!(met(&tails(1_900.0, 1_000.0), "near, polling: p99.9"), Some(true));
        assert_eq!(met(&tails(2_100.0, 1_000.0), "near, polling: p99.9"), Some(false));
        assert_eq!(met(&tails(5_500.0, 4_000.0), "near, polling: p99.9"), Some(false));
        assert_eq!(met(&tails(9_000.0, 6_000.0), "near, polling: p99.9"), Some(true));
    }

    #[test]
    fn files_are_to_take_no_more_memory_than_the_kernels() {
        let row = |who, resident_bytes| Footprint {
            bench: footprint::NAME,
            who,
            files: 1,
            figures: Some(footprint::Figures {
                create_ns: 1.0,
                list_ns: 1.0,
                accounted_bytes: None,
                resident_bytes,
            }),
            not_observed: None,
        };
        let met = |footprints| {
            met_by(&Outcome { footprints, ..Outcome::default() }, "a file takes at most")
        };
        assert_eq!(met(vec![row(US, 800.0), row("kernel-tmpfs", 900.0)]), Some(true));
        assert_eq!(met(vec![row(US, 901.0), row("kernel-tmpfs", 900.0)]), Some(false));
        assert_eq!(met(vec![row(US, 800.0)]), None);
    }

    #[test]
    fn benches_that_were_not_run_have_no_verdict() {
        assert!(verdicts(&Outcome::default()).is_empty());
    }
}
