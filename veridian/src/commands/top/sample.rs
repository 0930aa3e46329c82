//! What was done between two readings.

use super::reading::{Reading, ServiceReading};
use crate::place::Shown;
use anyhow::Result;
use control::client::Connection;
use control::message::{ClientStatistics, Work};
use dataplane::{Histogram, SessionId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// All of a system.
#[derive(Serialize)]
pub(super) struct Sample {
    /// What it covers.
    pub(super) interval_ns: u64,
    pub(super) services: Vec<ServiceSample>,
}

/// One service.
#[derive(Serialize)]
pub(super) struct ServiceSample {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) pid: u32,
    pub(super) uptime_ns: u64,
    #[serde(flatten)]
    pub(super) rates: Rates,
    /// Of one processor.
    pub(super) cpu_percent: Option<f64>,
    pub(super) resident_bytes: u64,
    pub(super) usage: BTreeMap<String, u64>,
    pub(super) sessions: Vec<SessionSample>,
}

/// One session that is open.
#[derive(Serialize)]
pub(super) struct SessionSample {
    pub(super) session: u64,
    pub(super) pid: u32,
    pub(super) uid: u32,
    /// What the client's process is called.
    pub(super) program: Option<String>,
    #[serde(flatten)]
    pub(super) rates: Rates,
}

/// Requests, and from acceptance to completion how long those took that were timed.
#[derive(Serialize)]
pub(super) struct Rates {
    pub(super) operations_per_s: f64,
    pub(super) errors_per_s: f64,
    pub(super) in_flight: u64,
    pub(super) requests_timed: u64,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
    pub(super) p999_ns: Option<u64>,
}

/// Takes samples, one after another.
pub(super) struct Sampler<'a> {
    connection: &'a Connection,
    before: Reading,
}

impl<'a> Sampler<'a> {
    /// The first sample begins now.
    pub(super) fn new(connection: &'a Connection) -> Result<Self> {
        Ok(Self { connection, before: Reading::take(connection)? })
    }

    /// What was done since the last sample.
    pub(super) fn take(&mut self) -> Result<Sample> {
        let before = std::mem::replace(&mut self.before, Reading::take(self.connection)?);
        Ok(between(&before, &self.before))
    }
}

pub(super) fn between(before: &Reading, now: &Reading) -> Sample {
    let interval = now.at.duration_since(before.at);
    let services = now.services.iter().map(|service| {
        // Of another incarnation, everything is new.
        let is_same = |other: &&ServiceReading| {
            (other.status.name, other.status.epoch) == (service.status.name, service.status.epoch)
        };
        self::service(before.services.iter().find(is_same), service, interval)
    });
    let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    Sample { interval_ns, services: services.collect() }
}

fn service(
    before: Option<&ServiceReading>,
    now: &ServiceReading,
    interval: Duration,
) -> ServiceSample {
    let old = |session: &SessionId| before.and_then(|before| before.sessions.get(session));
    let open = now.sessions.iter().filter(|(session, _)| **session != SessionId::default());
    let sessions = open.map(|(session, statistics)| SessionSample {
        session: session.0,
        pid: statistics.client.pid,
        uid: statistics.client.uid,
        program: program(statistics.client.pid),
        rates: Done::of([statistics]).since(&Done::of(old(session)), interval),
    });
    let done_before = Done::of(before.iter().flat_map(|before| before.sessions.values()));
    let cpu = now.cpu.zip(before.and_then(|before| before.cpu));
    let cpu = cpu.map(|(now, before)| now.saturating_sub(before).as_secs_f64());
    ServiceSample {
        name: now.status.name.as_str().to_owned(),
        state: now.status.state.to_string(),
        pid: now.status.pid,
        uptime_ns: now.status.uptime_ns,
        rates: Done::of(now.sessions.values()).since(&done_before, interval),
        cpu_percent: cpu.map(|seconds| 100.0 * per_second(seconds, interval)),
        resident_bytes: now.status.resident_bytes,
        usage: now.usage.clone(),
        sessions: sessions.collect(),
    }
}

/// What the process of a client is called, if that can be seen from here.
fn program(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(Shown(name.trim_ascii_end()).to_string())
}

/// What was done for some sessions together.
#[derive(Default)]
struct Done {
    work: Work,
    times: Histogram,
}

impl Done {
    fn of<'a>(sessions: impl IntoIterator<Item = &'a ClientStatistics>) -> Self {
        let mut done = Self::default();
        for each in sessions {
            let work = each.statistics.work;
            done.work.completed = done.work.completed.saturating_add(work.completed);
            done.work.errors = done.work.errors.saturating_add(work.errors);
            done.work.in_flight = done.work.in_flight.saturating_add(work.in_flight);
            done.times += &each.statistics.times;
        }
        done
    }

    fn since(&self, before: &Self, interval: Duration) -> Rates {
        let rate = |now: u64, before: u64| per_second(now.saturating_sub(before) as f64, interval);
        let times = &self.times - &before.times;
        Rates {
            operations_per_s: rate(self.work.completed, before.work.completed),
            errors_per_s: rate(self.work.errors, before.work.errors),
            in_flight: self.work.in_flight,
            requests_timed: times.total(),
            p50_ns: times.quantile_ns(500),
            p99_ns: times.quantile_ns(990),
            p999_ns: times.quantile_ns(999),
        }
    }
}

fn per_second(amount: f64, interval: Duration) -> f64 {
    // An interval of no time would make it infinite, which JSON does not know.
    amount / interval.max(Duration::from_millis(1)).as_secs_f64()
}
