//! The services as init keeps them. What is done with them is in `lifecycle` and `supervision`.

use crate::lives::Lives;
use crate::outbox::Outbox;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use capability::Handle;
use control::message::{
    Header, Layers, Message, Name, Pong, ServiceCommand, ServiceState, ServiceStatus,
};
use control::platform::{Packet, Restart, Unit};
use dataplane::platform::Instant;
use dataplane::{Descriptor, SessionId};

/// What an answer of a service is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The session is served, or refused.
    Opened(SessionId),
    /// The service has let the session go; nothing of it executes any more.
    Closed(SessionId),
    /// The service's counters, for a client's question.
    Counters { question: u64 },
    /// A sign of life.
    Heartbeat,
    /// What the service has done for its sessions, for a client.
    Statistics { client: u64, request: u64 },
    /// The answer to a client's message, which came by this capability.
    Told { client: u64, request: u64, by: Handle },
    /// What a token allows that a client has shown.
    Authenticated { client: u64, request: u64 },
    /// Whether a user session goes on.
    UserSession(u64),
    /// It does what a client wants, or does not.
    Done { client: u64, request: u64 },
    /// The service has stopped.
    Stopped,
    /// The logger has a record of init's own.
    Noted,
}

/// Who runs a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// init, as its unit says.
    Unit,
    /// A client, by its number: it is an endpoint.
    Client { id: u64, is_registered: bool },
    /// Nobody: the place is free.
    Nobody,
}

impl Provider {
    /// The client that serves it.
    pub(crate) fn client(self) -> Option<u64> {
        match self {
            Self::Client { id, .. } => Some(id),
            Self::Unit | Self::Nobody => None,
        }
    }
}

pub(crate) struct Service {
    pub(crate) provider: Provider,
    pub(crate) unit: Unit,
    pub(crate) name: Name,
    /// Places of the services that it needs, and of those that it comes after besides.
    pub(crate) needs: Vec<usize>,
    pub(crate) after: Vec<usize>,
    pub(crate) state: ServiceState,
    pub(crate) lives: Lives,
    /// When something must have happened: being ready, being started again, having stopped.
    pub(crate) deadline: Option<Instant>,
    pub(crate) pulse: Pulse,
    /// Whether it is to be started, or started again when it has stopped.
    pub(crate) starts_again: bool,
    /// Whether this incarnation has done something for somebody, as far as is known.
    pub(crate) has_worked: bool,
    /// Whether it was ended by force.
    pub(crate) is_killed: bool,
    /// Why and where its last incarnation was ended, if that was because it gave no sign of life.
    pub(crate) last_words: String,
    /// How often an incarnation was ended because it gave no sign of life.
    pub(crate) hung: u32,
    /// Everybody's rights to it are derived from this capability of init's own.
    pub(crate) capability: Handle,
    pub(crate) epoch: u32,
    pub(crate) pid: u32,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) exit: Option<Descriptor>,
    pub(crate) spawned: Instant,
    /// The place of the service that it waited for last before it was spawned.
    pub(crate) waited_for: Option<usize>,
    pub(crate) ready: Instant,
    pub(crate) sessions: BTreeSet<SessionId>,
    pub(crate) counters: Pong,
    pub(crate) confinement: Layers,
    /// System calls that were refused to it.
    pub(crate) refused: u32,
    awaited: BTreeMap<u64, Awaited>,
    pub(crate) next_request: u64,
}

/// Finds the places of those that each service needs, or comes after, from their names.
pub(crate) fn find_places(services: &mut [Service]) {
    let named = services.iter().map(|service| service.is_unit().then_some(service.name));
    let names: Vec<Option<Name>> = named.collect();
    let is_it = |name: &String, other: &Option<Name>| other.is_some_and(|it| it.as_str() == name);
    let place_of = |name: &String| names.iter().position(|other| is_it(name, other));
    for service in services {
        service.needs = service.unit.needs.iter().filter_map(place_of).collect();
        service.after = service.unit.after.iter().filter_map(place_of).collect();
    }
}

/// Whether a service gives signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It is not asked: it does not run, or nobody wants to know.
    None,
    /// It is asked at this time.
    AskAt(Instant),
    /// It must answer by this time.
    AnswerBy(Instant),
    /// It has not; it may say until this time where it is.
    SayWhereBy(Instant),
}

impl Pulse {
    /// When something is to be done.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::AskAt(at) | Self::AnswerBy(at) | Self::SayWhereBy(at) => Some(at),
        }
    }
}

impl Service {
    pub(crate) fn new(unit: Unit, name: Name, capability: Handle) -> Self {
        Self {
            provider: Provider::Unit,
            unit,
            name,
            needs: Vec::new(),
            after: Vec::new(),
            state: ServiceState::Stopped,
            lives: Lives::default(),
            deadline: None,
            pulse: Pulse::None,
            starts_again: true,
            has_worked: false,
            is_killed: false,
            last_words: String::new(),
            hung: 0,
            capability,
            epoch: 0,
            pid: 0,
            outbox: None,
            exit: None,
            spawned: Instant::default(),
            waited_for: None,
            ready: Instant::default(),
            sessions: BTreeSet::new(),
            counters: Pong::default(),
            confinement: Layers::default(),
            refused: 0,
            awaited: BTreeMap::new(),
            next_request: 1,
        }
    }

    /// That of an endpoint, which gives signs of life as services do, and is not started again.
    pub(crate) fn endpoint(name: Name, capability: Handle, provider: Provider) -> Self {
        let unit = Unit { restart: Restart::Never, ..Unit::new(name.as_str()) };
        Self { provider, starts_again: false, ..Self::new(unit, name, capability) }
    }

    /// Whether there is one at this place.
    pub(crate) fn is_there(&self) -> bool {
        self.provider != Provider::Nobody
    }

    /// Whether a client serves it.
    pub(crate) fn is_endpoint(&self) -> bool {
        matches!(self.provider, Provider::Client { .. })
    }

    /// Whether it is a unit's.
    pub(crate) fn is_unit(&self) -> bool {
        self.provider == Provider::Unit
    }

    /// Whether everybody is given a capability for it.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.provider, Provider::Unit | Provider::Client { is_registered: true, .. })
    }

    /// Takes other settings. What it needs and whom it may use counts from a start of the system on,
    /// and stays.
    pub(crate) fn take_unit(&mut self, new: Unit) {
        let old = core::mem::replace(&mut self.unit, new);
        (self.unit.needs, self.unit.wants, self.unit.after) = (old.needs, old.wants, old.after);
        self.unit.capabilities = old.capabilities;
    }

    /// Sends a command whose answer matters. If the service is gone, its end is noticed soon.
    pub(crate) fn ask(
        &mut self,
        command: &ServiceCommand,
        descriptors: Vec<Descriptor>,
        awaited: Awaited,
    ) {
        let request = self.next_request;
        self.next_request += 1;
        self.awaited.insert(request, awaited);
        self.send(request, command, descriptors);
    }

    /// Sends a command, or the answer to a request of the service.
    pub(crate) fn send(
        &mut self,
        request: u64,
        command: &ServiceCommand,
        descriptors: Vec<Descriptor>,
    ) {
        if let Some(outbox) = &mut self.outbox {
            let bytes = command.encode(Header::new(request));
            // A failure shows as a hang-up, which is dealt with there.
            let _ = outbox.send(Packet { bytes, descriptors });
        }
    }

    /// What an answer was waited for.
    pub(crate) fn answered(&mut self, request: u64) -> Option<Awaited> {
        self.awaited.remove(&request)
    }

    /// Everything that will not be answered any more.
    pub(crate) fn abandon(&mut self) -> Vec<(u64, Awaited)> {
        core::mem::take(&mut self.awaited).into_iter().collect()
    }

    /// Messages of clients that it has not answered: the number of each, the client, and the
    /// capability by which it came.
    pub(crate) fn told(&self) -> impl Iterator<Item = (u64, u64, Handle)> {
        self.awaited.iter().filter_map(|(number, awaited)| match awaited {
            Awaited::Told { client, by, .. } => Some((*number, *client, *by)),
            _ => None,
        })
    }

    /// Tells it something that is not answered.
    pub(crate) fn tell(&mut self, command: &ServiceCommand) {
        self.send(0, command, Vec::new());
    }

    /// Whether it has a process.
    pub(crate) fn is_running(&self) -> bool {
        self.outbox.is_some()
    }

    /// Whether it serves, or will when what it needs is back.
    pub(crate) fn serves(&self) -> bool {
        matches!(self.state, ServiceState::Ready | ServiceState::Paused)
    }

    pub(crate) fn status(&self, now: Instant, resident_bytes: u64) -> ServiceStatus {
        let is_restarting = self.state == ServiceState::Restarting;
        let retry = self.deadline.filter(|_| is_restarting);
        ServiceStatus {
            name: self.name,
            start_ns: self.ready.since_ns(self.spawned),
            uptime_ns: if self.serves() { now.since_ns(self.ready) } else { 0 },
            resident_bytes,
            accepted: self.counters.accepted,
            completed: self.counters.completed,
            errors: self.counters.errors,
            quarantined: self.counters.quarantined,
            opened: self.counters.sessions,
            pid: self.pid,
            sessions: u32::try_from(self.sessions.len()).unwrap_or(u32::MAX),
            epoch: self.epoch,
            state: self.state,
            retry_ns: retry.map_or(0, |at| at.since_ns(now)),
            restarts: self.lives.restarts,
            failures: self.lives.failures,
            last_end: self.lives.last_end,
            confinement: self.confinement,
            refused: self.refused,
        }
    }
}
