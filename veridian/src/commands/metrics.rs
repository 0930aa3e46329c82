//! `metrics`: what the system has done, as OpenMetrics text, once or over HTTP at a socket.
//!
//! Counts are of a service's incarnation: they begin again when it does. Latencies are of about one
//! request in 251, each counted in the bucket that it surely fits, so their sum is a little high.

use super::background;
use super::top::reading::{Reading, ServiceReading};
use crate::cli::Metrics;
use crate::output::Output;
use crate::signals::Interrupts;
use crate::system::{self, Address};
use anyhow::{Context, Result, anyhow};
use control::client::Connection;
use control::message::{Counts, ServiceState};
use dataplane::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use tiny_http::{Header, Method, Request, Response, Server};

/// What a scraper is told that it gets.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Time between two looks whether the system, or this process, is to end, ns.
const LOOK_INTERVAL_NS: u64 = 50_000_000;
/// Upper ends of buckets of latencies, as powers of two of nanoseconds.
const BUCKETS: [u32; 14] = [8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34];

pub(crate) fn run(options: &Metrics, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    match &options.serve {
        Some(path) => serve(path, options.detached, connection, address),
        None => output.bytes(collect(&connection)?.as_bytes()),
    }
}

/// Starts a process that serves them.
pub(crate) fn start(path: &Path, address: &Address) -> Result<()> {
    let arguments =
        ["metrics".as_ref(), "--detached".as_ref(), "--serve".as_ref(), path.as_os_str()];
    background::start(address, arguments, &format!("served at {}", path.display()))
}

/// Serves them until the system ends, or this process is told to.
fn serve(path: &Path, detached: bool, connection: Connection, address: &Address) -> Result<()> {
    let interrupts = Interrupts::catch()?;
    // Who may audit is asked before anybody waits for an answer.
    collect(&connection)?;
    let watched = system::connect(address)?;
    let listener = listen(path).with_context(|| format!("listening at {}", path.display()))?;
    let server = Server::from_listener(listener, None);
    let server = Arc::new(server.map_err(|error| anyhow!("serving metrics: {error}"))?);
    let serving = Arc::clone(&server);
    let answering = thread::spawn(move || {
        serving.incoming_requests().for_each(|request| answer(request, &connection));
    });
    if detached {
        background::leave_terminal()?;
    }
    let over = loop {
        if let Err(interrupted) = interrupts.check() {
            break Err(interrupted);
        }
        if watched.wait_closed(LOOK_INTERVAL_NS) {
            break Ok(());
        }
    };
    // If it is gone, somebody else has taken it away.
    let _ = fs::remove_file(path);
    server.unblock();
    // It does not panic, and there is nothing to learn from it.
    let _ = answering.join();
    over
}

/// A socket for this user and its group. One that nobody listens at any more is replaced.
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }?;
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(listener)
}

fn answer(request: Request, connection: &Connection) {
    let is_asked = matches!(request.method(), Method::Get | Method::Head);
    let path = request.url().split('?').next().unwrap_or_default();
    let response = match (is_asked, path) {
        (true, "/" | "/metrics") => match collect(connection) {
            Ok(text) => {
                let header = Header::from_bytes("Content-Type", CONTENT_TYPE).ok();
                let response = Response::from_string(text);
                header.into_iter().fold(response, Response::with_header)
            }
            Err(error) => Response::from_string(format!("{error:#}\n")).with_status_code(503),
        },
        (true, _) => Response::from_string("metrics are at /metrics\n").with_status_code(404),
        (false, _) => Response::from_string("metrics are read with GET\n").with_status_code(405),
    };
    // Fails only if nobody reads it any more.
    let _ = request.respond(response);
}

/// The text.
fn collect(connection: &Connection) -> Result<String> {
    let counts = connection.status().context("asking how the services are")?.counts;
    let services = Reading::take(connection)?.services;
    let services = services.into_iter().map(Service::from).collect();
    let mut registry = Registry::with_prefix("veridian");
    registry.register_collector(Box::new(Snapshot { counts, services }));
    let mut written = String::new();
    text::encode(&mut written, &registry).context("writing metrics")?;
    Ok(written)
}

/// What was read of a system.
#[derive(Debug)]
struct Snapshot {
    counts: Counts,
    services: Vec<Service>,
}

#[derive(Debug)]
struct Service {
    labels: [(&'static str, String); 1],
    reading: ServiceReading,
    in_flight: u64,
    times: Histogram,
}

impl From<ServiceReading> for Service {
    fn from(reading: ServiceReading) -> Self {
        let mut times = Histogram::default();
        let mut in_flight = 0u64;
        for each in reading.sessions.values() {
            times += &each.statistics.times;
            in_flight = in_flight.saturating_add(each.statistics.work.in_flight);
        }
        let labels = [("service", reading.status.name.as_str().to_owned())];
        Self { labels, reading, in_flight, times }
    }
}

impl Service {
    /// Sum, count, and how many are in each bucket.
    fn latencies(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let mut buckets: Vec<(u64, u64)> = BUCKETS.iter().map(|bits| (1 << bits, 0)).collect();
        buckets.push((u64::MAX, 0));
        let mut sum_ns = 0u64;
        for (bucket, count) in self.times.buckets() {
            let ns = Histogram::longest_ns(bucket);
            sum_ns = sum_ns.saturating_add(ns.saturating_mul(count));
            if let Some((_, counted)) = buckets.iter_mut().find(|(end, _)| ns < *end) {
                *counted += count;
            }
        }
        let end = |ns: u64| if ns == u64::MAX { f64::INFINITY } else { seconds(ns) };
        let buckets = buckets.into_iter().map(|(ns, count)| (end(ns), count)).collect();
        (seconds(sum_ns), self.times.total(), buckets)
    }
}

#[expect(clippy::cast_precision_loss, reason = "to nine digits or more")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.encode_counts(encoder)?;
        self.encode_work(encoder)?;
        let of_status = |service: &Service| service.reading.status;
        self.gauge(encoder, "service_up", "1 if the service is ready", None, |service| {
            u64::from(of_status(service).state == ServiceState::Ready)
        })?;
        self.gauge(
            encoder,
            "service_uptime",
            "Time since it was ready",
            Some(&Unit::Seconds),
            |it| seconds(of_status(it).uptime_ns),
        )?;
        let help = "Time from its start until it was ready";
        self.gauge(encoder, "service_start", help, Some(&Unit::Seconds), |service| {
            seconds(of_status(service).start_ns)
        })?;
        self.gauge(encoder, "service_memory", "Resident memory", Some(&Unit::Bytes), |service| {
            of_status(service).resident_bytes
        })?;
        self.gauge(encoder, "service_sessions", "Open sessions", None, |service| {
            of_status(service).sessions
        })?;
        let help = "Requests accepted and not completed";
        self.gauge(encoder, "service_requests_in_flight", help, None, |it| it.in_flight)?;
        self.encode_usage(encoder)
    }
}

impl Snapshot {
    /// What the broker keeps.
    fn encode_counts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Counts { clients, sessions, regions, capabilities, init_restarts, .. } = self.counts;
        for (name, help, value) in [
            ("clients", "Connections to the broker", clients),
            ("sessions", "Open sessions", sessions),
            ("regions", "Regions that services grant from", regions),
            ("capabilities", "Capabilities that clients hold", capabilities),
        ] {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        let help = "How often the broker was started again";
        encoder
            .encode_descriptor("init_restarts", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&init_restarts, None)
    }

    /// What services have done.
    fn encode_work(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        self.counter(encoder, "service_restarts", "How often it was started again", |service| {
            service.reading.status.restarts.into()
        })?;
        self.counter(encoder, "service_requests", "Requests completed", |service| {
            service.reading.status.completed
        })?;
        self.counter(encoder, "service_errors", "Requests completed with an error", |service| {
            service.reading.status.errors
        })?;
        let help = "Sessions opened so far";
        self.counter(encoder, "service_sessions_opened", help, |it| it.reading.status.opened)?;
        let help = "Processor time";
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Counter);
        let mut metric = encoder.encode_descriptor("service_cpu", help, unit, kind)?;
        for service in &self.services {
            if let Some(time) = service.reading.cpu {
                let mut of_service = metric.encode_family(&service.labels)?;
                of_service.encode_counter::<NoLabelSet, _, u64>(&time.as_secs_f64(), None)?;
            }
        }
        let help = "Time from acceptance to completion of some of the requests";
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Histogram);
        let mut metric = encoder.encode_descriptor("service_latency", help, unit, kind)?;
        for service in &self.services {
            let (sum, count, buckets) = service.latencies();
            let mut of_service = metric.encode_family(&service.labels)?;
            of_service.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    /// What services say of their memory.
    fn encode_usage(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What the service has in memory, by kind";
        let mut metric =
            encoder.encode_descriptor("service_usage", help, None, MetricType::Gauge)?;
        for service in &self.services {
            let [(label, name)] = &service.labels;
            for (kind, value) in &service.reading.usage {
                let labels = [(*label, name.as_str()), ("kind", kind.as_str())];
                metric.encode_family(&labels)?.encode_gauge(value)?;
            }
        }
        Ok(())
    }

    fn gauge<V: prometheus_client::encoding::EncodeGaugeValue>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl Fn(&Service) -> V,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for service in &self.services {
            metric.encode_family(&service.labels)?.encode_gauge(&value(service))?;
        }
        Ok(())
    }

    fn counter(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&Service) -> u64,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for service in &self.services {
            let mut of_service = metric.encode_family(&service.labels)?;
            of_service.encode_counter::<NoLabelSet, _, u64>(&value(service), None)?;
        }
        Ok(())
    }
}
