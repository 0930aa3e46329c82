//! What a person sees of a copy: a bar on a terminal, warnings and errors.

use crate::place::{Place, Shown};
use crate::tree::{Doing, Limit, Side, Size, Skip, Watcher, count};
use anyhow::{Error, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Warnings of one kind that are told one by one.
const TOLD_ONE_BY_ONE: u64 = 10;
const STYLE: &str = "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}";

/// Watches a copy.
pub(super) struct Progress {
    bar: ProgressBar,
    source: String,
    total_bytes: u64,
    skipped: u64,
    faults: u64,
}

impl Progress {
    /// A bar, if standard error is a terminal.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        // The style is a constant that parses.
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        Self { bar, source: String::new(), total_bytes: 0, skipped: 0, faults: 0 }
    }

    /// A source of so many bytes comes next.
    pub(super) fn enters(&mut self, source: &Place, bytes: u64) {
        self.source = source.to_string();
        self.total_bytes += bytes;
        self.bar.set_length(self.total_bytes);
    }

    /// A tree comes next; it is counted if somebody sees the bar.
    pub(super) fn enters_tree<S: Side>(
        &mut self,
        source: &Place,
        side: &mut S,
        top: &S::Directory,
    ) -> Result<()> {
        let mut bytes = 0;
        if io::stderr().is_terminal() {
            let top = side.open_directory(top, b".")?;
            let (Size::Within(count) | Size::Beyond(count)) = count(side, top, Limit::NONE)?;
            bytes = count.bytes;
        }
        self.enters(source, bytes);
        Ok(())
    }

    /// Tells an error, after which the copy goes on.
    pub(super) fn fault(&mut self, error: &Error) {
        self.faults += 1;
        self.tell(&format!("{error:#}"));
    }

    /// Takes the bar away; what the command exits with.
    pub(super) fn finish(&self) -> ExitCode {
        self.bar.finish_and_clear();
        if self.skipped > TOLD_ONE_BY_ONE {
            self.tell(&format!("{} special files or attributes skipped in all", self.skipped));
        }
        if self.faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn tell(&self, text: &str) {
        self.bar.suspend(|| eprintln!("veridian: {text}"));
    }

    fn name(&self, path: &[u8]) -> String {
        if path.is_empty() {
            return self.source.clone();
        }
        format!("{}/{}", self.source.trim_end_matches('/'), Shown(path))
    }
}

impl Watcher for Progress {
    fn begins(&mut self, path: &[u8]) -> Result<()> {
        if !self.bar.is_hidden() {
            self.bar.set_message(self.name(path));
        }
        Ok(())
    }

    fn moves(&mut self, bytes: &[u8]) -> Result<()> {
        self.bar.inc(bytes.len() as u64);
        Ok(())
    }

    fn ends(&mut self, _: &[u8], _: u64) -> Result<()> {
        Ok(())
    }

    fn skips(&mut self, path: &[u8], why: Skip) -> Result<()> {
        self.skipped += 1;
        if self.skipped <= TOLD_ONE_BY_ONE {
            let what = match why {
                Skip::Symlink => "symbolic link",
                Skip::Fifo => "named pipe",
                Skip::Socket => "socket",
                Skip::Device => "device",
                Skip::Xattrs => "extended attributes",
            };
            self.tell(&format!("{}: {what} skipped", self.name(path)));
        }
        Ok(())
    }

    fn fails(&mut self, path: &[u8], doing: Doing, error: io::Error) -> Result<()> {
        let doing = match doing {
            Doing::Reading => "reading",
            Doing::Writing => "writing the copy of",
        };
        self.fault(&Error::new(error).context(format!("{doing} {}", self.name(path))));
        Ok(())
    }
}
