//! Latencies of a running system, through the shipped client: every operation timed on its own.
//!
//! Two ways of waiting, one after the other: polling, where both sides look all the time, and
//! sleeping, where both wait in the kernel. A session at a time, so that the service has no
//! reason to poll while sleeping is measured. An operation ends where the next one starts, so
//! each includes one reading of the clock.

use crate::tree::{Side, Vfs, remove};
use anyhow::{Context, Result, anyhow};
use control::client::{Connection, SessionOptions};
use dataplane::WaitMode;
use dataplane::entry::{Handle, Opcode, Sqe};
use dataplane::file::OpenFlags;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Where the files to measure with are; four components with the file.
const TOP: &[u8] = b".veridian-measure";
const DIRECTORIES: [&[u8]; 2] = [b".veridian-measure/a", b".veridian-measure/a/b"];
const FILE: &[u8] = b".veridian-measure/a/b/file";
/// Bytes of a read, and how many different places are read.
const READ: u32 = 4096;
const PLACES: u64 = 64;
/// Most operations of a row, and most time that a row may take once it has the fewest.
const MOST: u64 = 50_000;
const FEWEST: u64 = 1_000;
const ROW_TIME: Duration = Duration::from_millis(500);
/// Operations before the first that counts.
const WARM_UP: u64 = 200;
/// Operations between two looks at whether to stop.
const BATCH: u64 = 100;
/// Longest operation told apart, ns.
const LONGEST_NS: u64 = 10_000_000_000;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A request that does nothing, and its answer.
    RoundTrip,
    /// Opening and closing a file four names deep, all cached: two requests.
    OpenClose,
    /// Reading 4 KiB into a buffer.
    Read4k,
    /// Reading 4 KiB without a copy; the bytes are looked at in place.
    ReadGrant4k,
}

impl Operation {
    /// All that can be timed.
    pub const ALL: [Self; 4] = [Self::RoundTrip, Self::OpenClose, Self::Read4k, Self::ReadGrant4k];

    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RoundTrip => "round trip",
            Self::OpenClose => "open + close, cached",
            Self::Read4k => "read 4 KiB",
            Self::ReadGrant4k => "read 4 KiB, zero-copy",
        }
    }

    /// What it should stay below, ns, where the project has set a target.
    #[must_use]
    pub fn target_ns(self) -> Option<u64> {
        match self {
            Self::RoundTrip => Some(5_000),
            Self::OpenClose => Some(10_000),
            Self::Read4k | Self::ReadGrant4k => None,
        }
    }
}

/// How both sides wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They look all the time.
    Polling,
    /// They sleep at once.
    Sleeping,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Polling, Self::Sleeping];

    /// In a word.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Sleeping => "sleeping",
        }
    }

    fn wait_mode(self) -> WaitMode {
        match self {
            Self::Polling => WaitMode::Polling,
            Self::Sleeping => WaitMode::Sleeping,
        }
    }
}

/// A row of the table of latencies.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// What was timed.
    pub operation: Operation,
    /// How both sides waited.
    pub mode: Mode,
    /// How often.
    pub samples: u64,
    /// Half of them took at most this.
    pub p50_ns: u64,
    /// 99 % of them took at most this.
    pub p99_ns: u64,
    /// 99.9 % of them took at most this.
    pub p999_ns: u64,
}

/// Measures every operation in both modes. `check` is asked often whether to go on.
///
/// # Errors
/// Of a request, or of `check`.
pub fn latencies(
    connection: &Connection,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Latency>> {
    let mut rows = Vec::new();
    for mode in Mode::ALL {
        let options = SessionOptions { waiting: mode.wait_mode(), ..SessionOptions::default() };
        let vfs = Vfs::connect(connection, options).context("opening a session with the vfs")?;
        let mut subject = Subject::prepare(vfs)?;
        let measured: Result<()> = Operation::ALL.iter().try_for_each(|operation| {
            rows.push(subject.measure(*operation, mode, check)?);
            Ok(())
        });
        let cleaned = subject.clean_up();
        measured?;
        cleaned?;
    }
    Ok(rows)
}

/// A session, and a file to measure with.
struct Subject {
    vfs: Vfs,
    file: Handle,
    next_place: u64,
}

impl Subject {
    fn prepare(mut vfs: Vfs) -> Result<Self> {
        let root = vfs.root;
        for directory in [TOP].iter().chain(&DIRECTORIES) {
            vfs.queue.mkdir(root, directory, 0o700).context("making a directory to measure in")?;
        }
        let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
        let file = vfs.queue.open(root, FILE, flags, 0o600)?;
        let contents: Vec<u8> = (0..PLACES).flat_map(page).collect();
        vfs.write(&file, 0, &contents).context("writing a file to measure with")?;
        Ok(Self { vfs, file, next_place: 0 })
    }

    fn clean_up(mut self) -> Result<()> {
        self.vfs.queue.close(self.file)?;
        let root = self.vfs.root;
        remove(&mut self.vfs, &root, TOP).map_err(|(_, error)| error)?;
        Ok(())
    }

    fn measure(
        &mut self,
        operation: Operation,
        mode: Mode,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Latency> {
        for _ in 0..WARM_UP {
            self.once(operation)?;
        }
        let mut times = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, 3)
            .map_err(|error| anyhow!("making a histogram: {error}"))?;
        let start = Instant::now();
        let mut last = start;
        while times.len() < MOST && (times.len() < FEWEST || last - start < ROW_TIME) {
            check()?;
            last = Instant::now();
            for _ in 0..BATCH {
                self.once(operation)?;
                let now = Instant::now();
                let ns = u64::try_from((now - last).as_nanos()).unwrap_or(LONGEST_NS);
                times.saturating_record(ns);
                last = now;
            }
        }
        Ok(Latency {
            operation,
            mode,
            samples: times.len(),
            p50_ns: times.value_at_quantile(0.5),
            p99_ns: times.value_at_quantile(0.99),
            p999_ns: times.value_at_quantile(0.999),
        })
    }

    fn once(&mut self, operation: Operation) -> Result<()> {
        let (queue, root) = (&mut self.vfs.queue, self.vfs.root);
        self.next_place = (self.next_place + 1) % PLACES;
        let offset = self.next_place * u64::from(READ);
        match operation {
            Operation::RoundTrip => {
                queue.call(Sqe::new(Opcode::Nop, Handle::NONE))?;
            }
            Operation::OpenClose => {
                let handle = queue.open(root, FILE, OpenFlags::empty(), 0)?;
                queue.close(handle)?;
            }
            Operation::Read4k => {
                let mut bytes = [0; READ as usize];
                queue.read(self.file, offset, &mut bytes)?;
                seen(u64::from(bytes[0]), self.next_place)?;
            }
            Operation::ReadGrant4k => {
                let sum = queue.read_grant(self.file, offset, READ, |view| {
                    view.fold_blocks(0, |sum: u64, block| {
                        block.into_iter().fold(sum, u64::wrapping_add)
                    })
                })?;
                seen(sum & 0xff, (self.next_place * u64::from(READ / 8)) & 0xff)?;
            }
        }
        Ok(())
    }
}

/// A page whose words are all its number.
fn page(place: u64) -> Vec<u8> {
    place.to_le_bytes().repeat(READ as usize / 8)
}

/// What was read must be what was written, else the figures mean nothing.
fn seen(found: u64, written: u64) -> Result<()> {
    if found == written { Ok(()) } else { Err(anyhow!("a read did not return what was written")) }
}
