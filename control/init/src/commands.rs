//! What clients ask, and what init does about it. What services say is in `answers`.

use crate::clients::{Object, Question, QuestionKind, Standing};
use crate::init::{Init, Outcome};
use crate::logging::holding_service;
use crate::needs::Used;
use crate::policy;
use crate::principals::Privileged;
use crate::records::{CLIENT, SESSION};
use crate::services::{Awaited, Service};
use crate::sessions::{Phase, SessionRecord, Sizes};
use alloc::vec::Vec;
use capability::Rights;
use control::message::{
    BrokerReply, ClientMessage, Connect, Counts, DecodeError, HeldCapability, Mapped, Message,
    OpenSession, Request, ServiceAction, ServiceCommand, ServiceState, SessionTerms, SetCredential,
    StatusReport, Tell, TellService, Text, Told, Welcome,
};
use control::platform::Packet;
use dataplane::entry::{Errno, Sqe};
use dataplane::{Credentials as Principal, Descriptor, SessionId};

/// Refused, for this reason.
pub(crate) type Refused = (Errno, &'static str);

pub(crate) const NO_SESSION: Refused = (Errno::ENOENT, "no such session of this client");
pub(crate) const NOT_HELD: Refused =
    (Errno::EPERM, "no such capability, or it does not allow this");

impl Init {
    pub(crate) fn client_message(&mut self, id: u64, packet: &Packet) {
        let (header, message) = match ClientMessage::decode(&packet.bytes) {
            Ok(decoded) => decoded,
            Err(DecodeError::Unknown { request, .. }) => {
                return self.refuse(id, request, (Errno::EOPNOTSUPP, "no such message"));
            }
            Err(DecodeError::Malformed { request, .. }) => {
                return self.refuse(id, request, (Errno::EINVAL, "not a well-formed message"));
            }
            Err(_) => return self.client_gone(id),
        };
        let request = header.request;
        if !self.clients.get_mut(&id).is_some_and(|client| client.hears(request)) {
            return;
        }
        self.touch(CLIENT, id);
        if message.descriptors() != packet.descriptors.len() {
            return self.refuse(
                id,
                request,
                (Errno::EINVAL, "not the descriptors of this message"),
            );
        }
        let privileged = Privileged::of(&message);
        let done = self
            .check(id, header.capability, &message)
            .and_then(|used| self.obey((id, request), used, message, &packet.descriptors));
        if let Some(privileged) = privileged {
            self.audit(id, privileged, done.is_ok());
        }
        if let Err(refused) = done {
            self.refuse(id, request, refused);
        }
    }

    /// Does what a message asks for that has what it needs.
    fn obey(
        &mut self,
        (id, request): (u64, u64),
        used: Option<Used>,
        message: ClientMessage,
        descriptors: &[Descriptor],
    ) -> Result<(), Refused> {
        let maybe_used = used;
        let used = || used.ok_or(NOT_HELD);
        match message {
            ClientMessage::Hello => self.hello(id, request),
            ClientMessage::Connect(wish) => self.connect(id, request, used()?, &wish),
            ClientMessage::Disconnect(named) => self.disconnect(id, request, named.session),
            ClientMessage::MapGrant(wish) => self.map_grant(id, request, wish.session, wish.grant),
            ClientMessage::Derive(wish) => {
                self.derive(id, request, used()?, (wish.rights, wish.badge))
            }
            ClientMessage::Revoke => self.revoke(id, request, used()?),
            ClientMessage::Hand(wish) => self.hand(id, request, used()?, wish),
            ClientMessage::Take(ticket) => self.take(id, request, ticket),
            ClientMessage::Capabilities(from) => {
                self.list_capabilities(id, request, maybe_used, from)
            }
            ClientMessage::RevokeOf(named) => self.revoke_of(id, request, named),
            ClientMessage::CreateEndpoint(wish) => self.create_endpoint(id, request, wish.name),
            ClientMessage::Register(wish) => self.register(id, request, wish.endpoint),
            ClientMessage::Status => self.status(id, request),
            ClientMessage::Remains(named) => self.remains(id, request, named.session),
            ClientMessage::Tell(tell) | ClientMessage::TellWith(tell) => {
                self.tell(id, request, used()?, tell, descriptors)
            }
            ClientMessage::SetCredential(set) => self.set_credential(id, request, set),
            ClientMessage::Statistics(from) => self.statistics(id, request, used()?, from),
            ClientMessage::Configure(wish) => self.configure(id, request, &wish),
            ClientMessage::Shutdown => self.shutdown(id, request, Outcome::Stopped),
            ClientMessage::Reboot => self.shutdown(id, request, Outcome::Reboot),
            ClientMessage::Authenticate(shown) => self.authenticate(id, request, shown.token),
            ClientMessage::LastWords => self.last_words(id, request, used()?),
            ClientMessage::Control(control) => self.control(id, request, used()?, control.action),
        }
    }

    fn hello(&mut self, id: u64, request: u64) -> Result<(), Refused> {
        let client = self.clients.get_mut(&id).ok_or(NOT_HELD)?;
        if client.held.is_empty() {
            let mut give = |from, rights: Rights, object| {
                if !rights.is_empty()
                    && let Ok(handle) =
                        self.capabilities.grant(self.own, from, client.space, rights, id)
                {
                    client.held.push((handle, object));
                }
            };
            give(self.system, self.policy.system_rights(&client.peer), Object::System);
            let public = self.services.iter().enumerate().filter(|(_, it)| it.is_public());
            for (place, service) in public {
                let rights = match service.is_unit() {
                    true => self.policy.service_rights(&client.peer),
                    false => self.policy.endpoint_rights(),
                };
                give(service.capability, rights, Object::Service(place));
            }
        }
        self.welcome(id, request, None)
    }

    /// Tells a client what it holds; or of that only what has this badge.
    pub(crate) fn welcome(
        &mut self,
        id: u64,
        request: u64,
        only: Option<u64>,
    ) -> Result<(), Refused> {
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let mut held = Vec::new();
        for (handle, object) in &client.held {
            let found = self.capabilities.lookup(client.space, *handle, Rights::empty());
            let name = match object {
                Object::System => "init".parse().ok(),
                Object::Service(place) => self.services.get(*place).map(|service| service.name),
            };
            if let (Ok(found), Some(service)) = (found, name)
                && only.is_none_or(|badge| found.badge == badge)
            {
                held.push(HeldCapability { handle: *handle, rights: found.rights, service });
            }
        }
        held.truncate(Welcome::MOST);
        let capabilities = held.try_into().unwrap_or_default();
        self.reply(id, request, &BrokerReply::Welcome(Welcome { features: 0, capabilities }));
        Ok(())
    }

    fn connect(
        &mut self,
        id: u64,
        request: u64,
        used: Used,
        wish: &Connect,
    ) -> Result<(), Refused> {
        let place = used.service()?;
        if self.services.get(place).is_none_or(|service| service.name != wish.service) {
            return Err((Errno::EPERM, "the capability is not for this service"));
        }
        let geometry = self.policy.check(wish)?;
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let bytes = Sizes::wished(wish, geometry).total();
        if client.sessions.len() >= self.policy.max_sessions_per_client
            || client.bytes.saturating_add(bytes) > self.policy.max_client_bytes
        {
            return Err((Errno::EDQUOT, "this client has as many sessions as it may have"));
        }
        let of_user = self.clients.values().filter(|other| other.peer.uid == client.peer.uid);
        let sessions: usize = of_user.map(|other| other.sessions.len()).sum();
        if !self.policy.is_owner(&client.peer) && sessions >= self.policy.max_sessions_per_user {
            return Err((Errno::EDQUOT, "this user has as many sessions as it may have"));
        }
        let credentials =
            self.acts_as(used.badge).unwrap_or_else(|| policy::credentials(&client.peer));
        let waiting = self.policy.waiting(&client.peer, wish.waiting);
        let service = self.services.get(place).ok_or(NOT_HELD)?;
        if !service.serves() {
            return Err(not_running(service));
        }
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let mut terms = SessionTerms {
            session,
            badge: used.badge,
            rights: used.rights,
            arena_bytes: wish.arena_bytes,
            epoch: service.epoch,
            sq_entries: wish.sq_entries,
            cq_entries: wish.cq_entries,
            max_handles: 0,
            max_in_flight: 0,
            max_pinned_pages: 0,
            queues: wish.queues,
            waiting,
        };
        self.policy.apply_quota(&client.peer, &mut terms);
        let record = SessionRecord::create(
            (&*self.machine.memory, &*self.machine.doorbells),
            (id, used.handle),
            place,
            terms,
            geometry,
            request,
        )
        .map_err(|_| (Errno::ENOMEM, "no memory, or no descriptor, for a session"))?;
        let credentials = alloc::vec![credentials].try_into().map_err(|_| NOT_HELD)?;
        let open = ServiceCommand::OpenSession(OpenSession { terms, credentials });
        let descriptors = record.for_service();
        let kept = record.for_the_next();
        if let Some(client) = self.clients.get_mut(&id) {
            client.sessions.insert(session);
            client.bytes += record.bytes();
        }
        self.sessions.insert(session, record);
        // Before the service knows of it: the next init must be able to end it there.
        self.keep(SESSION, session.0, &kept);
        self.commit();
        if let Some(service) = self.services.get_mut(place) {
            service.sessions.insert(session);
            service.ask(&open, descriptors, Awaited::Opened(session));
        }
        Ok(())
    }

    fn disconnect(&mut self, id: u64, request: u64, session: SessionId) -> Result<(), Refused> {
        let client = self.clients.get_mut(&id).ok_or(NO_SESSION)?;
        if !client.sessions.remove(&session) {
            return Err(NO_SESSION);
        }
        self.ask_when_ended(id, request, [Standing::Session(session)].into());
        self.close_session(session);
        Ok(())
    }

    fn map_grant(
        &mut self,
        id: u64,
        request: u64,
        session: SessionId,
        grant: u32,
    ) -> Result<(), Refused> {
        let record = self.sessions.get(&session).filter(|record| record.client == id);
        // The service has offered the region before it told the client of the grant, but over
        // another channel: take what it said first.
        let place = record.ok_or(NO_SESSION)?.service();
        self.serve_service(place);
        let offered = self.sessions.get(&session).and_then(|record| record.offered.get(&grant));
        let region = offered.and_then(|region| self.grants.read_only(*region));
        let region = region.ok_or((Errno::ENOENT, "no such grant of this session"))?;
        let reply = BrokerReply::Mapped(Mapped { grant });
        self.reply_with(id, request, &reply, alloc::vec![region]);
        Ok(())
    }

    fn status(&mut self, id: u64, request: u64) -> Result<(), Refused> {
        // Who serves an endpoint may take its time: nobody waits for that.
        let is_asked = |service: &Service| service.serves() && service.is_unit();
        let missing = self.services.iter().filter(|service| is_asked(service)).count();
        let kind = QuestionKind::Status { missing: missing.max(1) };
        let deadline = self.acknowledge_deadline();
        let question = self.questions.add(Question { client: id, request, kind, deadline });
        if missing == 0 {
            self.counted(question);
        }
        for service in self.services.iter_mut().filter(|service| is_asked(service)) {
            service.ask(&ServiceCommand::Ping, Vec::new(), Awaited::Counters { question });
        }
        Ok(())
    }

    pub(crate) fn status_report(&self) -> BrokerReply {
        let now = self.machine.waiting.now();
        let units = self.services.iter().filter(|service| service.is_unit());
        let endpoints = self.services.iter().filter(|service| service.is_endpoint());
        let shown = units.chain(endpoints).take(StatusReport::MOST);
        let report = shown.map(|service| service.status(now, self.resident_bytes(service)));
        let services = report.collect::<Vec<_>>().try_into().unwrap_or_default();
        let is_of_client = |record: &&SessionRecord| holding_service(record.client).is_none();
        let of_clients = self.sessions.values().filter(is_of_client).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let held = self.clients.values().filter_map(|c| self.capabilities.held(c.space).ok()).sum();
        BrokerReply::StatusReport(StatusReport {
            counts: Counts {
                clients: count(self.clients.len()),
                sessions: count(of_clients),
                regions: count(self.grants.len()),
                capabilities: held,
                init_pid: self.machine.pid,
                init_restarts: u32::try_from(self.incarnation - 1).unwrap_or(u32::MAX),
            },
            services,
        })
    }

    fn remains(&mut self, id: u64, request: u64, session: SessionId) -> Result<(), Refused> {
        let record = self.sessions.get(&session).filter(|record| record.client == id);
        let record = record.ok_or(NO_SESSION)?;
        if record.phase != Phase::Over {
            return Err((Errno::EBUSY, "the service still serves this session"));
        }
        let queues = record
            .remains(&*self.machine.memory)
            .map_err(|errno| (errno, "the session's rings cannot be read"))?;
        let requests = queues.iter().enumerate().flat_map(|(queue, remains)| {
            remains.in_flight.iter().map(move |request| Request {
                user_data: Sqe::from_words(request.words).user_data,
                index: request.index,
                queue: u16::try_from(queue).unwrap_or(u16::MAX),
                accepted: u16::from(request.accepted),
            })
        });
        let requests = requests.take(Request::MOST).collect::<Vec<_>>();
        let requests = requests.try_into().unwrap_or_default();
        self.reply(id, request, &BrokerReply::Remains(control::message::Remains { requests }));
        Ok(())
    }

    /// Passes a message on to a service, with the descriptor that came with it, if one did. What a
    /// descriptor refers to is the client's choice, and merely closing it may wait for the client:
    /// only those who administer something may have a service hold one.
    fn tell(
        &mut self,
        id: u64,
        request: u64,
        used: Used,
        tell: Tell,
        descriptors: &[Descriptor],
    ) -> Result<(), Refused> {
        let sender = self.clients.get(&id).ok_or(NOT_HELD)?.identity();
        let tell = TellService { rights: used.rights, badge: used.badge, sender, text: tell.text };
        let command = match descriptors {
            [] => ServiceCommand::Tell(tell),
            _ => ServiceCommand::TellWith(tell),
        };
        let service = self.running(used.service()?)?;
        service.ask(
            &command,
            descriptors.to_vec(),
            Awaited::Told { client: id, request, by: used.handle },
        );
        Ok(())
    }

    /// The service at this place, if it runs.
    pub(crate) fn running(&mut self, place: usize) -> Result<&mut Service, Refused> {
        let service = self.services.get_mut(place).ok_or(NOT_HELD)?;
        if service.serves() { Ok(service) } else { Err(not_running(service)) }
    }

    /// Has requests of a session act as somebody, if its holder may have that one.
    fn set_credential(&mut self, id: u64, request: u64, set: SetCredential) -> Result<(), Refused> {
        let record = self.sessions.get(&set.session).filter(|record| record.client == id);
        let record = record.ok_or(NO_SESSION)?;
        let peer = &self.clients.get(&id).ok_or(NO_SESSION)?.peer;
        if !self.policy.may_act_as(peer, &set.credentials) {
            return Err((Errno::EPERM, "this session may not act as others"));
        }
        if set.index == 0 || usize::from(set.index) >= Principal::MOST {
            return Err((Errno::EINVAL, "a session has no such principal of others"));
        }
        if record.phase != Phase::Open {
            return Err((Errno::ENOTCONN, "the session is over"));
        }
        let service = self.services.get_mut(record.service()).ok_or(NO_SESSION)?;
        let awaited = Awaited::Done { client: id, request };
        service.ask(&ServiceCommand::SetCredential(set), Vec::new(), awaited);
        Ok(())
    }

    /// Starts, stops or restarts a service. Answered at once: `Status` says what came of it.
    fn control(
        &mut self,
        id: u64,
        request: u64,
        used: Used,
        action: ServiceAction,
    ) -> Result<(), Refused> {
        self.control_service(used.service()?, action)?;
        self.reply(id, request, &BrokerReply::Done);
        Ok(())
    }

    /// Why and where a service's last incarnation was ended, if it had to be.
    fn last_words(&mut self, id: u64, request: u64, used: Used) -> Result<(), Refused> {
        let service = self.services.get(used.service()?);
        let words = service.map(|service| service.last_words.as_bytes()).unwrap_or_default();
        let shown = words.get(..Text::MOST.min(words.len())).unwrap_or_default();
        let text = shown.to_vec().try_into().unwrap_or_default();
        self.reply(id, request, &BrokerReply::Told(Told { text }));
        Ok(())
    }

    fn shutdown(&mut self, id: u64, request: u64, outcome: Outcome) -> Result<(), Refused> {
        self.reply(id, request, &BrokerReply::Done);
        self.begin_stop(outcome);
        Ok(())
    }
}

/// Why a service cannot be had now.
fn not_running(service: &Service) -> Refused {
    let reason = match service.state {
        ServiceState::Starting => "the service is being started; try again in a moment",
        ServiceState::Restarting => "the service has ended and is started again; try in a moment",
        ServiceState::Quarantined => {
            "the service is quarantined: it ended too often before it did anything; see its log, \
             then `veridian restart`"
        }
        _ => "the service is not running",
    };
    (Errno::ENOTCONN, reason)
}
