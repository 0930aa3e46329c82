//! What a service may take of the machine, put in force before its program starts.
//!
//! Memory, tasks and processor time are limits of control groups. Where there are none to be had,
//! memory is bounded as a process's private writable memory (`RLIMIT_DATA`), which is less: shared
//! regions do not count. Address space is no measure, most of it is never touched; and processes by
//! user (`RLIMIT_NPROC`) would count what others of the same user run, and root's not at all.
//! Descriptors are a resource limit everywhere.

use super::control_group::{Bound, Groups, Missing};
use control::message::{Layer, LayerState, Layers};
use control::platform::{Limits, Unit};
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Microseconds that processor time is counted by; the kernel's own default.
const PERIOD_US: u64 = 100_000;

/// What is prepared for one service.
pub(super) struct Bounds {
    /// Kept as long as the service runs.
    pub groups: Groups,
    /// What its process does before its program starts.
    pub entry: Entry,
    /// What is in force.
    pub layers: Layers,
}

/// What a new process does to be limited: system calls and nothing else.
#[derive(Default)]
pub(super) struct Entry {
    doors: Vec<OwnedFd>,
    resources: Vec<(Resource, Rlimit)>,
}

impl Entry {
    /// Limits this process.
    pub(super) fn enter(&self) -> rustix::io::Result<()> {
        for door in &self.doors {
            rustix::io::write(door, b"0")?;
        }
        for (resource, limit) in &self.resources {
            setrlimit(*resource, *limit)?;
        }
        Ok(())
    }
}

/// Prepares the limits of a service that is about to be started.
pub(super) fn prepare(unit: &Unit) -> Bounds {
    let mut groups = Groups::default();
    let mut entry = Entry::default();
    let mut layers = Layers::default();
    let mut bound = |groups: &mut Groups, bound: &Bound| {
        let outcome = groups.bound(&unit.name, bound);
        let (before, now) = (layers.state(Layer::ControlGroup), state(outcome));
        // One that is missing is what is said of all.
        if matches!(before, LayerState::NotWanted | LayerState::InForce) {
            layers = layers.with(Layer::ControlGroup, now);
        }
        outcome.is_ok()
    };
    for other in of_groups(&unit.limits) {
        bound(&mut groups, &other);
    }
    let memory = unit.limits.memory_bytes;
    let is_bounded = memory.is_some_and(|bytes| bound(&mut groups, &of_memory(bytes)));
    match groups.doors() {
        Ok(doors) => entry.doors = doors,
        Err(_) => layers = layers.with(Layer::ControlGroup, LayerState::NotPermitted),
    }
    if let Some(bytes) = memory.filter(|_| !is_bounded || entry.doors.is_empty()) {
        entry.resources.push(resource(Resource::Data, bytes));
    }
    if let Some(most) = unit.limits.descriptors {
        entry.resources.push(resource(Resource::Nofile, most.into()));
    }
    if !entry.resources.is_empty() {
        layers = layers.with(Layer::ResourceLimits, LayerState::InForce);
    }
    Bounds { groups, entry, layers }
}

fn state(outcome: Result<(), Missing>) -> LayerState {
    match outcome {
        Ok(()) => LayerState::InForce,
        Err(Missing::NotPermitted) => LayerState::NotPermitted,
        Err(Missing::NotInKernel) => LayerState::NotInKernel,
    }
}

/// No more than this process has itself, which every process may take.
fn resource(resource: Resource, most: u64) -> (Resource, Rlimit) {
    let most = getrlimit(resource).maximum.map_or(most, |maximum| most.min(maximum));
    (resource, Rlimit { current: Some(most), maximum: Some(most) })
}

fn of_memory(bytes: u64) -> Bound {
    Bound {
        controller: "memory",
        first: ("memory.limit_in_bytes", bytes.to_string()),
        second: ("memory.max", bytes.to_string()),
    }
}

fn of_groups(limits: &Limits) -> impl Iterator<Item = Bound> {
    let tasks = limits.tasks.map(|most| Bound {
        controller: "pids",
        first: ("pids.max", most.to_string()),
        second: ("pids.max", most.to_string()),
    });
    let processor = limits.cpu_percent.map(|percent| {
        let quota = u64::from(percent) * PERIOD_US / 100;
        Bound {
            controller: "cpu",
            first: ("cpu.cfs_quota_us", quota.to_string()),
            second: ("cpu.max", format!("{quota} {PERIOD_US}")),
        }
    });
    tasks.into_iter().chain(processor)
}
