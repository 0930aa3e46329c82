//! The way to the logger: a session for each service, and init's own records.
//!
//! A session of a service is one like a client's; its holder is the service, and ends with it. init
//! has no rings: its records, which are few, go as messages.

use crate::init::Init;
use crate::policy;
use crate::records::SESSION;
use crate::services::{Awaited, Service};
use crate::sessions::SessionRecord;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use capability::Rights;
use control::message::{
    Connected, OpenSession, PeerIdentity, ServiceCommand, SessionTerms, TellService,
};
use control::platform::Peer;
use dataplane::log::{Level, Record};
use dataplane::platform::Instant;
use dataplane::{Descriptor, SessionId, WaitMode};
use rings::Geometry;

/// The service that keeps records.
const LOGGER: &str = "logger";
/// Sessions that services hold have a holder of this number and their place.
const HOLDERS: u64 = 1 << 48;
/// init's own records that wait for the logger.
const MOST_WAITING: usize = 256;
/// init's own records within a second: clients and services that cause more of them by what they do
/// find the rest dropped, and counted.
const MOST_A_SECOND: u32 = 500;
const SECOND_NS: u64 = 1_000_000_000;
/// Sizes of a session for records.
const SQ_ENTRIES: u32 = 32;
const CQ_ENTRIES: u32 = 64;
const ARENA_BYTES: u64 = 128 << 10;

/// init's own records that the logger does not have yet.
#[derive(Default)]
pub(crate) struct OwnRecords {
    waiting: VecDeque<Vec<u8>>,
    sequence: u64,
    dropped: u64,
    /// A second, and how many there were in it.
    second: Instant,
    in_second: u32,
}

/// The place of the service that holds a session; none if a client does.
pub(crate) fn holding_service(holder: u64) -> Option<usize> {
    holder.checked_sub(HOLDERS).and_then(|place| usize::try_from(place).ok())
}

impl Init {
    fn logger(&self) -> Option<usize> {
        let is_logger = |service: &Service| service.is_unit() && service.unit.name == LOGGER;
        self.services
            .iter()
            .position(is_logger)
            .filter(|place| self.services.get(*place).is_some_and(Service::serves))
    }

    /// A service serves: it gets a session with the logger; if it is the logger, all do.
    pub(crate) fn connect_to_logger(&mut self) {
        let Some(logger) = self.logger() else { return };
        self.send_own_records(logger);
        for place in 0..self.services.len() {
            let holder = HOLDERS + place as u64;
            let is_connected = self.sessions.values().any(|record| record.client == holder);
            let wants = self.services.get(place).is_some_and(|service| {
                service.serves()
                    && service.unit.capabilities.iter().any(|(name, rights)| {
                        name == LOGGER && rights.contains(Rights::CONNECT | Rights::WRITE)
                    })
            });
            if wants && !is_connected && place != logger {
                self.open_log(logger, place, holder);
            }
        }
    }

    fn open_log(&mut self, logger: usize, place: usize, holder: u64) {
        let Ok(geometry) = Geometry::new(SQ_ENTRIES, CQ_ENTRIES) else { return };
        let peer = self.peer_of(place);
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let Some(service) = self.services.get(logger) else { return };
        let badge = holder;
        let mut terms = SessionTerms {
            session,
            badge,
            rights: Rights::CONNECT | Rights::WRITE,
            arena_bytes: ARENA_BYTES,
            epoch: service.epoch,
            sq_entries: SQ_ENTRIES,
            cq_entries: CQ_ENTRIES,
            max_handles: 0,
            max_in_flight: 0,
            max_pinned_pages: 0,
            queues: 1,
            // Nobody waits for a record to be kept.
            waiting: WaitMode::Sleeping,
        };
        self.policy.apply_quota(&peer, &mut terms);
        let record = SessionRecord::create(
            (&*self.machine.memory, &*self.machine.doorbells),
            (holder, service.capability),
            logger,
            terms,
            geometry,
            0,
        );
        let Ok(record) = record else { return };
        let Ok(credentials) = alloc::vec![policy::credentials(&peer)].try_into() else { return };
        let (descriptors, kept) = (record.for_service(), record.for_the_next());
        self.sessions.insert(session, record);
        self.keep(SESSION, session.0, &kept);
        self.commit();
        let name = self.services.get(place).map(|service| service.unit.name.clone());
        self.tell_logger(
            logger,
            format!("source {badge} {}", name.unwrap_or_default()).into_bytes(),
        );
        if let Some(service) = self.services.get_mut(logger) {
            service.sessions.insert(session);
            let open = ServiceCommand::OpenSession(OpenSession { terms, credentials });
            service.ask(&open, descriptors, Awaited::Opened(session));
        }
    }

    /// A service, as who is at the other end of its session.
    fn peer_of(&self, place: usize) -> Peer {
        let pid = self.services.get(place).map_or(0, |service| service.pid);
        let owner = self.policy.owner;
        Peer { pid, uid: owner, gid: owner, groups: Vec::new() }
    }

    /// The logger serves the session of a service.
    pub(crate) fn hand_over(
        &mut self,
        place: usize,
        connected: Connected,
        descriptors: Vec<Descriptor>,
    ) {
        if let Some(service) = self.services.get_mut(place) {
            service.send(0, &ServiceCommand::Connected(connected), descriptors);
        }
    }

    /// The sessions that a service holds end with it.
    pub(crate) fn close_held(&mut self, place: usize) {
        let holder = HOLDERS + place as u64;
        let held = self.sessions.iter().filter(|(_, record)| record.client == holder);
        let held: Vec<SessionId> = held.map(|(id, _)| *id).collect();
        held.into_iter().for_each(|session| self.close_session(session));
    }

    /// Has the logger keep a record of init's own.
    pub(crate) fn log(&mut self, level: Level, message: String, fields: &[(&str, &str)]) {
        let now = self.machine.waiting.now();
        let records = &mut self.own_records;
        let sequence = records.sequence;
        records.sequence += 1;
        if now.since_ns(records.second) >= SECOND_NS {
            (records.second, records.in_second) = (now, 0);
        }
        if records.waiting.len() >= MOST_WAITING || records.in_second >= MOST_A_SECOND {
            records.dropped += 1;
            return;
        }
        records.in_second += 1;
        let own = |(name, value): &(&str, &str)| (String::from(*name), String::from(*value));
        let record = Record {
            level,
            sequence,
            time: self.machine.waiting.wall_clock(),
            pid: self.machine.pid,
            message,
            fields: fields.iter().map(own).collect(),
        };
        self.own_records.waiting.push_back(record.encode());
        if let Some(logger) = self.logger() {
            self.send_own_records(logger);
        }
    }

    fn send_own_records(&mut self, logger: usize) {
        let dropped = self.own_records.dropped;
        for record in core::mem::take(&mut self.own_records.waiting) {
            let mut text = format!("record {dropped} ").into_bytes();
            text.extend_from_slice(&record);
            self.tell_logger(logger, text);
        }
    }

    fn tell_logger(&mut self, logger: usize, text: Vec<u8>) {
        let pid = self.machine.pid;
        let Ok(text) = text.try_into() else { return };
        if let Some(service) = self.services.get_mut(logger) {
            let tell = TellService {
                rights: Rights::CAP_SERVICE,
                badge: 0,
                sender: PeerIdentity { pid, ..PeerIdentity::default() },
                text,
            };
            service.ask(&ServiceCommand::Tell(tell), Vec::new(), Awaited::Noted);
        }
    }
}
