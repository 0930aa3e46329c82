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
    services: Vec<Service<'a>>,
}

#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    state: String,
    pid: u32,
    epoch: u32,
    sessions: u32,
    start_ns: u64,
    uptime_ns: u64,
    resident_bytes: u64,
}

pub(crate) fn run(options: &Status, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let services = connection.status().context("asking how the services are")?;
    if options.json {
        let services = services.iter().map(service).collect();
        return output.json(&Report { address: &address.0, services });
    }
    output.line(table(&services))
}

/// The services, one a line.
pub(super) fn table(services: &[ServiceStatus]) -> Table<7> {
    let mut table = Table::new([
        (Align::Left, "service"),
        (Align::Left, "state"),
        (Align::Right, "pid"),
        (Align::Right, "started in"),
        (Align::Right, "up"),
        (Align::Right, "sessions"),
        (Align::Right, "memory"),
    ]);
    for status in services {
        table.row([
            status.name.as_str().to_owned(),
            status.state.to_string(),
            status.pid.to_string(),
            duration(status.start_ns),
            duration(status.uptime_ns),
            status.sessions.to_string(),
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
        start_ns: status.start_ns,
        uptime_ns: status.uptime_ns,
        resident_bytes: status.resident_bytes,
    }
}
