//! The machine as the control plane sees it: channels for messages, and, for init alone, the
//! starting of processes.

use crate::message::{Layers, Refused};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::Rights;
use dataplane::platform::{Doorbells, Memory, Poller, Token, Waiting};
use dataplane::{Descriptor, Region};

pub use crate::message::{MAX_DESCRIPTORS, MAX_MESSAGE_BYTES as MAX_MESSAGE};

/// A message as a channel carries it.
#[derive(Clone, Default)]
pub struct Packet {
    /// 1 to [`MAX_MESSAGE_BYTES`](crate::message::MAX_MESSAGE_BYTES) bytes.
    pub bytes: Vec<u8>,
    /// At most [`MAX_DESCRIPTORS`](crate::message::MAX_DESCRIPTORS).
    pub descriptors: Vec<Descriptor>,
}

/// Who is at the other end of a channel, as the platform vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Process.
    pub pid: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// Why a channel did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// The other end is gone.
    Closed,
    /// The other end does not read: a peer that lets its queue fill up.
    Full,
    /// Too many bytes or descriptors, or not one byte. Received: the message is gone, the channel
    /// goes on.
    TooLarge,
    /// A descriptor that is not one of this platform's.
    WrongDescriptor,
    /// The deadline has passed.
    TimedOut,
}

/// One end of a connection that keeps message boundaries, and passes descriptors.
pub trait Channel: Send + Sync {
    /// Sends a message; never blocks.
    ///
    /// # Errors
    /// [`ChannelError`]; the message was then not sent.
    fn send(&self, packet: &Packet) -> Result<(), ChannelError>;
    /// Takes the next message, if one is there; never blocks.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] when the other end is gone and everything was read;
    /// [`ChannelError::TooLarge`] for a message that no honest peer sends.
    fn receive(&self) -> Result<Option<Packet>, ChannelError>;
    /// Shows the next message, if one is there, and leaves it where it is; never blocks. Descriptors
    /// are new ones each time.
    ///
    /// # Errors
    /// As for [`Channel::receive`]; [`ChannelError::TooLarge`] does not go away.
    fn peek(&self) -> Result<Option<Packet>, ChannelError>;
    /// Drops the next message, which was looked at.
    fn discard(&self);
    /// Waits for the next message. `timeout_ns` of `None` waits without end.
    ///
    /// # Errors
    /// [`ChannelError::Closed`], [`ChannelError::TooLarge`] or [`ChannelError::TimedOut`].
    fn receive_within(&self, timeout_ns: Option<u64>) -> Result<Packet, ChannelError>;
    /// Whether the other end still is there; takes no message.
    fn is_connected(&self) -> bool;
    /// Who was at the other end when the two were connected: of a pair, its maker.
    fn peer(&self) -> Peer;
    /// What a poller watches for messages and hang-up.
    fn source(&self) -> Descriptor;
}

/// Where clients reach the system.
pub trait Listener: Send + Sync {
    /// Takes the next connection, if one is there; never blocks.
    fn accept(&self) -> Option<Arc<dyn Channel>>;
    /// What a poller watches for connections.
    fn source(&self) -> Descriptor;
}

/// How a service is started, kept and ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The service's name; also the role that the started program takes.
    pub name: String,
    /// The program and its arguments; none: this program, in the role of that name; and if the
    /// first is empty, that with the others as further arguments.
    pub command: Vec<String>,
    /// Names of services that must be ready before, and that it is paused without.
    pub needs: Vec<String>,
    /// Names of services that it works better with: neither waited for nor missed.
    pub wants: Vec<String>,
    /// Names of services that it is started behind, if they can be started.
    pub after: Vec<String>,
    /// When it is started again.
    pub restart: Restart,
    /// Longest time from being spawned to being ready, ns.
    pub start_within_ns: u64,
    /// Longest time to stop when told to, ns.
    pub stop_within_ns: u64,
    /// Longest time without a sign of life, ns; 0: it is never asked for one.
    pub heartbeat_ns: u64,
    /// What it may take of the machine.
    pub limits: Limits,
    /// Its capabilities on other services: the service's name, and the rights.
    pub capabilities: Vec<(String, Rights)>,
}

impl Unit {
    /// A service in the role of its name, that needs nothing, with the defaults of all else.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            command: Vec::new(),
            needs: Vec::new(),
            wants: Vec::new(),
            after: Vec::new(),
            restart: Restart::Always,
            start_within_ns: 10_000_000_000,
            stop_within_ns: 5_000_000_000,
            heartbeat_ns: 10_000_000_000,
            limits: Limits::default(),
            capabilities: Vec::new(),
        }
    }
}

/// When a service that has ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Whenever it was not told to end.
    Always,
    /// When it has ended with an error or by a signal.
    OnFailure,
    /// Never.
    Never,
}

/// What a process may take of the machine; none: no limit of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Threads and processes together.
    pub tasks: Option<u32>,
    /// Processor time, in hundredths of one processor.
    pub cpu_percent: Option<u32>,
    /// Open descriptors.
    pub descriptors: Option<u32>,
}

/// A service that was started.
pub struct Started {
    /// Its control channel.
    pub channel: Arc<dyn Channel>,
    /// Its process; where it has none of its own, a number that only [`Spawning`] knows.
    pub pid: u32,
    /// What a poller watches for its end.
    pub exit: Descriptor,
    /// What became of its limits; of all other layers nothing is said.
    pub limits: Layers,
}

/// Why a service could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// No program for this role.
    UnknownRole,
    /// No process, memory or descriptor to be had.
    Exhausted,
}

/// Starting and ending processes; init alone holds it.
pub trait Spawning {
    /// Starts a service with nothing but its control channel.
    ///
    /// # Errors
    /// [`SpawnError`].
    fn spawn(&self, unit: &Unit) -> Result<Started, SpawnError>;
    /// A service that an earlier init has started, which may have ended since; `None` if there is no
    /// such service.
    fn adopt(&self, pid: u32) -> Option<Started>;
    /// Ends all services but these: those that an earlier init had started and not written down.
    fn retain(&self, pids: &[u32]);
    /// Ends a service at once, whatever it does. A thread cannot be ended: its control channel is
    /// closed, on which it ends itself.
    fn kill(&self, pid: u32);
    /// Asks a service that gives no sign of life where it is: it says so on its control channel, if
    /// it still can.
    fn interrogate(&self, pid: u32);
    /// What a service has said where it is, in words: a function a line.
    fn describe(&self, frames: &[u64]) -> String;
    /// Whether it has ended; reaps it. `Some`, once, holds the exit code, or the negated signal.
    fn reap(&self, pid: u32) -> Option<i32>;
    /// Resident memory, bytes; 0 where that is not known.
    fn resident_bytes(&self, pid: u32) -> u64;
}

/// Random numbers that nobody can guess.
pub trait Random: Send + Sync {
    /// Fills the bytes with them.
    fn fill(&self, bytes: &mut [u8]);
}

/// Whether words are stored in what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poking {
    /// Never.
    Never,
    /// In the region that is the first descriptor, see [`Keeper::poke`].
    First,
}

/// What outlives init's process, so that the next one can go on with everything that runs.
pub trait Keeper {
    /// Keeps one, two or six descriptors under a key, in place of those that were kept under it.
    fn keep(&self, key: u64, descriptors: &[Descriptor], poking: Poking);
    /// Lets go of what is kept under a key.
    fn forget(&self, key: u64);
    /// What is kept under a key by an earlier init; nothing if nothing is.
    fn kept(&self, key: u64) -> Vec<Descriptor>;
    /// All keys under which an earlier init has left something.
    fn keys(&self) -> Vec<u64>;
    /// The channel of a client, or of an endpoint that one serves, whose descriptor was kept.
    fn client_channel(&self, descriptor: &Descriptor) -> Option<Arc<dyn Channel>>;
    /// Stores a word in the region that is the first descriptor of a key, and wakes who sleeps on
    /// it: for regions that nobody may map for writing any more.
    fn poke(&self, key: u64, offset: u64, value: u64);
    /// Memory for init's journal: all zeros when the system is started.
    fn journal(&self) -> Option<Region>;
}

/// Both ends of a connection.
pub type ChannelPair = (Arc<dyn Channel>, Arc<dyn Channel>);

/// Pairs of connected channels: for endpoints that clients serve, for tests, and for services that run
/// inside their client.
pub trait Pairing {
    /// Both ends.
    ///
    /// # Errors
    /// [`SpawnError::Exhausted`].
    fn pair(&self) -> Result<ChannelPair, SpawnError>;
    /// One end, for talking with a stranger, and the other as a descriptor that can be sent.
    ///
    /// # Errors
    /// [`SpawnError::Exhausted`].
    fn half(&self) -> Result<(Arc<dyn Channel>, Descriptor), SpawnError>;
    /// The end that was sent as a descriptor.
    fn other_half(&self, descriptor: &Descriptor) -> Option<Arc<dyn Channel>>;
}

/// What keeps a process from what it does not need.
pub trait Confinement: Send + Sync {
    /// What became of each layer.
    fn layers(&self) -> Layers;
    /// What was refused and not yet told by this; nothing if nothing was. Cheap.
    fn take_refused(&self) -> Option<Refused>;
}

/// Nothing does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unconfined;

impl Confinement for Unconfined {
    fn layers(&self) -> Layers {
        Layers::default()
    }

    fn take_refused(&self) -> Option<Refused> {
        None
    }
}

/// What the platform hands to a service, and nothing else.
#[derive(Clone)]
pub struct Machine {
    /// Time and waiting.
    pub waiting: Arc<dyn Waiting>,
    /// Regions.
    pub memory: Arc<dyn Memory>,
    /// For ringing services that this one is a client of.
    pub doorbells: Arc<dyn Doorbells>,
    /// What the process may not do.
    pub confinement: Arc<dyn Confinement>,
}

/// Makes the poller of a reactor's thread.
pub type MakePoller = fn() -> Result<alloc::boxed::Box<dyn Poller>, SpawnError>;

/// The token under which a service's own control channel is polled.
pub const CONTROL_TOKEN: Token = Token(u64::MAX);
