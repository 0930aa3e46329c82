//! A client that speaks the protocols itself: it holds every descriptor that the broker hands
//! over, maps every region, and does with them what no library of ours would.

use control::message::{
    BrokerReply, ClientMessage, Connect, Header, HeldCapability, MapGrant, Message, SessionNamed,
    SessionTerms,
};
use control::platform::{Channel, ChannelError, Packet};
use dataplane::entry::{Cqe, Errno, Handle, Sqe};
use dataplane::file::{OpenFlags, Request};
use dataplane::platform::{Access, Doorbell};
use dataplane::{ArenaRange, Descriptor, Owner, Region, SessionId, WaitMode};
use platform::linux::Platform;
use rings::{ClientQueue, Completion, Geometry, State};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for the broker, ns, and for the service; generous, as the machine may be busy.
const ANSWER_WITHIN_NS: u64 = 60_000_000_000;
const COMPLETE_WITHIN: Duration = Duration::from_secs(60);

/// Why the broker did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has closed the connection.
    Gone,
    /// It said no.
    Refused(Errno),
}

/// A connection to the broker.
pub struct RawClient {
    /// Where the system is.
    pub address: String,
    /// The channel itself.
    pub channel: Arc<dyn Channel>,
    /// What the broker gave at the greeting.
    pub held: Vec<HeldCapability>,
    /// For mapping and ringing.
    pub platform: Platform,
    next_request: u64,
}

/// A wish for a session.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Queues.
    pub queues: u16,
    /// Submission slots of each.
    pub sq_entries: u32,
    /// Completion slots of each.
    pub cq_entries: u32,
    /// Bytes of the arena.
    pub arena_bytes: u64,
    /// How the service shall wait.
    pub waiting: WaitMode,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            queues: 1,
            sq_entries: 16,
            cq_entries: 32,
            arena_bytes: 1 << 16,
            waiting: WaitMode::Adaptive,
        }
    }
}

impl Wish {
    /// The question for it.
    #[must_use]
    pub fn message(&self) -> ClientMessage {
        ClientMessage::Connect(Connect {
            service: "vfs".parse().unwrap(),
            arena_bytes: self.arena_bytes,
            features: 0,
            sq_entries: self.sq_entries,
            cq_entries: self.cq_entries,
            queues: self.queues,
            waiting: self.waiting,
        })
    }
}

impl RawClient {
    /// Connects and says nothing.
    ///
    /// # Errors
    /// Nobody listens, or the queue of connections stays full.
    pub fn connect(address: &str) -> Result<Self, platform::ConnectError> {
        let platform = Platform::new();
        let channel = platform.connect(address, ANSWER_WITHIN_NS)?;
        Ok(Self {
            address: address.to_owned(),
            channel,
            held: Vec::new(),
            platform,
            next_request: 1,
        })
    }

    /// Connects and greets.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn greet(address: &str) -> Result<Self, Refusal> {
        let mut client = Self::connect(address).map_err(|_| Refusal::Gone)?;
        match client.ask(None, &ClientMessage::Hello)?.0 {
            BrokerReply::Welcome(welcome) => {
                client.held = welcome.capabilities.into_vec();
                Ok(client)
            }
            reply => panic!("the broker greets with {reply:?}"),
        }
    }

    /// The capability for the vfs.
    #[must_use]
    pub fn vfs(&self) -> Option<capability::Handle> {
        self.held.iter().find(|held| held.service.as_str() == "vfs").map(|held| held.handle)
    }

    /// Sends a question without waiting for its answer; returns its number.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn send(
        &mut self,
        capability: Option<capability::Handle>,
        message: &ClientMessage,
    ) -> Result<u64, ChannelError> {
        let request = self.next_request;
        self.next_request += 1;
        let bytes = message.encode(Header { request, capability });
        self.channel.send(&Packet { bytes, descriptors: Vec::new() })?;
        Ok(request)
    }

    /// Waits for the answer to a question; earlier answers are dropped.
    ///
    /// # Errors
    /// [`Refusal`].
    ///
    /// # Panics
    /// The broker does not answer, or answers what it must not.
    pub fn receive(&self, asked: u64) -> Result<(BrokerReply, Vec<Descriptor>), Refusal> {
        loop {
            let packet = match self.channel.receive_within(Some(ANSWER_WITHIN_NS)) {
                Ok(packet) => packet,
                Err(ChannelError::Closed) => return Err(Refusal::Gone),
                Err(error) => panic!("the broker does not answer: {error:?}"),
            };
            let (header, reply) = BrokerReply::decode(&packet.bytes).unwrap();
            assert_eq!(reply.descriptors(), packet.descriptors.len());
            match reply {
                _ if header.request != asked => {}
                BrokerReply::Failed(failed) => return Err(Refusal::Refused(failed.errno)),
                reply => return Ok((reply, packet.descriptors)),
            }
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn ask(
        &mut self,
        capability: Option<capability::Handle>,
        message: &ClientMessage,
    ) -> Result<(BrokerReply, Vec<Descriptor>), Refusal> {
        let deadline = Instant::now() + Duration::from_nanos(ANSWER_WITHIN_NS);
        let asked = loop {
            match self.send(capability, message) {
                Ok(asked) => break asked,
                Err(ChannelError::Full) => std::thread::yield_now(),
                Err(_) => return Err(Refusal::Gone),
            }
            assert!(Instant::now() < deadline, "the broker does not read");
        };
        self.receive(asked)
    }

    /// Opens a session with the vfs and maps all of it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open(&mut self, wish: &Wish) -> Result<RawSession, Refusal> {
        let vfs = self.vfs();
        self.open_by(vfs, wish)
    }

    /// The same, by a particular capability.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open_by(
        &mut self,
        capability: Option<capability::Handle>,
        wish: &Wish,
    ) -> Result<RawSession, Refusal> {
        match self.ask(capability, &wish.message())? {
            (BrokerReply::Connected(connected), descriptors) => {
                Ok(RawSession::new(&self.platform, &connected.terms, connected.root, &descriptors))
            }
            (reply, _) => panic!("the broker answers Connect with {reply:?}"),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn disconnect(&mut self, session: SessionId) -> Result<(), Refusal> {
        self.ask(None, &ClientMessage::Disconnect(SessionNamed { session })).map(drop)
    }

    /// Asks for the region behind a grant.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn map_grant(&mut self, session: SessionId, grant: u32) -> Result<Descriptor, Refusal> {
        let ask = ClientMessage::MapGrant(MapGrant { session, grant });
        let (_, descriptors) = self.ask(None, &ask)?;
        Ok(Arc::clone(&descriptors[0]))
    }

    /// Maps a region.
    ///
    /// # Errors
    /// What the platform says.
    pub fn map(
        &self,
        region: &Descriptor,
        access: Access,
    ) -> Result<Region, dataplane::platform::MemoryError> {
        self.platform.memory().map(region, access)
    }
}

/// A session with everything that belongs to it.
pub struct RawSession {
    /// As the broker decided them.
    pub terms: SessionTerms,
    /// What everything is opened relative to.
    pub root: Handle,
    /// The client's regions: written here.
    pub client: Part,
    /// The service's: read here.
    pub service: Part,
    /// Written by both.
    pub arena: Part,
    /// What the service hears.
    pub bell: Descriptor,
    /// Rings it.
    pub doorbell: Arc<dyn Doorbell>,
    /// An honest end of each queue.
    pub queues: Vec<ClientQueue<Owner>>,
    next_user_data: u64,
}

/// A region, and the descriptor of it.
#[derive(Clone)]
pub struct Part {
    /// As the broker handed it over.
    pub descriptor: Descriptor,
    /// As it is mapped here.
    pub region: Region,
}

impl RawSession {
    fn new(
        platform: &Platform,
        terms: &SessionTerms,
        root: Handle,
        descriptors: &[Descriptor],
    ) -> Self {
        let [client, service, arena, bell] = descriptors else { panic!("four descriptors") };
        let part = |descriptor: &Descriptor, access| Part {
            descriptor: Arc::clone(descriptor),
            region: platform.memory().map(descriptor, access).unwrap(),
        };
        let client = part(client, Access::ReadWrite);
        let service = part(service, Access::ReadOnly);
        let geometry = Geometry::new(terms.sq_entries, terms.cq_entries).unwrap();
        let queue = |index: usize| {
            let view = |region: &Region, bytes| region.view(index * bytes, bytes).unwrap();
            let client = view(&client.region, geometry.client_bytes());
            let service = view(&service.region, geometry.service_bytes());
            ClientQueue::new(&client, &service, geometry).unwrap()
        };
        Self {
            terms: *terms,
            root,
            queues: (0..usize::from(terms.queues)).map(queue).collect(),
            client,
            service,
            arena: part(arena, Access::ReadWrite),
            doorbell: platform.doorbells().open(bell).unwrap(),
            bell: Arc::clone(bell),
            next_user_data: 1,
        }
    }

    /// Bytes of one queue's client block.
    #[must_use]
    pub fn client_block_bytes(&self) -> usize {
        Geometry::new(self.terms.sq_entries, self.terms.cq_entries).unwrap().client_bytes()
    }

    /// Whether the service says that the session is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.queues.iter().any(|queue| queue.state() != State::Open)
    }

    /// Publishes an entry in an orderly way; says whether there was room.
    pub fn publish(&mut self, queue: usize, sqe: &Sqe) -> bool {
        self.queues[queue].submit(&sqe.to_words()).is_ok()
    }

    /// Takes completions, however corrupt; at most a ring full of them.
    pub fn reap(&mut self, queue: usize) -> Vec<Cqe> {
        let mut taken = Vec::new();
        let queue = &mut self.queues[queue];
        for _ in 0..self.terms.cq_entries {
            let Ok(Some(words)) = queue.peek() else { break };
            if queue.consume(&words, Completion::Last).is_err() {
                break;
            }
            taken.push(Cqe::from_words(words));
        }
        queue.publish_cq_head();
        taken
    }

    /// Submits on the first queue and waits for the answer; `None` if the session is over.
    ///
    /// # Panics
    /// The service does not answer.
    pub fn call(&mut self, request: &Request) -> Option<Cqe> {
        let user_data = self.next_user_data;
        self.next_user_data += 1;
        assert!(self.publish(0, &Sqe { user_data, ..request.to_sqe() }), "the queue is full");
        self.doorbell.ring();
        let deadline = Instant::now() + COMPLETE_WITHIN;
        loop {
            let taken = self.reap(0);
            if let Some(cqe) = taken.iter().find(|cqe| cqe.user_data == user_data) {
                return Some(*cqe);
            }
            if self.is_over() {
                return None;
            }
            assert!(Instant::now() < deadline, "the service does not answer");
            std::thread::yield_now();
        }
    }

    /// Puts bytes at the start of the arena.
    #[must_use]
    pub fn put(&self, at: u32, bytes: &[u8]) -> ArenaRange {
        self.arena.region.write(at as usize, bytes).unwrap();
        ArenaRange { offset: at, len: u32::try_from(bytes.len()).unwrap() }
    }

    /// Opens a file; `None` if that fails.
    pub fn open(&mut self, path: &[u8], flags: OpenFlags) -> Option<Handle> {
        let path = self.put(0, path);
        let open = Request::OpenAt { directory: self.root, path, flags, mode: 0o600 };
        let cqe = self.call(&open)?;
        (cqe.status >= 0).then(|| Handle::from_word(cqe.aux).unwrap())
    }

    /// Writes at an offset, from the arena's second page on; returns the status.
    pub fn write(&mut self, handle: Handle, offset: u64, bytes: &[u8]) -> Option<i32> {
        let from = self.put(4096, bytes);
        self.call(&Request::Write { handle, offset, from }).map(|cqe| cqe.status)
    }
}
