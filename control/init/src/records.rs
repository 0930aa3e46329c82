//! How what init knows is written to the journal: one value for each client, session, service and
//! region, those of the units (`accepted`) and of the capabilities (`spaces`), and one for the rest. All of them are sequences of
//! 64-bit words.
//!
//! Changing something touches its key; before init answers for what it did, it commits: each key that
//! was touched is written as it is then, or removed. Capabilities note by themselves what changes.

use crate::accepted::unit_words;
use crate::clients::Client;
use crate::endpoints;
use crate::init::Init;
use crate::journal::{Journal, Key};
use crate::principals::Given;
use crate::services::Service;
use crate::sessions::{Phase, SessionRecord};
use crate::spaces;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use capability::{Handle, Rights};
use control::message::{Layers, ServiceState, SessionTerms};
use control::platform::{Keeper, Poking};
use dataplane::Owner;
use dataplane::{Descriptor, SessionId, WaitMode};

pub(crate) const CLIENT: u16 = 1;
pub(crate) const SESSION: u16 = 2;
pub(crate) const REGION: u16 = 3;
pub(crate) const SERVICE: u16 = 4;
pub(crate) const SPACE: u16 = 5;
pub(crate) const REST: u16 = 6;
pub(crate) const AUTHENTICATION: u16 = 7;
pub(crate) const SLOT: u16 = 8;
pub(crate) const UNIT: u16 = 9;
pub(crate) const ENDPOINT: u16 = 10;

/// The journal and what was changed since the last commit. Without a keeper there is neither.
pub(crate) struct Records {
    pub(crate) keeper: Box<dyn Keeper>,
    pub(crate) journal: Journal<Owner>,
    touched: BTreeSet<Key>,
}

impl Records {
    /// None: nothing outlives this process, or the journal cannot be used.
    pub(crate) fn open(keeper: Option<Box<dyn Keeper>>) -> Option<Self> {
        let keeper = keeper?;
        let journal = Journal::open(keeper.journal()?).ok()?;
        Some(Self { keeper, journal, touched: BTreeSet::new() })
    }
}

/// The key under which descriptors of something are kept.
pub(crate) fn keeper_key(kind: u16, id: u64) -> u64 {
    u64::from(kind) << 56 | id
}

/// The words of a value, one after the other.
pub(crate) struct Words<'a>(core::slice::ChunksExact<'a, u8>);

impl<'a> Words<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.chunks_exact(8))
    }

    pub(crate) fn word(&mut self) -> Option<u64> {
        self.0.next()?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(crate) fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.word()?).ok()
    }

    /// So many of something, which comes behind its number.
    pub(crate) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count: usize = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }
}

impl Init {
    /// Something has changed that the next init must know.
    pub(crate) fn touch(&mut self, kind: u16, id: u64) {
        if let Some(records) = &mut self.records {
            records.touched.insert(Key { kind, id });
        }
    }

    /// Has descriptors kept that the next init needs, and their key written down.
    pub(crate) fn keep(&mut self, kind: u16, id: u64, descriptors: &[Descriptor]) {
        if let Some(records) = &self.records {
            let poking = if kind == SESSION { Poking::First } else { Poking::Never };
            records.keeper.keep(keeper_key(kind, id), descriptors, poking);
        }
        self.touch(kind, id);
        self.touch(REST, 0);
    }

    /// Writes down what has changed.
    pub(crate) fn commit(&mut self) {
        let changes = self.capabilities.take_changes();
        let Some(mut records) = self.records.take() else { return };
        let touched = core::mem::take(&mut records.touched);
        if touched.is_empty() && changes.is_empty() {
            self.records = Some(records);
            return;
        }
        let mut gone = Vec::new();
        let mut written = spaces::write(&mut records.journal, &self.capabilities, &changes);
        for key in touched {
            let value = self.value(key);
            let is_over = value.is_none() && matches!(key.kind, CLIENT | SESSION | REGION);
            if is_over || key.kind == ENDPOINT && !self.is_endpoint(key.id) {
                gone.push(keeper_key(key.kind, key.id));
            }
            written = written.and_then(|()| records.journal.set(key, value));
        }
        if written.is_err() {
            // No journal is better than one that says what is not so: the system goes on, and the
            // next init begins anew.
            records.journal.invalidate();
            return;
        }
        records.journal.commit();
        gone.into_iter().for_each(|key| records.keeper.forget(key));
        self.records = Some(records);
    }

    /// What is to be written under a key; nothing if it is no more.
    fn value(&self, key: Key) -> Option<Vec<u64>> {
        match key.kind {
            CLIENT => self.clients.get(&key.id).map(client),
            SESSION => self.sessions.get(&SessionId(key.id)).map(session),
            REGION => self.grants.record(key.id).map(|(place, bytes)| alloc::vec![place, bytes]),
            SERVICE => self.services.get(usize::try_from(key.id).ok()?).map(service),
            ENDPOINT => self.services.get(usize::try_from(key.id).ok()?).and_then(endpoints::words),
            UNIT => self.services.get(usize::try_from(key.id).ok()?).map(|it| unit_words(&it.unit)),
            AUTHENTICATION => self.given.get(&key.id).map(Given::words),
            _ => Some(self.rest()),
        }
    }

    fn rest(&self) -> Vec<u64> {
        let mut words = alloc::vec![
            self.incarnation,
            self.next_client,
            self.next_session,
            self.grants.next(),
            self.started.0,
            u64::from(self.is_told),
            self.own.to_word(),
            self.system.to_word(),
        ];
        words.push(self.services.len() as u64);
        words.extend(self.services.iter().map(|service| service.capability.to_word()));
        words
    }
}

fn client(client: &Client) -> Vec<u64> {
    let mut words = alloc::vec![client.space.to_word(), client.last_request];
    let open: Vec<u64> = client.unanswered().collect();
    words.push(open.len() as u64);
    words.extend(open);
    words
}

fn session(record: &SessionRecord) -> Vec<u64> {
    let (phase, request) = match record.phase {
        Phase::Opening { request } => (0, request),
        Phase::Open => (1, 0),
        Phase::Closing => (2, 0),
        Phase::Over => (3, 0),
    };
    let place = record.service() as u64;
    let mut words = alloc::vec![record.client, record.capability.to_word(), phase, request, place];
    let terms = &record.terms;
    words.extend([terms.session.0, terms.badge, terms.rights.bits(), terms.arena_bytes]);
    words.extend([terms.epoch, terms.sq_entries, terms.cq_entries].map(u64::from));
    words.extend([terms.max_handles, terms.max_in_flight].map(u64::from));
    words.extend([u64::from(terms.max_pinned_pages), u64::from(terms.queues)]);
    words.push(waiting_number(terms.waiting));
    words.push(record.offered.len() as u64);
    words.extend(record.offered.iter().flat_map(|(grant, region)| [u64::from(*grant), region.0]));
    words
}

/// What the journal says of a session.
pub(crate) struct SavedSession {
    pub(crate) client: u64,
    pub(crate) capability: Handle,
    pub(crate) phase: Phase,
    pub(crate) service: usize,
    pub(crate) terms: SessionTerms,
    pub(crate) offered: Vec<(u32, u64)>,
}

impl SavedSession {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let words = &mut Words::new(bytes);
        let (client, capability) = (words.word()?, Handle::from_word(words.word()?)?);
        let phase = match (words.word()?, words.word()?) {
            (0, request) => Phase::Opening { request },
            (1, _) => Phase::Open,
            (2, _) => Phase::Closing,
            _ => Phase::Over,
        };
        let service = words.number()?;
        let terms = SessionTerms {
            session: SessionId(words.word()?),
            badge: words.word()?,
            rights: Rights::from_bits_truncate(words.word()?),
            arena_bytes: words.word()?,
            epoch: words.number()?,
            sq_entries: words.number()?,
            cq_entries: words.number()?,
            max_handles: words.number()?,
            max_in_flight: words.number()?,
            max_pinned_pages: words.number()?,
            queues: words.number()?,
            waiting: waiting_mode(words.word()?),
        };
        let offered = words.list(|words| Some((words.number()?, words.word()?)))?;
        Some(Self { client, capability, phase, service, terms, offered })
    }
}

fn waiting_number(mode: WaitMode) -> u64 {
    match mode {
        WaitMode::Adaptive => 0,
        WaitMode::Polling => 1,
        WaitMode::Sleeping => 2,
    }
}

fn waiting_mode(number: u64) -> WaitMode {
    match number {
        1 => WaitMode::Polling,
        2 => WaitMode::Sleeping,
        _ => WaitMode::Adaptive,
    }
}

fn service(service: &Service) -> Vec<u64> {
    let mut words = alloc::vec![
        state_number(service.state),
        u64::from(service.epoch),
        u64::from(service.pid),
        service.spawned.0,
        service.ready.0,
        service.deadline.map_or(0, |at| at.0),
        u64::from(service.starts_again),
        u64::from(service.is_killed),
        u64::from(service.has_worked),
        u64::from(service.hung),
        u64::from(service.confinement.bits()),
        u64::from(service.refused),
    ];
    words.extend(service.lives.words());
    words
}

/// What the journal says of a service is put into it.
pub(crate) fn read_service(service: &mut Service, bytes: &[u8]) -> Option<()> {
    let words = &mut Words::new(bytes);
    service.state = state(words.word()?);
    (service.epoch, service.pid) = (words.number()?, words.number()?);
    let mut instant = || words.word().map(dataplane::platform::Instant);
    (service.spawned, service.ready) = (instant()?, instant()?);
    service.deadline = instant().filter(|at| at.0 != 0);
    service.starts_again = words.word()? != 0;
    service.is_killed = words.word()? != 0;
    service.has_worked = words.word()? != 0;
    service.hung = words.number()?;
    service.confinement = Layers::from_bits_truncate(words.number()?);
    service.refused = words.number()?;
    service.lives = crate::lives::Lives::read(words)?;
    Some(())
}

fn state_number(state: ServiceState) -> u64 {
    match state {
        ServiceState::Starting => 0,
        ServiceState::Ready => 1,
        ServiceState::Stopping => 2,
        ServiceState::Stopped => 3,
        ServiceState::Failed => 4,
        ServiceState::Restarting => 5,
        ServiceState::Quarantined => 6,
        ServiceState::Paused => 7,
    }
}

fn state(number: u64) -> ServiceState {
    match number {
        0 => ServiceState::Starting,
        1 => ServiceState::Ready,
        2 => ServiceState::Stopping,
        3 => ServiceState::Stopped,
        5 => ServiceState::Restarting,
        6 => ServiceState::Quarantined,
        7 => ServiceState::Paused,
        _ => ServiceState::Failed,
    }
}
