//! `up`: starts a system that goes on when the command has returned.

use crate::cli::Up;
use crate::commands::{attach, config, metrics};
use crate::config::Configuration;
use crate::output::{Align, Output, Table, duration, size};
use crate::system::{self, Address, StartReport};
use anyhow::{Context, Result};
use control::message::ServiceState;
use sd_notify::NotifyState;

pub(crate) fn run(options: &Up, address: Option<Address>, output: &mut Output) -> Result<()> {
    let mut configured = options.configured.clone();
    if let Some(path) = &options.metrics {
        let path = std::path::absolute(path).context("finding the socket for --metrics")?;
        let text = path.to_str().context("the path of --metrics is not text in UTF-8")?;
        configured.settings.push(("system.metrics".to_owned(), text.to_owned()));
    }
    let sources = config::sources(&configured)?;
    let configuration = config::load(&sources)?;
    let configured = || configuration.address().map(str::to_owned);
    let address = &address.unwrap_or_else(|| system::address_of(configured));
    if !options.foreground {
        let report = system::start_detached(address, &sources)?;
        if let Err(error) = prepare(options, &configuration, address) {
            system::stop(address)?;
            return Err(error);
        }
        return tell(&report, address, output);
    }
    // That nobody reads what is told does not end the system.
    let mut told = Ok(());
    system::run_foreground(address, &sources, |report| {
        prepare(options, &configuration, address)?;
        told = tell(report, address, output).and_then(|()| output.flush());
        // Whoever started this as a unit of systemd waits for it; if nobody did, it does nothing.
        sd_notify::notify(&[NotifyState::Ready]).context("telling systemd")
    })?;
    told
}

/// What belongs to a system that is up: mounts, and where metrics are served.
fn prepare(options: &Up, configuration: &Configuration, address: &Address) -> Result<()> {
    attach::mount_all(&options.mounts, address)?;
    configuration.metrics().map_or(Ok(()), |path| metrics::start(&path, address))
}

/// When each service was spawned and ready, what it waited for, its memory; the total, the path
/// that the total consists of, and where the system is reached.
fn tell(report: &StartReport, address: &Address, output: &mut Output) -> Result<()> {
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "service"),
        (Right, "spawned at"),
        (Right, "ready at"),
        (Left, "waited for"),
        (Right, "memory"),
    ]);
    for service in &report.services {
        let ready = service.state == ServiceState::Ready;
        table.row([
            service.name.as_str().to_owned(),
            duration(service.spawned_ns),
            if ready { duration(service.ready_ns) } else { service.state.to_string() },
            report.waited_for(service).unwrap_or("-").to_owned(),
            size(service.resident_bytes),
        ]);
    }
    output.line(table)?;
    let total = u64::try_from(report.total.as_nanos()).unwrap_or(u64::MAX);
    output.line(format_args!("all ready in {}: {}", duration(total), critical_path(report)))?;
    output.line(format_args!("reached at {address}; stop it with `veridian down`"))
}

/// Who waited for whom, to the service that was ready last.
fn critical_path(report: &StartReport) -> String {
    let mut path = Vec::new();
    let mut service = report.services.iter().max_by_key(|service| service.ready_ns);
    while let Some(last) = service.filter(|_| path.len() < report.services.len()) {
        path.push(format!("{} ({})", last.name.as_str(), duration(last.ready_ns)));
        let name = report.waited_for(last);
        service = report.services.iter().find(|other| Some(other.name.as_str()) == name);
    }
    path.push("init".to_owned());
    path.reverse();
    path.join(" → ")
}
