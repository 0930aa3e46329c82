//! `status`: how the services are.

use super::confinement;
use crate::cli::Status;
use crate::output::{Align, Output, Table, duration, size};
use crate::system::{self, Address};
use anyhow::{Context, Result, bail};
use control::message::{ServiceState, ServiceStatus};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Report<'a> {
    address: &'a str,
    clients: u32,
    sessions: u32,
    regions: u32,
    capabilities: u32,
    init_pid: u32,
    init_restarts: u32,
    services: Vec<Service<'a>>,
}

#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    state: String,
    pid: u32,
    epoch: u32,
    sessions: u32,
    sessions_opened: u64,
    sessions_quarantined: u64,
    requests_accepted: u64,
    requests_completed: u64,
    requests_failed: u64,
    start_ns: u64,
    uptime_ns: u64,
    resident_bytes: u64,
    restarts: u32,
    failures: u32,
    retry_ns: u64,
    last_end: i32,
    confinement: BTreeMap<&'static str, &'static str>,
    refused: u32,
}

pub(crate) fn run(options: &Status, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let report = connection.status().context("asking how the services are")?;
    let named = |status: &&ServiceStatus| {
        options.service.as_ref().is_none_or(|name| status.name.as_str() == name)
    };
    let services: Vec<_> = report.services.iter().filter(named).copied().collect();
    if let (Some(name), true) = (&options.service, services.is_empty()) {
        bail!("there is no service '{name}'");
    }
    if options.json {
        return output.json(&Report {
            address: &address.0,
            clients: report.counts.clients,
            sessions: report.counts.sessions,
            regions: report.counts.regions,
            capabilities: report.counts.capabilities,
            init_pid: report.counts.init_pid,
            init_restarts: report.counts.init_restarts,
            services: services.iter().map(service).collect(),
        });
    }
    output.line(table(&services))?;
    for line in services.iter().flat_map(confinement::lacking) {
        output.line(line)?;
    }
    if let Some(name) = &options.service {
        let words = connection.last_words(name).context("asking how it ended")?;
        if !words.is_empty() {
            output.line(String::from_utf8_lossy(&words))?;
        }
    }
    Ok(())
}

/// The services, one a line.
fn table(services: &[ServiceStatus]) -> Table<11> {
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "service"),
        (Left, "state"),
        (Right, "pid"),
        (Right, "started in"),
        (Right, "up"),
        (Right, "restarts"),
        (Right, "sessions"),
        (Right, "requests"),
        (Right, "errors"),
        (Right, "memory"),
        (Left, "confined"),
    ]);
    for status in services {
        table.row([
            status.name.as_str().to_owned(),
            state(status),
            status.pid.to_string(),
            duration(status.start_ns),
            duration(status.uptime_ns),
            status.restarts.to_string(),
            status.sessions.to_string(),
            status.completed.to_string(),
            status.errors.to_string(),
            size(status.resident_bytes),
            confinement::short(status.confinement),
        ]);
    }
    table
}

/// Where it is in its life; why, and until when, if it does not serve.
fn state(status: &ServiceStatus) -> String {
    let ended = match status.last_end {
        signal @ ..0 => format!("signal {}", -signal),
        code => format!("exit code {code}"),
    };
    match status.state {
        ServiceState::Restarting => {
            format!("restarting in {} ({ended})", duration(status.retry_ns))
        }
        ServiceState::Quarantined | ServiceState::Failed => format!("{} ({ended})", status.state),
        state => state.to_string(),
    }
}

fn service(status: &ServiceStatus) -> Service<'_> {
    Service {
        name: status.name.as_str(),
        state: status.state.to_string(),
        pid: status.pid,
        epoch: status.epoch,
        sessions: status.sessions,
        sessions_opened: status.opened,
        sessions_quarantined: status.quarantined,
        requests_accepted: status.accepted,
        requests_completed: status.completed,
        requests_failed: status.errors,
        start_ns: status.start_ns,
        uptime_ns: status.uptime_ns,
        resident_bytes: status.resident_bytes,
        restarts: status.restarts,
        failures: status.failures,
        retry_ns: status.retry_ns,
        last_end: status.last_end,
        confinement: confinement::by_name(status.confinement),
        refused: status.refused,
    }
}
