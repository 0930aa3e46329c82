//! What the tour tells: text for people, or one JSON object a line.

use crate::measure::Latency;
use crate::output::{Align, Output, Table, duration, size};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What happened.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// Every service is ready.
    Start(Start),
    /// The tree is in the vfs.
    Copy(Copy),
    /// It was read back.
    Verify(Verify),
    /// An operation was measured.
    Latency(Latency),
    /// It is over.
    Done(Done),
}

#[derive(Serialize)]
pub(super) struct Start {
    pub(super) start_total_ms: f64,
    /// By name, milliseconds.
    pub(super) services: BTreeMap<String, f64>,
}

#[derive(Serialize)]
pub(super) struct Copy {
    pub(super) source: String,
    pub(super) is_part: bool,
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) bytes: u64,
    pub(super) skipped_symlinks: u64,
    pub(super) skipped_special: u64,
    pub(super) skipped_unreadable: u64,
    pub(super) seconds: f64,
    pub(super) mb_per_s: f64,
}

#[derive(Serialize)]
pub(super) struct Verify {
    pub(super) checksums_equal: bool,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) host_checksum: String,
    pub(super) read_checksum: String,
    pub(super) read_grant_checksum: String,
    pub(super) read_mb_per_s: f64,
    pub(super) read_again_mb_per_s: f64,
    /// With a region made and mapped for every file.
    pub(super) read_grant_mb_per_s: f64,
    pub(super) read_grant_again_mb_per_s: f64,
    /// Where the first difference is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) difference: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Done {
    pub(super) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// Tells events as they happen.
pub(super) struct Report<'a> {
    output: &'a mut Output,
    format: Format,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a mut Output, format: Format) -> Self {
        Self { output, format }
    }

    /// What comes next, for people.
    pub(super) fn announce(&mut self, text: &str) -> Result<()> {
        if self.format == Format::Text {
            self.output.line(text)?;
            self.output.flush()?;
        }
        Ok(())
    }

    /// What happened.
    pub(super) fn tell(&mut self, event: &Event) -> Result<()> {
        match (self.format, event) {
            (Format::Json, event) => self.output.json(event),
            // The table of all comes at the end.
            (Format::Text, Event::Latency(_)) => Ok(()),
            (Format::Text, Event::Start(start)) => self.announce(&start.text()),
            (Format::Text, Event::Copy(copy)) => self.announce(&copy.text()),
            (Format::Text, Event::Verify(verify)) => self.announce(&verify.text()),
            (Format::Text, Event::Done(done)) => self.announce(&done.text()),
        }
    }

    /// All latencies.
    pub(super) fn latencies(&mut self, rows: &[Latency]) -> Result<()> {
        rows.iter().try_for_each(|row| self.tell(&Event::Latency(*row)))?;
        self.announce(&format!("{}\n", latency_table(rows)))
    }
}

fn latency_table(rows: &[Latency]) -> Table<6> {
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "  operation"),
        (Left, "waiting"),
        (Right, "p50"),
        (Right, "p99"),
        (Right, "p99.9"),
        (Right, "samples"),
    ]);
    for row in rows {
        table.row([
            format!("  {}", row.operation.text()),
            row.mode.text().to_owned(),
            duration(row.p50_ns),
            duration(row.p99_ns),
            duration(row.p999_ns),
            row.samples.to_string(),
        ]);
    }
    table
}

impl Start {
    fn text(&self) -> String {
        let mut table = Table::untitled([Align::Left, Align::Right]);
        for (name, ms) in &self.services {
            table.row([format!("  {name}"), format!("{ms:.1} ms")]);
        }
        table.row(["  all ready".to_owned(), format!("{:.1} ms", self.start_total_ms)]);
        format!("{table}\n")
    }
}

impl Copy {
    fn text(&self) -> String {
        let mut text = format!(
            "  {} files and {} directories, {}, in {:.2} s: {:.0} MB/s",
            self.files,
            self.directories,
            size(self.bytes),
            self.seconds,
            self.mb_per_s
        );
        if self.is_part {
            text += "\n  (a part of the tree, to be quick)";
        }
        for (count, what) in [
            (self.skipped_symlinks, "symbolic links"),
            (self.skipped_special, "special files"),
            (self.skipped_unreadable, "unreadable files or directories"),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, "\n  skipped: {count} {what}");
            }
        }
        text + "\n"
    }
}

impl Verify {
    fn text(&self) -> String {
        use Align::{Left, Right};
        let mut table = Table::new([
            (Left, "  from"),
            (Left, "checksum of all"),
            (Right, "first MB/s"),
            (Right, "again MB/s"),
        ]);
        let mut row = |name: &str, checksum: &str, rates: Option<[f64; 2]>| {
            let rates = rates.map(|rates| rates.map(|rate| format!("{rate:.0}")));
            let [first, again] = rates.unwrap_or_default();
            table.row([format!("  {name}"), checksum.to_owned(), first, again]);
        };
        row("host", &self.host_checksum, None);
        let rates = [self.read_mb_per_s, self.read_again_mb_per_s];
        row("READ", &self.read_checksum, Some(rates));
        let rates = [self.read_grant_mb_per_s, self.read_grant_again_mb_per_s];
        row("READ_GRANT", &self.read_grant_checksum, Some(rates));
        let verdict = match &self.difference {
            None => "checksums are equal".to_owned(),
            Some(path) => format!("checksums differ, first at {path}"),
        };
        format!(
            "{table}\n  (the first grant of a file makes a region that the client maps)\n  \
             {verdict}\n"
        )
    }
}

impl Done {
    fn text(&self) -> String {
        match (self.stop_ms, self.ok) {
            (Some(ms), true) => format!("stopped in {ms:.1} ms; nothing is left behind"),
            (Some(ms), false) => format!("stopped in {ms:.1} ms"),
            (None, _) => "nothing was started".to_owned(),
        }
    }
}

/// Milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Millions of bytes a second.
pub(super) fn mb_per_s(bytes: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate, shown with few digits")]
    let bytes = bytes as f64;
    bytes / 1e6 / took.as_secs_f64().max(1e-9)
}
