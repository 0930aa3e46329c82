//! The constructor of everything that a process of the system gets from Linux.

use super::channel::{self, LinuxChannel};
use super::doorbell::LinuxDoorbells;
use super::handle::{Handle, Origin};
use super::listener::{LinuxListener, connect_to};
use super::memory::LinuxMemory;
use super::poller::LinuxPoller;
use super::spawning::{Program, Spawner};
use super::store::RegionStore;
use super::waiting::LinuxWaiting;
use crate::address::{ConnectError, ListenError};
use crate::offload::Pool;
use control::platform::{Channel, Listener, Pairing, SpawnError};
use dataplane::Descriptor;
use dataplane::platform::{Doorbells, Memory, Offload, Poller, Waiting};
use rustix::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// Linux, as a process of the system sees it.
#[derive(Clone)]
pub struct Platform {
    memory: Arc<LinuxMemory>,
    has_store: bool,
}

impl Platform {
    /// For services and clients, and for an init that shall do without a region store: service
    /// regions made by it are sealed memfds.
    #[must_use]
    pub fn new() -> Self {
        Self { memory: Arc::default(), has_store: false }
    }

    /// For init: keeps service regions in a store if the system lets it make one (it takes
    /// `CAP_SYS_ADMIN`), see [`Platform::has_store`].
    #[must_use]
    pub fn for_init() -> Self {
        let store = RegionStore::create().ok();
        Self { has_store: store.is_some(), memory: Arc::new(LinuxMemory::new(store)) }
    }

    /// For an init whose guardian has made a region store, or none: see [`Platform::for_init`].
    #[must_use]
    pub fn with_store(directories: Option<[OwnedFd; 2]>) -> Self {
        let store = directories.map(|[writable, read_only]| RegionStore::of(writable, read_only));
        Self { has_store: store.is_some(), memory: Arc::new(LinuxMemory::new(store)) }
    }

    /// Whether service regions are kept in a store: only then can a service's successor map them
    /// for writing, and can a service give their pages back.
    #[must_use]
    pub fn has_store(&self) -> bool {
        self.has_store
    }

    /// Time and waiting.
    #[must_use]
    pub fn waiting(&self) -> Arc<dyn Waiting> {
        Arc::new(LinuxWaiting)
    }

    /// Regions.
    #[must_use]
    pub fn memory(&self) -> Arc<dyn Memory> {
        Arc::clone(&self.memory) as Arc<dyn Memory>
    }

    /// Doorbells.
    #[must_use]
    pub fn doorbells(&self) -> Arc<dyn Doorbells> {
        Arc::new(LinuxDoorbells)
    }

    /// A pool of at most so many threads for what blocks. What one pool's users wait for does not
    /// hold up another's.
    #[must_use]
    pub fn offload(&self, threads: usize) -> Arc<dyn Offload> {
        Arc::new(Pool::new(threads))
    }

    /// Starts to listen at an address, `@name` or a path.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn listen(&self, address: &str) -> Result<Arc<dyn Listener>, ListenError> {
        Ok(Arc::new(LinuxListener::open(address)?))
    }

    /// Connects to a listener at an address, `@name` or a path.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        &self,
        address: &str,
        timeout_ns: u64,
    ) -> Result<Arc<dyn Channel>, ConnectError> {
        let channel = connect_to(address, Duration::from_nanos(timeout_ns))?;
        Ok(Arc::new(channel))
    }

    /// Starts and ends services as processes of a program.
    ///
    /// # Errors
    /// [`SpawnError::Exhausted`].
    pub fn spawning(&self, program: Program) -> Result<Spawner, SpawnError> {
        Spawner::new(program)
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self::new()
    }
}

impl Pairing for Platform {
    fn pair(&self) -> Result<(Arc<dyn Channel>, Arc<dyn Channel>), SpawnError> {
        let (one, other) = channel::socket_pair().map_err(|_| SpawnError::Exhausted)?;
        let channel = |socket| Arc::new(LinuxChannel::new(socket, Origin::System));
        Ok((channel(one), channel(other)))
    }

    fn half(&self) -> Result<(Arc<dyn Channel>, Descriptor), SpawnError> {
        let (one, other) = channel::socket_pair().map_err(|_| SpawnError::Exhausted)?;
        let one = Arc::new(LinuxChannel::new(one, Origin::Stranger));
        Ok((one, Handle::new(other, Origin::System)))
    }

    fn other_half(&self, descriptor: &Descriptor) -> Option<Arc<dyn Channel>> {
        channel::channel_of(descriptor, Origin::System)
    }
}

/// A poller of the calling thread: a `control::platform::MakePoller`.
///
/// # Errors
/// [`SpawnError::Exhausted`].
pub fn poller() -> Result<Box<dyn Poller>, SpawnError> {
    let poller = LinuxPoller::new().map_err(|_| SpawnError::Exhausted)?;
    Ok(Box::new(poller))
}
