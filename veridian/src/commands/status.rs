//! `status`: how the services are.

use crate::cli::Status;
use crate::output::{Align, Output, Table, duration, size};
use crate::system::{self, Address};
use anyhow::{Context, Result};
use control::message::ServiceStatus;
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    address: &'a str,
    clients: u32,
    sessions: u32,
    regions: u32,
    capabilities: u32,
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
}

pub(crate) fn run(options: &Status, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let report = connection.status().context("asking how the services are")?;
    if options.json {
        return output.json(&Report {
            address: &address.0,
            clients: report.counts.clients,
            sessions: report.counts.sessions,
            regions: report.counts.regions,
            capabilities: report.counts.capabilities,
            services: report.services.iter().map(service).collect(),
        });
    }
    output.line(table(&report.services))
}

/// The services, one a line.
fn table(services: &[ServiceStatus]) -> Table<9> {
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "service"),
        (Left, "state"),
        (Right, "pid"),
        (Right, "started in"),
        (Right, "up"),
        (Right, "sessions"),
        (Right, "requests"),
        (Right, "errors"),
        (Right, "memory"),
    ]);
    for status in services {
        table.row([
            status.name.as_str().to_owned(),
            status.state.to_string(),
            status.pid.to_string(),
            duration(status.start_ns),
            duration(status.uptime_ns),
            status.sessions.to_string(),
            status.completed.to_string(),
            status.errors.to_string(),
            size(status.resident_bytes),
        ]);
    }
    table
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
    }
}
