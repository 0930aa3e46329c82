//! The connection to the broker: questions and answers, and the capabilities that it gives.

use super::session::{Session, SessionOptions};
use super::turns::Turns;
use crate::message::{
    BrokerReply, ClientMessage, ClientStatistics, Connect, Control, Derive, Header, HeldCapability,
    Message, Name, Request, ServiceAction, SessionNamed, StatusReport, Tell,
};
use crate::platform::{Channel, ChannelError, Packet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::{Handle, Rights};
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use dataplane::entry::Errno;
use dataplane::platform::{Doorbells, Memory, Waiting};
use dataplane::{Descriptor, SessionId, Word};

/// Longest wait for an answer of the broker, ns.
const ANSWER_WITHIN_NS: u64 = 30_000_000_000;

/// What a client needs of the machine.
#[derive(Clone)]
pub struct ClientMachine {
    /// Time and waiting.
    pub waiting: Arc<dyn Waiting>,
    /// For mapping what the broker hands over.
    pub memory: Arc<dyn Memory>,
    /// For ringing the service.
    pub doorbells: Arc<dyn Doorbells>,
    /// Reads 1 in this process, 0 in a forked child.
    pub fork_guard: Word,
}

/// Why the broker did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// It said no.
    Refused {
        /// In a number.
        errno: Errno,
        /// In words.
        reason: String,
    },
    /// No capability for this service.
    NoCapability {
        /// The service asked for.
        service: String,
    },
    /// The connection broke, or no answer came in time.
    Channel(ChannelError),
    /// It answered what no correct broker answers.
    Protocol,
    /// What it handed over cannot be used.
    Memory,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { errno, reason } if reason.is_empty() => write!(f, "refused: {errno}"),
            Self::Refused { errno, reason } => write!(f, "refused: {reason} ({errno:?})"),
            Self::NoCapability { service } => {
                write!(f, "there is no service '{service}' that this user may connect to")
            }
            Self::Channel(ChannelError::TimedOut) => f.write_str("the system did not answer"),
            Self::Channel(_) => f.write_str("the connection to the system broke"),
            Self::Protocol => f.write_str("the system answered what this version cannot read"),
            Self::Memory => f.write_str("shared memory of the session could not be mapped"),
        }
    }
}

impl core::error::Error for ConnectError {}

impl From<ChannelError> for ConnectError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl ConnectError {
    /// As an errno.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Refused { errno, .. } => *errno,
            Self::NoCapability { .. } => Errno::EACCES,
            Self::Channel(ChannelError::TimedOut) => Errno::ETIMEDOUT,
            Self::Channel(_) => Errno::ENOTCONN,
            Self::Protocol => Errno::EPROTO,
            Self::Memory => Errno::ENOMEM,
        }
    }
}

/// What the connection and its sessions share.
pub(super) struct Shared {
    channel: Arc<dyn Channel>,
    turns: Turns,
    next_request: AtomicU64,
    pub(super) machine: ClientMachine,
}

/// A connection to the broker. Cheap to clone; may be used from several threads.
#[derive(Clone)]
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    capabilities: Vec<HeldCapability>,
}

impl Connection {
    /// Greets the broker at the other end of a channel.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn new(channel: Arc<dyn Channel>, machine: ClientMachine) -> Result<Self, ConnectError> {
        let turns = Turns::new(Arc::clone(&machine.waiting));
        let shared = Arc::new(Shared { channel, turns, next_request: AtomicU64::new(1), machine });
        match shared.ask(None, &ClientMessage::Hello)?.0 {
            BrokerReply::Welcome(welcome) => {
                let capabilities = welcome.capabilities.iter().cloned().collect();
                Ok(Self { shared, capabilities })
            }
            _ => Err(ConnectError::Protocol),
        }
    }

    /// The capabilities that the broker gave at the greeting.
    #[must_use]
    pub fn capabilities(&self) -> &[HeldCapability] {
        &self.capabilities
    }

    /// The capability for a service.
    ///
    /// # Errors
    /// [`ConnectError::NoCapability`].
    pub fn capability(&self, service: &str) -> Result<Handle, ConnectError> {
        let found = self.capabilities.iter().find(|held| held.service.as_str() == service);
        found
            .map(|held| held.handle)
            .ok_or_else(|| ConnectError::NoCapability { service: service.into() })
    }

    /// Opens a session with a service, by the capability for it.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(&self, service: &str, options: SessionOptions) -> Result<Session, ConnectError> {
        self.connect_by(self.capability(service)?, service, options)
    }

    /// Opens a session by a particular capability.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect_by(
        &self,
        capability: Handle,
        service: &str,
        options: SessionOptions,
    ) -> Result<Session, ConnectError> {
        let service: Name =
            service.parse().map_err(|_| ConnectError::NoCapability { service: service.into() })?;
        let connect = ClientMessage::Connect(Connect {
            service,
            arena_bytes: options.arena_bytes,
            features: 0,
            sq_entries: options.sq_entries,
            cq_entries: options.cq_entries,
            queues: options.queues,
            waiting: options.waiting,
        });
        match self.shared.ask(Some(capability), &connect)? {
            (BrokerReply::Connected(connected), descriptors) => {
                Session::new(&self.shared, &connected, &descriptors, options.waiting)
            }
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Derives a capability with fewer rights.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn derive(
        &self,
        capability: Handle,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, ConnectError> {
        let derive = ClientMessage::Derive(Derive { rights, badge });
        match self.shared.ask(Some(capability), &derive)?.0 {
            BrokerReply::Derived(derived) => Ok(derived.handle),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Revokes a capability and what was derived from it. When this returns, nothing that stood
    /// on them executes any more.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn revoke(&self, capability: Handle) -> Result<(), ConnectError> {
        self.shared.command(Some(capability), &ClientMessage::Revoke)
    }

    /// How the services are, and what the broker keeps.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn status(&self) -> Result<StatusReport, ConnectError> {
        match self.shared.ask(None, &ClientMessage::Status)?.0 {
            BrokerReply::StatusReport(report) => Ok(report),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// What a service has done for each session, whose they are, and for those that have ended
    /// together; by a capability with the right to audit it.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn statistics(&self, capability: Handle) -> Result<Vec<ClientStatistics>, ConnectError> {
        let mut all: Vec<ClientStatistics> = Vec::new();
        let mut from = Some(SessionId::default());
        while let Some(session) = from {
            let ask = ClientMessage::Statistics(SessionNamed { session });
            let BrokerReply::Statistics(page) = self.shared.ask(Some(capability), &ask)?.0 else {
                return Err(ConnectError::Protocol);
            };
            // Numbers that do not ascend would be asked for without end.
            from = page.next();
            if from.is_some_and(|next| next <= session) {
                return Err(ConnectError::Protocol);
            }
            all.extend(page.into_vec());
        }
        Ok(all)
    }

    /// The requests of a session that a dead service left without a completion.
    ///
    /// # Errors
    /// [`ConnectError::Refused`], with EBUSY while the service lives, among others.
    pub fn remains(&self, session: SessionId) -> Result<Vec<Request>, ConnectError> {
        let ask = ClientMessage::Remains(SessionNamed { session });
        match self.shared.ask(None, &ask)?.0 {
            BrokerReply::Remains(remains) => Ok(remains.requests.into_vec()),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Sends a message to a service that is its own business, and returns its answer.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] with the service's error, among others.
    pub fn tell(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ConnectError> {
        self.tell_by(self.capability(service)?, message, None)
    }

    /// The same with a descriptor, which the service gets; for those who administer something.
    ///
    /// # Errors
    /// As for [`Connection::tell`].
    pub fn tell_with(
        &self,
        service: &str,
        message: &[u8],
        descriptor: Descriptor,
    ) -> Result<Vec<u8>, ConnectError> {
        self.tell_by(self.capability(service)?, message, Some(descriptor))
    }

    /// Sends a message by a particular capability, with or without a descriptor.
    ///
    /// # Errors
    /// As for [`Connection::tell`].
    pub fn tell_by(
        &self,
        capability: Handle,
        message: &[u8],
        descriptor: Option<Descriptor>,
    ) -> Result<Vec<u8>, ConnectError> {
        let too_long = |_| ConnectError::Channel(ChannelError::TooLarge);
        let tell = Tell { text: message.to_vec().try_into().map_err(too_long)? };
        let tell = match descriptor {
            None => ClientMessage::Tell(tell),
            Some(_) => ClientMessage::TellWith(tell),
        };
        let descriptors = descriptor.into_iter().collect();
        match self.shared.ask_with(Some(capability), &tell, descriptors)?.0 {
            BrokerReply::Told(told) => Ok(told.text.into_vec()),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Tells the system to stop, by a capability with the right to; returns when it has begun.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn shutdown(&self) -> Result<(), ConnectError> {
        let may_stop = |held: &&HeldCapability| held.rights.contains(Rights::SHUTDOWN);
        let capability = self.capabilities.iter().find(may_stop).map(|held| held.handle);
        self.shared.command(capability, &ClientMessage::Shutdown)
    }

    /// Tells the system to stop and start again in place, by a capability with the right to;
    /// returns when it has begun.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn reboot(&self) -> Result<(), ConnectError> {
        let may_stop = |held: &&HeldCapability| held.rights.contains(Rights::SHUTDOWN);
        let capability = self.capabilities.iter().find(may_stop).map(|held| held.handle);
        self.shared.command(capability, &ClientMessage::Reboot)
    }

    /// Has a service started, stopped, or stopped and started again; returns when that has begun.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn control(&self, service: &str, action: ServiceAction) -> Result<(), ConnectError> {
        let control = ClientMessage::Control(Control { action });
        self.shared.command(Some(self.capability(service)?), &control)
    }

    /// Why and where a service's last incarnation was ended, if it was because it gave no sign of
    /// life; otherwise nothing.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn last_words(&self, service: &str) -> Result<Vec<u8>, ConnectError> {
        let capability = Some(self.capability(service)?);
        match self.shared.ask(capability, &ClientMessage::LastWords)?.0 {
            BrokerReply::Told(told) => Ok(told.text.into_vec()),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Waits until the broker has closed the connection; false if it has not within this time.
    #[must_use]
    pub fn wait_closed(&self, timeout_ns: u64) -> bool {
        let _turn = self.shared.turns.take();
        loop {
            match self.shared.channel.receive_within(Some(timeout_ns)) {
                Ok(_) => {}
                Err(error) => return error == ChannelError::Closed,
            }
        }
    }
}

impl Shared {
    pub(super) fn is_connected(&self) -> bool {
        self.channel.is_connected()
    }

    /// Sends a message that is answered by `Done`.
    pub(super) fn command(
        &self,
        capability: Option<Handle>,
        message: &ClientMessage,
    ) -> Result<(), ConnectError> {
        match self.ask(capability, message)?.0 {
            BrokerReply::Done => Ok(()),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Sends a message and waits for its answer.
    pub(super) fn ask(
        &self,
        capability: Option<Handle>,
        message: &ClientMessage,
    ) -> Result<(BrokerReply, Vec<Descriptor>), ConnectError> {
        self.ask_with(capability, message, Vec::new())
    }

    fn ask_with(
        &self,
        capability: Option<Handle>,
        message: &ClientMessage,
        descriptors: Vec<Descriptor>,
    ) -> Result<(BrokerReply, Vec<Descriptor>), ConnectError> {
        let _turn = self.turns.take();
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let bytes = message.encode(Header { request, capability });
        self.channel.send(&Packet { bytes, descriptors })?;
        loop {
            let packet = self.channel.receive_within(Some(ANSWER_WITHIN_NS))?;
            let (header, reply) =
                BrokerReply::decode(&packet.bytes).map_err(|_| ConnectError::Protocol)?;
            if header.request != request {
                // The late answer to a question that was given up.
                continue;
            }
            if let BrokerReply::Failed(failed) = reply {
                let reason = failed.reason.as_str().into();
                return Err(ConnectError::Refused { errno: failed.errno, reason });
            }
            if reply.descriptors() != packet.descriptors.len() {
                return Err(ConnectError::Protocol);
            }
            return Ok((reply, packet.descriptors));
        }
    }
}
