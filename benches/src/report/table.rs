//! The table: one line for each contender and placement, then the targets, then the conditions.

use std::fmt::Write;

use crate::footprint::Footprint;
use crate::stats::{Figures, MIN_RATIO_BLOCKS, Row};
use crate::suites::Outcome;
use crate::targets::{Verdict, verdicts};

/// The whole text.
#[must_use]
pub(super) fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut bench = "";
    for row in &outcome.rows {
        if row.bench != bench {
            bench = row.bench;
            header(&mut text, bench);
        }
        line(&mut text, row);
    }
    footprints(&mut text, &outcome.footprints);
    let verdicts = verdicts(outcome);
    if !verdicts.is_empty() {
        text.push_str("\ntargets\n");
        for verdict in &verdicts {
            target(&mut text, verdict);
        }
    }
    text.push_str("\nconditions\n");
    for note in &outcome.notes {
        append(&mut text, format_args!("  {note}\n"));
    }
    text
}

fn header(text: &mut String, bench: &str) {
    append(
        text,
        format_args!(
            "\n{bench}: ns per operation; ratio = theirs / ours, its 95 % interval, its blocks\n  \
             {:<14}{:<10}{:<9}{:>9}{:>9}{:>9}{:>9}  {:<26}{:>9}{:>9}{:>10}{:>7}\n",
            "who",
            "placement",
            "mode",
            "samples",
            "p50",
            "p99",
            "p99.9",
            "ratio to us",
            "cpu cli",
            "cpu srv",
            "invol",
            "steal%",
        ),
    );
}

fn line(text: &mut String, row: &Row) {
    let (who, placement, mode) = (row.who, row.placement.name(), row.mode.name());
    append(text, format_args!("  {who:<14}{placement:<10}{mode:<9}"));
    match &row.figures {
        None => {
            let reason = row.not_observed.as_deref().unwrap_or_default();
            append(text, format_args!(" not observed: {reason}\n"));
        }
        Some(figures) => append(
            text,
            format_args!(
                "{:>9}{:>9}{:>9}{:>9}  {:<26}{:>9}{:>9}{:>10}{:>7.1}\n",
                row.samples,
                short(figures.p50_ns),
                short(figures.p99_ns),
                short(figures.p999_ns),
                ratio(figures),
                short(figures.cpu_ns_client),
                short(figures.cpu_ns_server),
                figures.involuntary_switches,
                figures.steal_percent,
            ),
        ),
    }
}

fn footprints(text: &mut String, footprints: &[Footprint]) {
    let Some(first) = footprints.first() else { return };
    append(
        text,
        format_args!(
            "\n{}: {} empty files; for each, ns to make and to list it, and bytes\n  \
             {:<14}{:>9}{:>9}{:>12}{:>12}\n",
            first.bench, first.files, "who", "create", "list", "accounted", "resident",
        ),
    );
    for Footprint { who, figures, not_observed, .. } in footprints {
        match figures {
            None => {
                let reason = not_observed.as_deref().unwrap_or_default();
                append(text, format_args!("  {who:<14} not observed: {reason}\n"));
            }
            Some(figures) => {
                let accounted = figures.accounted_bytes.map_or_else(|| "-".to_owned(), short);
                let (create, list) = (short(figures.create_ns), short(figures.list_ns));
                let resident = short(figures.resident_bytes);
                append(
                    text,
                    format_args!("  {who:<14}{create:>9}{list:>9}{accounted:>12}{resident:>12}\n"),
                );
            }
        }
    }
}

/// Whole numbers, or one decimal where they are small.
fn short(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn ratio(figures: &Figures) -> String {
    let Some(((ratio, low), high)) =
        figures.ratio_to_us.zip(figures.ratio_low).zip(figures.ratio_high)
    else {
        return "-".to_owned();
    };
    let blocks = figures.ratio_blocks;
    let few = if blocks < MIN_RATIO_BLOCKS { "!" } else { "" };
    format!("{ratio:.2} [{low:.2}, {high:.2}] {blocks}{few}")
}

fn target(text: &mut String, verdict: &Verdict) {
    let met = match verdict.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "-",
    };
    append(text, format_args!("  {met:<7} {}: {}\n", verdict.target, verdict.measured));
}

fn append(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Mode;
    use crate::placement::Placement;

    #[test]
    fn what_was_not_observed_is_said() {
        let row = Row {
            bench: "open_close",
            who: "kernel-ext4",
            placement: Placement::Far,
            mode: Mode::Polling,
            samples: 0,
            blocks: 0,
            figures: None,
            not_observed: Some("no ext4".to_owned()),
        };
        let text = render(&Outcome { rows: vec![row], ..Outcome::default() });
        assert!(text.contains("not observed: no ext4"), "{text}");
        assert!(text.contains("open_close, far, polling: kernel-ext4 takes"), "{text}");
    }
}
