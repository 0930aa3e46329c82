//! What a system has: the broker's records, the vfs's ledger, and each process's descriptors,
//! regions and memory.

use control::client::{ConnectError, Connection};
use control::message::Counts;
use dataplane::entry::Errno;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// Longest wait for what clients left behind to be cleared away.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);
/// What regions are called in `/proc/PID/maps`: memfds, and files of a store.
const REGION_NAMES: [&str; 2] = ["/memfd:region", "/region-"];
/// Names in the vfs's ledger that are a cache's, whose contents depend on what was looked up.
const CACHES: [&str; 1] = ["dentries"];

/// What a process of the system has open and mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Open descriptors.
    pub descriptors: usize,
    /// Mapped regions.
    pub regions: usize,
}

/// What a system has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// The broker's records.
    pub counts: Counts,
    /// The vfs's ledger.
    pub ledger: BTreeMap<String, u64>,
    /// By process.
    pub holdings: BTreeMap<u32, Holdings>,
}

impl Census {
    /// Counts; `pids` are the processes of the system.
    #[must_use]
    pub fn take(connection: &Connection, pids: &[u32]) -> Self {
        Self {
            counts: connection.status().unwrap().counts,
            ledger: ledger(connection),
            holdings: pids.iter().map(|pid| (*pid, Holdings::of(*pid))).collect(),
        }
    }

    /// The same when nothing changes any more: what has ended is let go of a moment later.
    ///
    /// # Panics
    /// It goes on changing.
    #[must_use]
    pub fn settled(connection: &Connection, pids: &[u32]) -> Self {
        let deadline = Instant::now() + SETTLE_WITHIN;
        let mut last = Self::take(connection, pids);
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let now = Self::take(connection, pids);
            if now == last {
                return now;
            }
            assert!(Instant::now() < deadline, "it does not settle:\n {last:?}\n {now:?}");
            last = now;
        }
    }

    /// Waits until everything is as it was at this census.
    ///
    /// # Panics
    /// It does not become so.
    pub fn await_same(&self, connection: &Connection, pids: &[u32]) {
        let deadline = Instant::now() + SETTLE_WITHIN;
        loop {
            let now = Self::take(connection, pids);
            if now == *self {
                return;
            }
            assert!(Instant::now() < deadline, "left over:\n before {self:?}\n after  {now:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Holdings {
    fn of(pid: u32) -> Self {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let is_region = |line: &&str| REGION_NAMES.iter().any(|name| line.contains(name));
        Self {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
            regions: maps.lines().filter(is_region).count(),
        }
    }
}

/// Resident memory of a process, KiB.
#[must_use]
pub fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The vfs's ledger without its caches; empty where the vfs tells none.
fn ledger(connection: &Connection) -> BTreeMap<String, u64> {
    let text = match connection.tell("vfs", b"usage") {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(ConnectError::Refused { errno: Errno::EOPNOTSUPP, .. }) => return BTreeMap::new(),
        Err(error) => panic!("the vfs does not tell its usage: {error}"),
    };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .filter(|(name, _)| !CACHES.contains(name))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}
