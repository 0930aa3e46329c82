//! The broker's state and its loop.

use crate::adoption::INTERRUPTED;
use crate::clients::{Client, Object, Question, QuestionKind, Questions, refusal};
use crate::configuration::Configuration;
use crate::grants::Grants;
use crate::handing::Tickets;
use crate::logging::OwnRecords;
use crate::policy::Policy;
use crate::principals::{Given, Unaudited};
use crate::records::{CLIENT, REST, Records};
use crate::services::{Service, find_places};
use crate::sessions::SessionRecord;
use crate::tokens::Source;
use crate::units::{UnitError, start_order};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::{Capabilities, Rights, SpaceId, UNBADGED};
use control::message::{BrokerReply, Message, Name, ServiceMessage, ServiceStart};
use control::platform::{Channel, ChannelError, Keeper, Listener, Pairing, Random, Spawning, Unit};
use dataplane::entry::Errno;
use dataplane::platform::{Doorbells, Instant, Memory, Poller, Waiting};
use dataplane::{Descriptor, SessionId};

/// Longest time that a service may take to acknowledge that a session has ended, ns.
const ACKNOWLEDGE_WITHIN_NS: u64 = 2_000_000_000;
/// How often what does not fit into a client's channel is tried again, ns.
const FLUSH_INTERVAL_NS: u64 = 5_000_000;
/// Messages taken from one client, and connections accepted, in one turn of the loop.
const BATCH: usize = 16;
/// Messages taken from one service in one turn: more than its channel holds.
const MOST_OF_SERVICE: usize = 1024;
/// Most messages that a service does not read; one that has more is ended.
const MOST_UNREAD: usize = 8192;
/// Most capability spaces.
pub(crate) const MAX_SPACES: u32 = 8192;

/// What init needs of the machine.
pub struct InitMachine {
    /// Time, and waking clients of dead services.
    pub waiting: Arc<dyn Waiting>,
    /// Every region is made here.
    pub memory: Arc<dyn Memory>,
    /// Every doorbell is made here.
    pub doorbells: Arc<dyn Doorbells>,
    /// Starting and ending services.
    pub spawning: Box<dyn Spawning>,
    /// What the loop waits with.
    pub poller: Box<dyn Poller>,
    /// Where clients come in.
    pub listener: Arc<dyn Listener>,
    /// Whoever started the system: the system ends when this hangs up. None: it goes on.
    pub lifeline: Option<Arc<dyn Channel>>,
    /// Channels for those who serve endpoints.
    pub pairing: Arc<dyn Pairing>,
    /// What nobody can guess.
    pub random: Arc<dyn Random>,
    /// The number by which the machine knows this process.
    pub pid: u32,
    /// Where the configuration comes from. None: it stays as it is.
    pub configuration: Option<Box<dyn Configuration>>,
    /// What outlives this process. None: the system ends with it.
    pub keeper: Option<Box<dyn Keeper>>,
}

/// Why the system does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitError {
    /// The units cannot be ordered.
    Units(UnitError),
    /// Not a name for a service: letters a–z, digits, hyphens.
    Name(String),
    /// A source cannot be watched, or a capability not be made.
    Resources,
    /// A service could not be started, or ended before it was ready.
    Service {
        /// Its name.
        name: String,
    },
}

/// How long the start took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReport {
    /// Each service.
    pub services: Vec<ServiceStart>,
    /// All of them, ns.
    pub total_ns: u64,
}

/// How the loop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The system has stopped.
    Stopped,
    /// It has stopped in order to be started again.
    Reboot,
}

/// The broker.
pub struct Init {
    pub(crate) machine: InitMachine,
    pub(crate) policy: Policy,
    pub(crate) services: Vec<Service>,
    /// Places of services, each behind what it needs.
    pub(crate) order: Vec<usize>,
    pub(crate) clients: BTreeMap<u64, Client>,
    pub(crate) next_client: u64,
    /// Sources of which more may be there than one turn has taken.
    unfinished: BTreeSet<Source>,
    pub(crate) sessions: BTreeMap<SessionId, SessionRecord>,
    pub(crate) next_session: u64,
    pub(crate) capabilities: Capabilities<Object>,
    /// Init's own capabilities, from which all others are derived.
    pub(crate) own: SpaceId,
    pub(crate) system: capability::Handle,
    pub(crate) grants: Grants,
    pub(crate) questions: Questions,
    pub(crate) tickets: Tickets,
    /// What clients were given for tokens, by badge.
    pub(crate) given: BTreeMap<u64, Given>,
    pub(crate) unaudited: Unaudited,
    pub(crate) records: Option<Records>,
    pub(crate) own_records: OwnRecords,
    /// How many inits this system has had.
    pub(crate) incarnation: u64,
    /// Whether the starter knows that the system is up.
    pub(crate) is_told: bool,
    pub(crate) stopping: Option<Instant>,
    pub(crate) outcome: Outcome,
    pub(crate) started: Instant,
}

impl Init {
    /// A system that has not been started.
    ///
    /// # Errors
    /// [`InitError`].
    pub fn new(machine: InitMachine, units: Vec<Unit>, policy: Policy) -> Result<Self, InitError> {
        let mut machine = machine;
        let order = start_order(&units).map_err(InitError::Units)?;
        let mut capabilities = Capabilities::new(MAX_SPACES);
        let own = capabilities.create_space(u32::MAX).map_err(|_| InitError::Resources)?;
        let mut mint = |object| {
            let minted = capabilities.mint(own, object, Rights::all(), UNBADGED);
            minted.map_err(|_| InitError::Resources)
        };
        let system = mint(Object::System)?;
        let mut services = Vec::new();
        for (place, unit) in units.iter().enumerate() {
            let name: Name = unit.name.parse().map_err(|_| InitError::Name(unit.name.clone()))?;
            services.push(Service::new(unit.clone(), name, mint(Object::Service(place))?));
        }
        find_places(&mut services);
        let watch = |source: &Descriptor, token: Source| {
            machine.poller.add(source, token.token()).map_err(|_| InitError::Resources)
        };
        watch(&machine.listener.source(), Source::Listener)?;
        if let Some(lifeline) = &machine.lifeline {
            watch(&lifeline.source(), Source::Lifeline)?;
        }
        Ok(Self {
            started: machine.waiting.now(),
            records: Records::open(machine.keeper.take()),
            own_records: OwnRecords::default(),
            incarnation: 1,
            is_told: false,
            machine,
            policy,
            services,
            order,
            clients: BTreeMap::new(),
            next_client: 1,
            unfinished: BTreeSet::new(),
            sessions: BTreeMap::new(),
            next_session: 1,
            capabilities,
            own,
            system,
            grants: Grants::default(),
            questions: Questions::default(),
            tickets: Tickets::default(),
            given: BTreeMap::new(),
            unaudited: Unaudited::default(),
            stopping: None,
            outcome: Outcome::Stopped,
        })
    }

    /// Serves clients until the system is told to stop, or its lifeline hangs up; then stops.
    pub fn run(&mut self) -> Outcome {
        let mut ready = Vec::new();
        while self.stopping.is_none() {
            let flush = self.flush();
            let now = (!self.unfinished.is_empty()).then_some(Instant(0));
            let deadlines = now.into_iter().chain(flush).chain(self.questions.next_deadline());
            let deadlines = deadlines.chain(self.tickets.next_deadline());
            let deadlines = deadlines.chain(self.next_supervision());
            let deadline = deadlines.chain(self.next_expiry()).min();
            self.machine.poller.wait(deadline, &mut ready);
            let unfinished = core::mem::take(&mut self.unfinished);
            ready.drain(..).for_each(|token| self.handle(Source::from_token(token)));
            unfinished.into_iter().for_each(|source| self.handle(Some(source)));
            self.enforce_deadlines();
            self.expire_tickets();
            self.supervise();
            self.expire();
            self.commit();
        }
        self.stop();
        self.outcome
    }

    /// Whether the starter has been told that the system is up, by this init or an earlier one.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// The starter has been told.
    pub fn note_told(&mut self) {
        self.is_told = true;
        self.touch(REST, 0);
        self.commit();
    }

    pub(crate) fn acknowledge_deadline(&self) -> Instant {
        self.machine.waiting.now().after_ns(ACKNOWLEDGE_WITHIN_NS)
    }

    pub(crate) fn handle(&mut self, source: Option<Source>) {
        match source {
            Some(Source::Listener) => self.accept(),
            Some(Source::Lifeline) => self.check_lifeline(),
            Some(Source::Client(id)) => self.serve_client(id),
            Some(Source::Service(place)) => self.serve_service(place),
            Some(Source::Exit(place)) => self.check_exit(place),
            None => {}
        }
    }

    fn check_lifeline(&mut self) {
        let gone = |lifeline: &Arc<dyn Channel>| {
            while let Ok(Some(_)) = lifeline.receive() {}
            !lifeline.is_connected()
        };
        if self.machine.lifeline.as_ref().is_some_and(gone) {
            self.begin_stop(Outcome::Stopped);
        }
    }

    fn accept(&mut self) {
        for _ in 0..BATCH {
            let Some(channel) = self.machine.listener.accept() else { return };
            let peer = channel.peer();
            let of_user =
                self.clients.values().filter(|client| client.peer.uid == peer.uid).count();
            let full = self.clients.len() >= self.policy.max_clients
                || !self.policy.is_owner(&peer) && of_user >= self.policy.max_clients_per_user;
            if full || self.stopping.is_some() {
                continue;
            }
            let Ok(space) = self.capabilities.create_space(self.policy.max_capabilities) else {
                continue;
            };
            let id = self.next_client;
            self.next_client += 1;
            if self.machine.poller.add(&channel.source(), Source::Client(id).token()).is_err() {
                let _ = self.capabilities.destroy_space(space);
                continue;
            }
            let source = channel.source();
            self.clients.insert(id, Client::new(channel, peer, space));
            self.keep(CLIENT, id, &[source]);
            self.commit();
        }
        self.unfinished.insert(Source::Listener);
    }

    /// Takes a batch of a client's messages, so that one that talks without end does not keep the
    /// others waiting.
    fn serve_client(&mut self, id: u64) {
        for _ in 0..BATCH {
            let Some(client) = self.clients.get_mut(&id) else { return };
            match client.listen() {
                Ok(Some(packet)) => {
                    self.client_message(id, &packet);
                    self.commit();
                    if let Some(client) = self.clients.get(&id) {
                        client.heard();
                    }
                }
                Ok(None) => return,
                Err(_) => return self.client_gone(id),
            }
        }
        self.unfinished.insert(Source::Client(id));
    }

    /// Sends what waits; when to try again.
    fn flush(&mut self) -> Option<Instant> {
        let now = self.machine.waiting.now();
        let mut gone = Vec::new();
        let mut waiting = false;
        for (id, client) in &mut self.clients {
            match client.flush(now) {
                Ok(waits) => waiting |= waits,
                Err(_) => gone.push(*id),
            }
            if client.is_to_be_heard() {
                self.unfinished.insert(Source::Client(*id));
            }
        }
        let mut deaf = Vec::new();
        for (place, service) in self.services.iter_mut().enumerate() {
            if let Some(outbox) = service.outbox.as_mut().filter(|outbox| outbox.is_waiting()) {
                // A failure shows as a hang-up, which is dealt with there.
                let _ = outbox.flush();
                waiting |= outbox.is_waiting();
                if outbox.waiting() > MOST_UNREAD {
                    deaf.push(place);
                }
            }
        }
        gone.into_iter().for_each(|id| self.client_gone(id));
        deaf.into_iter().for_each(|place| self.fail_service(place));
        waiting.then(|| now.after_ns(FLUSH_INTERVAL_NS))
    }

    /// A client has hung up: its sessions end and its capabilities go.
    pub(crate) fn client_gone(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else { return };
        self.machine.poller.remove(&client.outbox.channel().source());
        // Somebody may have found no place, or no descriptor left, and be waiting.
        self.unfinished.insert(Source::Listener);
        self.questions.forget(id);
        self.forget_given(id);
        self.end_endpoints_of(id);
        let _ = self.capabilities.destroy_space(client.space);
        self.touch(CLIENT, id);
        for session in client.sessions {
            self.close_session(session);
        }
    }

    pub(crate) fn reply(&mut self, id: u64, request: u64, reply: &BrokerReply) {
        self.reply_with(id, request, reply, Vec::new());
    }

    pub(crate) fn reply_with(
        &mut self,
        id: u64,
        request: u64,
        reply: &BrokerReply,
        descriptors: Vec<Descriptor>,
    ) {
        // What the client hears of must be known to the next init.
        self.commit();
        self.touch(CLIENT, id);
        let sent = self.clients.get_mut(&id).map(|c| c.reply(request, reply, descriptors));
        if sent.is_some_and(|sent| sent.is_err()) {
            self.client_gone(id);
        }
    }

    /// Takes the messages of a service that are there; as many as an honest one may have sent.
    pub(crate) fn serve_service(&mut self, place: usize) {
        for _ in 0..MOST_OF_SERVICE {
            let Some(service) = self.services.get(place) else { return };
            let Some(outbox) = &service.outbox else { return };
            let (channel, epoch) = (Arc::clone(outbox.channel()), service.epoch);
            match channel.peek() {
                Ok(Some(packet)) => match ServiceMessage::decode(&packet.bytes) {
                    Ok((header, message)) => self.service_message(place, header.request, message),
                    // A service that cannot speak cannot be trusted to serve.
                    Err(_) => return self.fail_service(place),
                },
                Ok(None) => return,
                Err(ChannelError::Closed) => return self.check_exit(place),
                Err(_) => return self.fail_service(place),
            }
            self.commit();
            channel.discard();
            if self.services.get(place).is_none_or(|service| service.epoch != epoch) {
                return;
            }
        }
        self.unfinished.insert(Source::Service(place));
    }

    /// Finishes a question whose last answer has come.
    pub(crate) fn finish(&mut self, question: &Question) {
        match question.kind {
            QuestionKind::Status { .. } => {
                let report = self.status_report();
                self.reply(question.client, question.request, &report);
            }
            QuestionKind::Revocation { .. } => {
                self.reply(question.client, question.request, &BrokerReply::Done);
            }
            QuestionKind::Interrupted { .. } => {
                self.refuse(question.client, question.request, INTERRUPTED);
            }
        }
    }

    pub(crate) fn refuse(&mut self, id: u64, request: u64, refused: (Errno, &str)) {
        self.reply(id, request, &refusal(refused.0, refused.1));
    }
}
