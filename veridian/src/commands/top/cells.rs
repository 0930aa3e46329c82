//! What stands in which column, on the screen and in plain samples, and how rows are ordered.

use super::sample::{Rates, Sample, ServiceSample, SessionSample};
use crate::output::{Align, duration, size};
use Align::{Left, Right};
use std::cmp::Ordering;

/// What is shown where there is nothing to show.
const NOTHING: &str = "–";

/// Columns of services.
pub(super) const SERVICE: [(Align, &str); 11] = [
    (Left, "service"),
    (Right, "pid"),
    (Right, "op/s"),
    (Right, "p50"),
    (Right, "p99"),
    (Right, "p99.9"),
    (Right, "in flight"),
    (Right, "errors/s"),
    (Right, "cpu"),
    (Right, "memory"),
    (Right, "sessions"),
];

/// Columns of sessions.
pub(super) const SESSION: [(Align, &str); 11] = [
    (Right, "session"),
    (Left, "service"),
    (Right, "pid"),
    (Right, "user"),
    (Left, "program"),
    (Right, "op/s"),
    (Right, "p50"),
    (Right, "p99"),
    (Right, "p99.9"),
    (Right, "in flight"),
    (Right, "errors/s"),
];

/// By which column sessions are ordered at first.
pub(super) const BUSIEST: usize = 5;

pub(super) fn service(service: &ServiceSample) -> [String; 11] {
    let [rate, p50, p99, p999, in_flight, errors] = rates(&service.rates);
    [
        service.name.clone(),
        service.pid.to_string(),
        rate,
        p50,
        p99,
        p999,
        in_flight,
        errors,
        service.cpu_percent.map_or(NOTHING.into(), |percent| format!("{percent:.1} %")),
        size(service.resident_bytes),
        service.sessions.len().to_string(),
    ]
}

pub(super) fn session((service, session): (&ServiceSample, &SessionSample)) -> [String; 11] {
    let [rate, p50, p99, p999, in_flight, errors] = rates(&session.rates);
    [
        session.session.to_string(),
        service.name.clone(),
        session.pid.to_string(),
        session.uid.to_string(),
        session.program.clone().unwrap_or(NOTHING.into()),
        rate,
        p50,
        p99,
        p999,
        in_flight,
        errors,
    ]
}

fn rates(rates: &Rates) -> [String; 6] {
    let time = |ns: Option<u64>| ns.map_or(NOTHING.into(), duration);
    [
        format!("{:.0}", rates.operations_per_s),
        time(rates.p50_ns),
        time(rates.p99_ns),
        time(rates.p999_ns),
        rates.in_flight.to_string(),
        format!("{:.0}", rates.errors_per_s),
    ]
}

/// What a service says of its memory, on a line.
pub(super) fn usage(service: &ServiceSample) -> Option<String> {
    let value = |(name, value): (&String, &u64)| match name.strip_suffix("_bytes") {
        Some(name) => format!("{name} {}", size(*value)),
        None => format!("{} {value}", name.replace('_', " ")),
    };
    let values: Vec<String> = service.usage.iter().map(value).collect();
    (!values.is_empty()).then(|| format!("{}: {}", service.name, values.join(", ")))
}

/// All sessions, the highest of a column first; of the columns with words, the first.
pub(super) fn sessions(sample: &Sample, column: usize) -> Vec<(&ServiceSample, &SessionSample)> {
    let of = |service| move |session| (service, session);
    let mut all: Vec<_> =
        sample.services.iter().flat_map(|s| s.sessions.iter().map(of(s))).collect();
    all.sort_by(|(a_service, a), (b_service, b)| {
        let (ours, theirs) = (&a.rates, &b.rates);
        let order = match column {
            0 => a.session.cmp(&b.session),
            1 => a_service.name.cmp(&b_service.name),
            2 => a.pid.cmp(&b.pid),
            3 => a.uid.cmp(&b.uid),
            4 => a.program.cmp(&b.program),
            6 => theirs.p50_ns.cmp(&ours.p50_ns),
            7 => theirs.p99_ns.cmp(&ours.p99_ns),
            8 => theirs.p999_ns.cmp(&ours.p999_ns),
            9 => theirs.in_flight.cmp(&ours.in_flight),
            10 => theirs.errors_per_s.total_cmp(&ours.errors_per_s),
            _ => Ordering::Equal,
        };
        let busier = theirs.operations_per_s.total_cmp(&ours.operations_per_s);
        order.then(busier).then(a.session.cmp(&b.session))
    });
    all
}
