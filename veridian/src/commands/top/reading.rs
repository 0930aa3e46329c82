//! What can be read of a running system at an instant: the broker's and the services' counts, and
//! what the kernel knows of their processes.

use crate::place::Shown;
use anyhow::{Context, Result, bail};
use control::client::{ConnectError, Connection};
use control::message::{ClientStatistics, ServiceState, ServiceStatus};
use dataplane::SessionId;
use dataplane::entry::Errno;
use nix::time::ClockId;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Counts since the start of the system.
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) services: Vec<ServiceReading>,
}

/// One service's part of it.
#[derive(Debug)]
pub(crate) struct ServiceReading {
    pub(crate) status: ServiceStatus,
    /// By session; 0 for all that have ended.
    pub(crate) sessions: BTreeMap<SessionId, ClientStatistics>,
    /// Processor time of its process, all threads.
    pub(crate) cpu: Option<Duration>,
    /// What it has in memory, as it says.
    pub(crate) usage: BTreeMap<String, u64>,
}

impl Reading {
    /// Asks the broker and the services.
    pub(crate) fn take(connection: &Connection) -> Result<Self> {
        let status = connection.status().context("asking how the services are")?;
        let services = status.services.iter().map(|status| service(connection, *status));
        Ok(Self { services: services.collect::<Result<_>>()?, at: Instant::now() })
    }
}

fn service(connection: &Connection, status: ServiceStatus) -> Result<ServiceReading> {
    let (sessions, usage) = match status.state {
        ServiceState::Ready => {
            (sessions(connection, status.name.as_str())?, usage(connection, &status)?)
        }
        _ => Default::default(),
    };
    Ok(ServiceReading { status, sessions, cpu: cpu(status.pid), usage })
}

fn sessions(connection: &Connection, name: &str) -> Result<BTreeMap<SessionId, ClientStatistics>> {
    let capability = connection.capability(name)?;
    match connection.statistics(capability) {
        Ok(all) => Ok(all.into_iter().map(|each| (each.statistics.work.session, each)).collect()),
        // It has ended since it was asked about.
        Err(ConnectError::Refused { errno: Errno::ENOTCONN, .. }) => Ok(BTreeMap::new()),
        Err(ConnectError::Refused { errno: Errno::EPERM, .. }) => bail!(
            "statistics are for those who may audit the services: run this as the user who has \
             started the system, or as root"
        ),
        Err(error) => Err(error).with_context(|| format!("asking what {name} has done")),
    }
}

/// What a service says of its memory, one `name=value` a line; nothing, if it does not.
fn usage(connection: &Connection, status: &ServiceStatus) -> Result<BTreeMap<String, u64>> {
    let name = status.name.as_str();
    match connection.tell(name, b"usage") {
        Ok(text) => Ok(parse_usage(&String::from_utf8_lossy(&text))),
        Err(ConnectError::Refused { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("asking {name} about its memory")),
    }
}

fn parse_usage(text: &str) -> BTreeMap<String, u64> {
    let parse = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((Shown(name.as_bytes()).to_string(), value.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

/// The processor time of a process; nothing, if it is gone or in a process-id namespace that is not
/// seen from here.
fn cpu(pid: u32) -> Option<Duration> {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0)?;
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid)).ok()?;
    clock.now().ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_taken_line_by_line() {
        let usage = parse_usage("pages=3\nnothing\nbytes=x\ngrants=0\n");
        let expected = [("grants".to_owned(), 0), ("pages".to_owned(), 3)];
        assert_eq!(usage, expected.into());
        assert!(cpu(std::process::id()).is_some());
        assert_eq!(cpu(0), None);
    }
}
