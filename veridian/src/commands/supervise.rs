//! `start`, `stop`, `restart`, `reboot`: what operators want of services and of the system.

use crate::cli::Supervise;
use crate::system::{self, Address};
use anyhow::{Context, Result, bail};
use control::client::Connection;
use control::message::{ServiceAction, ServiceState, ServiceStatus};
use std::time::{Duration, Instant};

/// Longest wait for what was asked for.
const WITHIN: Duration = Duration::from_secs(30);
/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Has it done, and waits until it is.
pub(crate) fn run(options: &Supervise, action: ServiceAction, address: &Address) -> Result<()> {
    let connection = system::connect(address)?;
    let name = options.service.as_str();
    let before = status(&connection, name)?;
    connection.control(name, action).with_context(|| format!("service {name}"))?;
    let deadline = Instant::now() + WITHIN;
    loop {
        let now = status(&connection, name)?;
        let is_new = now.epoch != before.epoch || action == ServiceAction::Start;
        match (action, now.state) {
            (ServiceAction::Stop, ServiceState::Stopped) => return Ok(()),
            (ServiceAction::Stop, _) => {}
            (_, ServiceState::Ready | ServiceState::Paused) if is_new => return Ok(()),
            (_, ServiceState::Quarantined | ServiceState::Failed) => {
                bail!("service {name} did not start: it is {}", now.state)
            }
            _ => {}
        }
        if Instant::now() > deadline {
            bail!("service {name} is still {}; see `veridian status`", now.state);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Has the system stop and start again in place; returns when that has begun.
pub(crate) fn reboot(address: &Address) -> Result<()> {
    let connection = system::connect(address)?;
    connection.reboot().with_context(|| format!("rebooting the system at {address}"))
}

fn status(connection: &Connection, name: &str) -> Result<ServiceStatus> {
    let report = connection.status().context("asking how the services are")?;
    let services = report.services.into_vec();
    let found = services.iter().find(|service| service.name.as_str() == name);
    found.copied().with_context(|| {
        let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
        format!("there is no service '{name}'; there are {}", names.join(", "))
    })
}
