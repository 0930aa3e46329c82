//! The services as init keeps them: started in dependency order, stopped in reverse.

use crate::outbox::Outbox;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use capability::Handle;
use control::message::{Header, Message, Name, Pong, ServiceCommand, ServiceState, ServiceStatus};
use control::platform::{Packet, Unit};
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
    /// What the service has done for its sessions, for a client.
    Statistics { client: u64, request: u64 },
    /// The answer to a client's message.
    Told { client: u64, request: u64 },
    /// It does what a client wants, or does not.
    Done { client: u64, request: u64 },
    /// The service has stopped.
    Stopped,
}

pub(crate) struct Service {
    pub(crate) unit: Unit,
    pub(crate) name: Name,
    /// Places of the services that it needs.
    pub(crate) needs: Vec<usize>,
    pub(crate) state: ServiceState,
    /// Everybody's rights to it are derived from this capability of init's own.
    pub(crate) capability: Handle,
    pub(crate) epoch: u32,
    pub(crate) pid: u32,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) exit: Option<Descriptor>,
    pub(crate) spawned: Instant,
    pub(crate) ready: Instant,
    pub(crate) sessions: BTreeSet<SessionId>,
    pub(crate) counters: Pong,
    awaited: BTreeMap<u64, Awaited>,
    next_request: u64,
}

impl Service {
    pub(crate) fn new(unit: Unit, name: Name, needs: Vec<usize>, capability: Handle) -> Self {
        Self {
            unit,
            name,
            needs,
            state: ServiceState::Stopped,
            capability,
            epoch: 0,
            pid: 0,
            outbox: None,
            exit: None,
            spawned: Instant::default(),
            ready: Instant::default(),
            sessions: BTreeSet::new(),
            counters: Pong::default(),
            awaited: BTreeMap::new(),
            next_request: 1,
        }
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
    pub(crate) fn abandon(&mut self) -> Vec<Awaited> {
        core::mem::take(&mut self.awaited).into_values().collect()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.outbox.is_some()
    }

    pub(crate) fn status(&self, now: Instant, resident_bytes: u64) -> ServiceStatus {
        let ready = self.state == ServiceState::Ready;
        ServiceStatus {
            name: self.name,
            start_ns: self.ready.since_ns(self.spawned),
            uptime_ns: if ready { now.since_ns(self.ready) } else { 0 },
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
        }
    }
}
