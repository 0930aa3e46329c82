//! Going on where an earlier init was killed: with the services, clients and sessions that it had,
//! which have not noticed.
//!
//! What init was doing for a client when it was killed is not done again; the client is told so. The
//! message that it was about to handle is: messages are looked at, handled, written down, and only
//! then taken. Sessions that were being opened or closed are closed.

use crate::accepted::{Configured, Differences};
use crate::clients::{Client, NOBODY, Question, QuestionKind, Standing};
use crate::commands::Refused;
use crate::init::Init;
use crate::logging::holding_service;
use crate::outbox::Outbox;
use crate::records::{
    self, CLIENT, ENDPOINT, REGION, REST, SERVICE, SESSION, SavedSession, UNIT, Words, keeper_key,
};
use crate::services::{Awaited, Pulse, Service};
use crate::sessions::{Phase, SessionRecord};
use crate::spaces;
use crate::tokens::Source;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use capability::{Handle, SpaceId};
use control::message::{ServiceCommand, SessionNamed};
use dataplane::SessionId;
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::platform::Instant;

/// What those hear whose requests an earlier init had not answered.
pub(crate) const INTERRUPTED: Refused = (
    Errno::EAGAIN,
    "init was started again while it did this: it is done, or not at all; look, and ask again",
);
/// How a service has ended of which nothing is known.
const UNKNOWN_END: i32 = -9;

impl Init {
    /// Takes up what an earlier init has left; whether there was anything.
    pub fn adopt(&mut self, configured: Configured) -> bool {
        let is_new = self.records.as_ref().is_none_or(|records| records.journal.is_empty());
        let adopted = if is_new { None } else { self.adopt_rest(configured) };
        let Some(differences) = adopted else {
            // What is left of a system that cannot be gone on with is of no use.
            self.forget_all();
            self.machine.spawning.retain(&[]);
            self.touch_everything();
            self.commit();
            return false;
        };
        self.incarnation += 1;
        self.touch(REST, 0);
        let lost = self.adopt_services();
        let running = self.services.iter().filter(|it| it.is_running() && it.is_unit());
        let running: Vec<u32> = running.map(|service| service.pid).collect();
        self.machine.spawning.retain(&running);
        self.adopt_regions();
        self.adopt_sessions();
        self.adopt_clients();
        self.adopt_given();
        self.end_orphaned_endpoints();
        self.forget_tickets();
        self.forget_the_unnamed();
        for place in lost {
            self.service_ended(place, UNKNOWN_END);
        }
        self.finish_what_was_begun();
        let text = format!("init goes on as incarnation {}", self.incarnation);
        self.log(Level::Warning, text, &[]);
        self.settle(&differences);
        self.connect_to_logger();
        self.commit();
        true
    }

    /// The values of a kind that the journal has.
    pub(crate) fn saved(&self, kind: u16) -> Vec<(u64, Vec<u8>)> {
        let Some(records) = &self.records else { return Vec::new() };
        records.journal.of_kind(kind).map(|(id, value)| (id, value.to_vec())).collect()
    }

    fn kept(&self, kind: u16, id: u64) -> Vec<dataplane::Descriptor> {
        let records = self.records.as_ref();
        records.map_or_else(Vec::new, |records| records.keeper.kept(keeper_key(kind, id)))
    }

    /// Counters, capabilities, and where the services are. Nothing is taken if not all of it can be.
    fn adopt_rest(&mut self, configured: Configured) -> Option<Differences> {
        let saved = self.saved(REST).into_iter().next()?.1;
        let words = &mut Words::new(&saved);
        let (incarnation, next_client, next_session) =
            (words.word()?, words.word()?, words.word()?);
        let (last_region, started) = (words.word()?, Instant(words.word()?));
        let is_told = words.word()? != 0;
        let own = SpaceId::from_word(words.word()?)?;
        let system = Handle::from_word(words.word()?)?;
        let accepted = self.accepted(words.list(|words| Handle::from_word(words.word()?))?)?;
        let journal = &self.records.as_ref()?.journal;
        self.capabilities = spaces::read(journal, crate::init::MAX_SPACES);
        (self.own, self.system) = (own, system);
        (self.incarnation, self.started, self.is_told) = (incarnation, started, is_told);
        (self.next_client, self.next_session) = (next_client, next_session);
        self.grants.go_on_from(last_region);
        Some(self.take_places(accepted, configured))
    }

    /// The services; returns the places of those that are gone.
    fn adopt_services(&mut self) -> Vec<usize> {
        let mut lost = Vec::new();
        let saved = self.saved(SERVICE);
        for (place, value) in saved {
            let Ok(place) = usize::try_from(place) else { continue };
            let Some(service) = self.services.get_mut(place) else { continue };
            if records::read_service(service, &value).is_none() || !service.should_run() {
                continue;
            }
            service.next_request = self.incarnation << INCARNATION_SHIFT;
            let poller = &self.machine.poller;
            let is_watched = if service.is_endpoint() {
                let keeper = self.records.as_ref().map(|records| &records.keeper);
                let kept = keeper.map(|it| (it, it.kept(keeper_key(ENDPOINT, place as u64))));
                let channel = kept.and_then(|(it, kept)| it.client_channel(kept.first()?));
                let Some(channel) = channel else {
                    lost.push(place);
                    continue;
                };
                let watched = poller.add(&channel.source(), Source::Service(place).token());
                service.outbox = Some(Outbox::new(channel));
                watched.is_ok()
            } else {
                let Some(started) = self.machine.spawning.adopt(service.pid) else {
                    lost.push(place);
                    continue;
                };
                let watched = poller.add(&started.channel.source(), Source::Service(place).token());
                let exits = poller.add(&started.exit, Source::Exit(place).token());
                service.outbox = Some(Outbox::new(started.channel));
                service.exit = Some(started.exit);
                watched.is_ok() && exits.is_ok()
            };
            if service.serves() && service.unit.heartbeat_ns > 0 {
                service.pulse = Pulse::AskAt(self.machine.waiting.now());
            }
            if !is_watched {
                self.fail_service(place);
            }
        }
        lost
    }

    fn adopt_regions(&mut self) {
        for (id, value) in self.saved(REGION) {
            let words = &mut Words::new(&value);
            let saved = words.number().zip(words.word());
            let kept = self.kept(REGION, id);
            if !saved.is_some_and(|(place, bytes)| self.grants.adopt(id, place, bytes, &kept)) {
                self.touch(REGION, id);
            }
        }
    }

    fn adopt_sessions(&mut self) {
        for (id, value) in self.saved(SESSION) {
            let session = SessionId(id);
            let saved = SavedSession::read(&value);
            let place = saved.as_ref().map(|saved| saved.service);
            let kept = self.kept(SESSION, id);
            let memory = &*self.machine.memory;
            match saved.and_then(|saved| SessionRecord::adopt(memory, saved, &kept)) {
                Some(record) => {
                    if record.phase != Phase::Over
                        && let Some(service) = self.services.get_mut(record.service())
                    {
                        service.sessions.insert(session);
                    }
                    self.sessions.insert(session, record);
                }
                None => {
                    self.touch(SESSION, id);
                    // Nobody could end it later.
                    if let Some(service) = place.and_then(|place| self.services.get_mut(place)) {
                        let revoke = ServiceCommand::RevokeSession(SessionNamed { session });
                        service.ask(&revoke, Vec::new(), Awaited::Closed(session));
                    }
                }
            }
        }
    }

    fn adopt_clients(&mut self) {
        for (id, value) in self.saved(CLIENT) {
            let words = &mut Words::new(&value);
            let Some(space) = words.word().and_then(SpaceId::from_word) else { continue };
            let last_request = words.word().unwrap_or(0);
            let open = words.list(Words::word).unwrap_or_default();
            let keeper = self.records.as_ref().map(|records| &records.keeper);
            let channel = self.kept(CLIENT, id).first().and_then(|it| keeper?.client_channel(it));
            let token = Source::Client(id).token();
            let watched = channel
                .as_ref()
                .is_some_and(|channel| self.machine.poller.add(&channel.source(), token).is_ok());
            let Some(channel) = channel.filter(|_| watched) else {
                let _ = self.capabilities.destroy_space(space);
                self.touch(CLIENT, id);
                continue;
            };
            let peer = channel.peer();
            let mut client = Client::new(channel, peer, space);
            client.adopt(last_request, open);
            for (session, record) in self.sessions.iter().filter(|(_, it)| it.client == id) {
                client.sessions.insert(*session);
                client.bytes += record.bytes();
            }
            client.held = self.held_from_own(space);
            self.clients.insert(id, client);
        }
    }

    /// The capabilities of a space that init itself has given it.
    fn held_from_own(&self, space: SpaceId) -> Vec<(Handle, crate::clients::Object)> {
        let Ok(held) = self.capabilities.list(space) else { return Vec::new() };
        let given = held.filter_map(|(handle, capability)| {
            let (from, _) = capability.parent?;
            (from == self.own).then_some((handle, *capability.object))
        });
        given.collect()
    }

    /// Lets go of what the journal does not know.
    fn forget_the_unnamed(&mut self) {
        let Some(records) = &self.records else { return };
        let clients = self.clients.keys().map(|id| keeper_key(CLIENT, *id));
        let sessions = self.sessions.keys().map(|id| keeper_key(SESSION, id.0));
        let regions = self.grants.ids().map(|id| keeper_key(REGION, id));
        let places = (0..).zip(&self.services).filter(|(_, service)| service.is_endpoint());
        let endpoints = places.map(|(place, _)| keeper_key(ENDPOINT, place));
        let named: BTreeSet<u64> =
            clients.chain(sessions).chain(regions).chain(endpoints).collect();
        for key in records.keeper.keys().into_iter().filter(|key| !named.contains(key)) {
            records.keeper.forget(key);
        }
    }

    fn forget_all(&mut self) {
        let Some(records) = &mut self.records else { return };
        // Without room for this there is none for what follows, and so no journal.
        let _ = records.journal.clear();
        records.keeper.keys().into_iter().for_each(|key| records.keeper.forget(key));
    }

    /// Ends what was being begun or ended, and then tells those who had asked for something.
    fn finish_what_was_begun(&mut self) {
        let orphans: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, record)| {
                let holder = holding_service(record.client);
                let holder = holder.and_then(|place| self.services.get(place));
                let is_held = self.clients.contains_key(&record.client)
                    || holder.is_some_and(Service::serves);
                record.phase != Phase::Open || !is_held
            })
            .map(|(id, _)| *id)
            .collect();
        let mut ending = BTreeSet::new();
        for id in orphans {
            let Some(record) = self.sessions.get_mut(&id) else { continue };
            let held = self.clients.contains_key(&record.client);
            if record.phase == Phase::Over && held {
                continue;
            }
            // The service may never have been told.
            if record.phase == Phase::Closing {
                record.phase = Phase::Open;
            }
            if matches!(record.phase, Phase::Opening { .. }) {
                record.phase = Phase::Open;
                if let Some(client) = self.clients.get_mut(&record.client) {
                    client.sessions.remove(&id);
                }
            }
            self.end_session(id, ServiceCommand::RevokeSession(SessionNamed { session: id }));
            if self.sessions.contains_key(&id) {
                ending.insert(Standing::Session(id));
            }
        }
        if !ending.is_empty() {
            // Whether or not anybody waits for it.
            self.ask_when_ended(NOBODY, 0, ending.clone());
        }
        self.tell_the_interrupted(&ending);
    }

    /// Answers what was asked of the earlier init, once nothing of it is under way any more.
    fn tell_the_interrupted(&mut self, ending: &BTreeSet<Standing>) {
        let open = self.clients.iter().flat_map(|(id, client)| {
            client.unanswered().map(|request| (*id, request)).collect::<Vec<_>>()
        });
        for (client, request) in open.collect::<Vec<_>>() {
            if ending.is_empty() {
                self.refuse(client, request, INTERRUPTED);
                continue;
            }
            let kind = QuestionKind::Interrupted { standing: ending.clone() };
            let deadline = self.acknowledge_deadline();
            self.questions.add(Question { client, request, kind, deadline });
        }
    }

    /// Nothing of what there is was written down yet.
    fn touch_everything(&mut self) {
        self.touch(REST, 0);
        for place in 0..self.services.len() as u64 {
            self.touch(SERVICE, place);
            self.touch(UNIT, place);
        }
    }
}

/// Where the number of the incarnation is in the numbers of requests to services, so that answers to
/// an earlier init are told from those to this one.
const INCARNATION_SHIFT: u32 = 40;

impl Service {
    /// Whether it has a process, or had when this was written.
    fn should_run(&self) -> bool {
        use control::message::ServiceState::{Paused, Ready, Starting, Stopping};
        matches!(self.state, Starting | Ready | Paused | Stopping)
    }
}
