//! The constructor of everything that a thread of the system gets from its process.

use super::channel::LocalChannel;
use super::doorbell::LocalDoorbells;
use super::listener::Addresses;
use super::memory::LocalMemory;
use super::poller::LocalPoller;
use super::spawning::{Roles, Spawner};
use super::waiting::LocalWaiting;
use crate::address::{ConnectError, ListenError};
use crate::offload::Pool;
use control::platform::{Channel, Listener, Pairing, SpawnError};
use dataplane::Descriptor;
use dataplane::platform::{Doorbells, Memory, Offload, Poller, Waiting};
use std::sync::Arc;

/// One process, as its threads see it. Only clones of one platform reach each other.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    waiting: Arc<LocalWaiting>,
    addresses: Addresses,
}

impl Platform {
    /// A platform on which nobody listens or sleeps yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Time and waiting.
    #[must_use]
    pub fn waiting(&self) -> Arc<dyn Waiting> {
        Arc::clone(&self.waiting) as Arc<dyn Waiting>
    }

    /// Regions.
    #[must_use]
    pub fn memory(&self) -> Arc<dyn Memory> {
        Arc::new(LocalMemory)
    }

    /// Doorbells.
    #[must_use]
    pub fn doorbells(&self) -> Arc<dyn Doorbells> {
        Arc::new(LocalDoorbells)
    }

    /// A pool of at most so many threads for what blocks. What one pool's users wait for does not
    /// hold up another's.
    #[must_use]
    pub fn offload(&self, threads: usize) -> Arc<dyn Offload> {
        Arc::new(Pool::new(threads))
    }

    /// Starts to listen at an address, which is any name.
    ///
    /// # Errors
    /// [`ListenError::InUse`].
    pub fn listen(&self, address: &str) -> Result<Arc<dyn Listener>, ListenError> {
        Ok(Arc::new(self.addresses.listen(address)?))
    }

    /// Connects to a listener; never waits.
    ///
    /// # Errors
    /// [`ConnectError::NotListening`].
    pub fn connect(&self, address: &str) -> Result<Arc<dyn Channel>, ConnectError> {
        Ok(self.addresses.connect(address)?)
    }

    /// Starts and ends services as threads.
    #[must_use]
    pub fn spawning(&self, roles: Roles) -> Spawner {
        Spawner::new(roles)
    }
}

impl Pairing for Platform {
    fn pair(&self) -> Result<(Arc<dyn Channel>, Arc<dyn Channel>), SpawnError> {
        let (one, other) = LocalChannel::pair();
        Ok((one, other))
    }

    fn half(&self) -> Result<(Arc<dyn Channel>, Descriptor), SpawnError> {
        let (one, other) = LocalChannel::pair();
        Ok((one, other))
    }

    fn other_half(&self, descriptor: &Descriptor) -> Option<Arc<dyn Channel>> {
        Some(Arc::clone(descriptor).downcast::<LocalChannel>().ok()?)
    }
}

/// A poller of the calling thread: a `control::platform::MakePoller`.
///
/// # Errors
/// None; the type is that of all platforms.
pub fn poller() -> Result<Box<dyn Poller>, SpawnError> {
    Ok(Box::new(LocalPoller::default()))
}
