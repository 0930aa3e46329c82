//! A session with a service: its queues, ready to be driven by one thread each.

use super::connection::{ConnectError, Shared};
use super::grants::Grants;
use crate::message::{ClientMessage, Connected, Credentials, SessionNamed};
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::Rights;
use dataplane::client::{Queue, QueueParts};
use dataplane::entry::Handle;
use dataplane::platform::Access;
use dataplane::{Arena, ArenaRange, Descriptor, Region, SessionId, WaitMode};
use rings::Geometry;

/// What a client wishes its session to be; the broker may grant less.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    /// Queues: at most one thread each.
    pub queues: u16,
    /// Submission slots of each queue; a power of two.
    pub sq_entries: u32,
    /// Completion slots of each queue, and most requests in flight; a power of two.
    pub cq_entries: u32,
    /// Memory for data, shared by all queues, bytes.
    pub arena_bytes: u64,
    /// How both sides wait.
    pub waiting: WaitMode,
}

impl Default for SessionOptions {
    /// One queue of 256 and 512 slots, 1 MiB, adaptive.
    fn default() -> Self {
        Self {
            queues: 1,
            sq_entries: 256,
            cq_entries: 512,
            arena_bytes: 1 << 20,
            waiting: WaitMode::Adaptive,
        }
    }
}

/// A session. It ends when this and every queue taken from it are dropped.
pub struct Session {
    id: SessionId,
    epoch: u32,
    rights: Rights,
    root: Handle,
    queues: Vec<Queue>,
    grants: Arc<Grants>,
}

impl Session {
    pub(super) fn new(
        shared: &Arc<Shared>,
        connected: &Connected,
        descriptors: &[Descriptor],
        waiting: WaitMode,
    ) -> Result<Self, ConnectError> {
        let [client, service, arena, doorbell] = descriptors else {
            return Err(ConnectError::Protocol);
        };
        let terms = &connected.terms;
        // Made first, so that whatever fails below ends the session.
        let grants = Arc::new(Grants::new(Arc::clone(shared), terms.session));
        let geometry = Geometry::new(terms.sq_entries, terms.cq_entries)
            .map_err(|_| ConnectError::Protocol)?;
        let memory = &shared.machine.memory;
        let map = |region, access| memory.map(region, access).map_err(|_| ConnectError::Memory);
        let client_blocks = map(client, Access::ReadWrite)?;
        let service_blocks = map(service, Access::ReadOnly)?;
        let arena = Arena::new(map(arena, Access::ReadWrite)?);
        let opened = shared.machine.doorbells.open(doorbell);
        let doorbell = opened.map_err(|_| ConnectError::Memory)?;
        let share = u32::try_from(arena.len()).unwrap_or(u32::MAX) / u32::from(terms.queues.max(1));
        let mut queues = Vec::new();
        for index in 0..u32::from(terms.queues) {
            let part = |region: &Region, bytes: usize| region.view(index as usize * bytes, bytes);
            let parts = QueueParts {
                client_block: part(&client_blocks, geometry.client_bytes())
                    .map_err(|_| ConnectError::Memory)?,
                service_block: part(&service_blocks, geometry.service_bytes())
                    .map_err(|_| ConnectError::Memory)?,
                geometry,
                arena: arena.clone(),
                share: ArenaRange { offset: index * share, len: share },
                waiting_mode: waiting,
                waiting: Arc::clone(&shared.machine.waiting),
                doorbell: Arc::clone(&doorbell),
                grants: grants.clone(),
                fork_guard: shared.machine.fork_guard.clone(),
            };
            queues.push(Queue::new(parts).map_err(|_| ConnectError::Memory)?);
        }
        Ok(Self {
            id: terms.session,
            epoch: terms.epoch,
            rights: terms.rights,
            root: connected.root,
            queues,
            grants,
        })
    }

    /// Names the session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The service's incarnation.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What the session may do.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// The handle that everything is opened relative to.
    #[must_use]
    pub fn root(&self) -> Handle {
        self.root
    }

    /// Takes a queue out, to be driven by one thread.
    pub fn take_queue(&mut self) -> Option<Queue> {
        self.queues.pop()
    }

    /// Has requests that name `index` act as somebody: those submitted after this has returned.
    /// Those in flight may act as who was there before.
    ///
    /// # Errors
    /// [`ConnectError::Refused`]: EPERM without the right to act as others, EINVAL if the index is
    /// 0, more than the next one, or more than a session has.
    pub fn set_credential(&self, index: u16, credentials: Credentials) -> Result<(), ConnectError> {
        self.grants.set_credential(index, credentials)
    }

    /// Ends the session now; queues taken from it answer ENOTCONN.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn close(self) -> Result<(), ConnectError> {
        self.grants.end()
    }
}

pub(super) fn disconnect(session: SessionId) -> ClientMessage {
    ClientMessage::Disconnect(SessionNamed { session })
}
