//! What services say and answer, and the ends of sessions. What clients ask is in `commands`.

use crate::clients::{Standing, refusal};
use crate::grants::Grants;
use crate::init::Init;
use crate::logging::holding_service;
use crate::records::{REGION, SESSION};
use crate::services::{Awaited, Service};
use crate::sessions::{Phase, SessionRecord};
use alloc::vec::Vec;
use control::message::{
    BrokerReply, Connected, Failed, Opened, RegionCreated, ServiceCommand, ServiceMessage,
    SessionNamed,
};
use control::service::RegionId;
use dataplane::SessionId;
use dataplane::entry::Errno;

impl Init {
    /// A client lets go of a session, or has gone.
    pub(crate) fn close_session(&mut self, session: SessionId) {
        self.end_session(session, ServiceCommand::CloseSession(SessionNamed { session }));
    }

    pub(crate) fn end_session(&mut self, session: SessionId, command: ServiceCommand) {
        self.touch(SESSION, session.0);
        let Some(record) = self.sessions.get_mut(&session) else { return };
        let place = record.service();
        let running = self.services.get(place).is_some_and(Service::is_running);
        match record.phase {
            Phase::Closing => {}
            Phase::Over => self.forget_session(session),
            phase if running => {
                record.phase = Phase::Closing;
                let client = record.client;
                if let Some(service) = self.services.get_mut(place) {
                    service.ask(&command, Vec::new(), Awaited::Closed(session));
                }
                if let Phase::Opening { request } = phase {
                    let ended = (Errno::ECANCELED, "the session was ended while it was opened");
                    self.refuse(client, request, ended);
                }
            }
            _ => self.forget_session(session),
        }
    }

    /// The service serves a session no more. Its record stays while a client may ask about it.
    pub(crate) fn session_over(&mut self, session: SessionId) {
        let Some(record) = self.sessions.get(&session) else { return };
        let held = self.clients.get(&record.client).is_some_and(|c| c.sessions.contains(&session));
        if !held || record.phase == Phase::Closing {
            self.forget_session(session);
        } else {
            self.answer_ended(Standing::Session(session));
        }
    }

    /// A service has ended a session by itself. The client has its regions still, so they count
    /// as its own until it lets go of the session.
    fn session_ended(&mut self, place: usize, id: SessionId) {
        self.touch(SESSION, id.0);
        let Some(record) = self.sessions.get_mut(&id).filter(|s| s.service() == place) else {
            return;
        };
        if record.phase == Phase::Open {
            record.phase = Phase::Over;
        }
        if let Some(service) = self.services.get_mut(place) {
            service.sessions.remove(&id);
        }
        self.session_over(id);
    }

    /// The regions of a session go.
    fn forget_session(&mut self, session: SessionId) {
        self.touch(SESSION, session.0);
        let Some(record) = self.sessions.remove(&session) else { return };
        record.give_back(&*self.machine.memory);
        if let Some(service) = self.services.get_mut(record.service()) {
            service.sessions.remove(&session);
        }
        if let Some(client) = self.clients.get_mut(&record.client) {
            client.sessions.remove(&session);
            client.bytes = client.bytes.saturating_sub(record.bytes());
        }
        self.answer_ended(Standing::Session(session));
    }

    /// Answers those who waited for the end of this last.
    pub(crate) fn answer_ended(&mut self, ended: Standing) {
        for question in self.questions.ended(ended) {
            self.finish(&question);
        }
    }

    pub(crate) fn counted(&mut self, question: u64) {
        if let Some(question) = self.questions.counted(question) {
            self.finish(&question);
        }
    }

    pub(crate) fn service_message(&mut self, place: usize, request: u64, message: ServiceMessage) {
        let is_endpoint = self.services.get(place).is_some_and(Service::is_endpoint);
        match message {
            ServiceMessage::Ready(confined) => {
                if !is_endpoint {
                    self.note_confinement(place, confined.layers);
                }
                self.service_ready(place);
            }
            // What a client's own process is refused is nobody's concern.
            ServiceMessage::Refused(_) if is_endpoint => {}
            ServiceMessage::Refused(refused) => self.note_refused(place, refused),
            ServiceMessage::Stack(stack) => self.said_where(place, &stack.frames),
            ServiceMessage::CreateRegion(wish) => {
                let most = if is_endpoint { Grants::MOST_OF_ENDPOINT } else { Grants::MOST };
                let created = self.grants.create(&*self.machine.memory, place, wish.bytes, most);
                if let Ok((id, region)) = &created {
                    let descriptors = [region.writable.clone(), region.read_only.clone()];
                    self.keep(REGION, id.0, &descriptors);
                }
                let Some(service) = self.services.get_mut(place) else { return };
                match created {
                    Ok((id, region)) => {
                        let created = RegionCreated { region: id.0, bytes: region.bytes };
                        let command = ServiceCommand::RegionCreated(created);
                        service.send(request, &command, alloc::vec![region.writable]);
                    }
                    Err(errno) => {
                        let failed = Failed::new(errno, "no memory for a region");
                        service.send(request, &ServiceCommand::Failed(failed), Vec::new());
                    }
                }
            }
            ServiceMessage::DestroyRegion(named) => {
                self.grants.destroy(place, RegionId(named.region));
                self.touch(REGION, named.region);
            }
            ServiceMessage::Offer(offer) => {
                self.touch(SESSION, offer.session.0);
                if let Some(session) = self.sessions.get_mut(&offer.session) {
                    // A refusal is the service's mistake; the client then finds no grant.
                    let region = RegionId(offer.region);
                    let _ = self.grants.offer(place, session, offer.grant, region);
                }
            }
            ServiceMessage::Withdraw(named) => {
                self.touch(SESSION, named.session.0);
                let session = self.sessions.get_mut(&named.session);
                if let Some(session) = session.filter(|session| session.service() == place) {
                    session.offered.remove(&named.grant);
                }
            }
            ServiceMessage::Deauthenticate(ended) => self.deauthenticate(place, ended.session),
            ServiceMessage::SessionEnded(ended) => self.session_ended(place, ended.session),
            answer => self.answer(place, request, answer),
        }
    }

    /// An answer to something that a service was asked.
    fn answer(&mut self, place: usize, request: u64, answer: ServiceMessage) {
        let Some(service) = self.services.get_mut(place) else { return };
        let Some(awaited) = service.answered(request) else { return };
        let is_work = matches!(answer, ServiceMessage::Told(_) | ServiceMessage::Done)
            && matches!(awaited, Awaited::Told { .. } | Awaited::Done { .. });
        service.has_worked |= is_work;
        match (awaited, answer) {
            (Awaited::Opened(session), ServiceMessage::Opened(opened)) => {
                self.opened(session, &opened);
            }
            (Awaited::Opened(session), ServiceMessage::Failed(failed)) => {
                self.not_opened(session, &BrokerReply::Failed(failed));
            }
            (Awaited::Closed(session), _) => self.forget_session(session),
            (Awaited::Counters { question }, ServiceMessage::Pong(pong)) => {
                service.counters = pong;
                self.counted(question);
            }
            (Awaited::Heartbeat, ServiceMessage::Pong(pong)) => {
                service.counters = pong;
                self.is_alive(place);
            }
            (Awaited::Statistics { client, request }, ServiceMessage::Statistics(page)) => {
                self.statistics_known(place, (client, request), page);
            }
            (
                Awaited::Authenticated { client, request },
                ServiceMessage::Authenticated(allowed),
            ) => {
                self.authenticated(client, request, &allowed);
            }
            (Awaited::Told { client, request, .. }, ServiceMessage::Told(text)) => {
                self.reply(client, request, &BrokerReply::Told(text));
            }
            (Awaited::Done { client, request }, ServiceMessage::Done) => {
                self.reply(client, request, &BrokerReply::Done);
            }
            (
                Awaited::Told { client, request, .. }
                | Awaited::Authenticated { client, request }
                | Awaited::Done { client, request },
                ServiceMessage::Failed(failed),
            ) => {
                self.reply(client, request, &BrokerReply::Failed(failed));
            }
            (Awaited::UserSession(session), ServiceMessage::Failed(_)) => {
                self.deauthenticate(place, session);
            }
            (Awaited::Stopped | Awaited::Noted | Awaited::UserSession(_), _) => {}
            (awaited, _) => self.abandoned(awaited),
        }
        if matches!(awaited, Awaited::Told { .. }) {
            self.answer_ended(Standing::Message { place, number: request });
        }
    }

    fn opened(&mut self, session: SessionId, opened: &Opened) {
        self.touch(SESSION, session.0);
        let Some(record) = self.sessions.get_mut(&session) else { return };
        let Phase::Opening { request } = record.phase else { return };
        record.phase = Phase::Open;
        let (client, descriptors) = (record.client, record.for_client());
        let connected = Connected { terms: record.terms, features: 0, root: opened.root };
        if let Some(place) = holding_service(client) {
            return self.hand_over(place, connected, descriptors);
        }
        self.reply_with(client, request, &BrokerReply::Connected(connected), descriptors);
    }

    fn not_opened(&mut self, session: SessionId, reply: &BrokerReply) {
        let Some(record) = self.sessions.get(&session) else { return };
        let (client, phase) = (record.client, record.phase);
        self.forget_session(session);
        if let Phase::Opening { request } = phase {
            self.reply(client, request, reply);
        }
    }

    /// Something will not be answered: the service is gone, or answered out of turn.
    pub(crate) fn abandoned(&mut self, awaited: Awaited) {
        let gone = || refusal(Errno::ENOTCONN, "the service has ended");
        match awaited {
            Awaited::Opened(session) => self.not_opened(session, &gone()),
            Awaited::Closed(session) => self.forget_session(session),
            Awaited::Counters { question } => self.counted(question),
            Awaited::Told { client, request, .. }
            | Awaited::Authenticated { client, request }
            | Awaited::Statistics { client, request }
            | Awaited::Done { client, request } => {
                self.reply(client, request, &gone());
            }
            // Of a user session, its successor is asked.
            Awaited::UserSession(_) => {}
            Awaited::Stopped | Awaited::Heartbeat | Awaited::Noted => {}
        }
    }

    /// Services that have not acknowledged a revocation in time are ended; a status goes out
    /// without those that have not said how they are.
    pub(crate) fn enforce_deadlines(&mut self) {
        let now = self.machine.waiting.now();
        if self.questions.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        // The answer may have come, and init not have been quick enough to see it.
        (0..self.services.len()).for_each(|place| self.serve_service(place));
        let (statuses, standing) = self.questions.overdue(now);
        for question in statuses {
            self.finish(&question);
        }
        for late in standing {
            let place = match late {
                Standing::Session(id) => self.sessions.get(&id).map(SessionRecord::service),
                Standing::Message { place, .. } => Some(place),
            };
            match place.and_then(|at| self.services.get(at)).zip(place) {
                Some((service, place)) if service.is_endpoint() => self.end_endpoint(place),
                Some((service, _)) => self.machine.spawning.kill(service.pid),
                None => {}
            }
        }
    }
}
