//! What a service is to the control plane, and what it may ask of the broker.

use crate::message::{Authenticated, PeerIdentity};
use alloc::boxed::Box;
use alloc::vec::Vec;
use capability::Rights;
use core::fmt::Display;
use core::future::Future;
use core::pin::Pin;
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::{Descriptor, SessionId};

/// Names a region that the broker owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub u64);

/// A future of a single-threaded executor.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a service knows about who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The rights of the capability that was used.
    pub rights: Rights,
    /// Its badge.
    pub badge: u64,
    /// Who it is, as the platform vouches for it.
    pub identity: PeerIdentity,
}

/// A service's life. Sessions, revocation and heartbeats are handled by the runtime around it.
///
/// A service has no globals, no clock of its own and no threads of its own; it gets what it needs
/// as arguments. `docs/service-guide.md` builds one.
#[expect(async_fn_in_trait, reason = "one thread; the futures need not be Send")]
pub trait Service: 'static {
    /// Its name: what clients connect to.
    fn name(&self) -> &'static str;

    /// Gets ready to serve; the broker hears of it when this returns.
    ///
    /// # Errors
    /// The service is then not started.
    async fn start(&self) -> Result<(), Errno>;

    /// Answers a message that is the service's own business: configuration, mounts and the like.
    /// It is for the service to check that the sender's rights allow it.
    ///
    /// # Errors
    /// Sent back as they are; EOPNOTSUPP for a message that it does not know.
    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno>;

    /// The same for a message with a descriptor. It is of any kind, and whoever has sent it may
    /// hold others of the same object: it is for the service to find out what it is.
    ///
    /// # Errors
    /// As for [`Service::handle_message`].
    async fn handle_message_with(
        &self,
        _sender: Sender,
        _message: &[u8],
        _descriptor: Descriptor,
    ) -> Result<Vec<u8>, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Returns when nothing goes on any more that was begun for requests that have been given up:
    /// the broker hears only then that a session has ended. A service that does everything on the
    /// reactor's thread has nothing to wait for.
    async fn settled(&self) {}

    /// Says what who shows a token may do; for the one service that the broker asks this.
    ///
    /// # Errors
    /// The token is none, or no longer.
    async fn authenticate(&self, _: PeerIdentity, _token: &[u8]) -> Result<Authenticated, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether a user session goes on; for the same service.
    fn goes_on(&self, _session: u64) -> bool {
        false
    }

    /// Notes something that the broker has done or refused; for the same service.
    async fn audit(&self, _text: &[u8]) {}

    /// Ends: what must be durable is, when this returns.
    async fn stop(&self);
}

/// What a service may ask of the broker, which owns all regions.
pub trait Broker {
    /// Makes a region that only this service writes, and that clients can be offered for reading.
    fn create_region(&self, bytes: u64) -> LocalFuture<'static, Result<BrokeredRegion, Errno>>;
    /// Gives a region back; clients that have it mapped keep their mapping.
    fn destroy_region(&self, region: RegionId);
    /// Allows a session to map a region, read-only, under the number of a grant.
    fn offer(&self, session: SessionId, grant: u32, region: RegionId);
    /// Takes that back; mappings made before stay.
    fn withdraw(&self, session: SessionId, grant: u32);
    /// Takes back everything that a user session has given to clients; for the one service that
    /// keeps user sessions.
    fn deauthenticate(&self, _session: u64) {}
    /// Has the logger keep a record; never waits. Where there is no logger, nothing happens.
    fn log(&self, level: Level, message: &dyn Display, fields: &[(&str, &str)]);
}

/// A region made by the broker.
#[derive(Clone)]
pub struct BrokeredRegion {
    /// Its name.
    pub id: RegionId,
    /// For mapping it.
    pub descriptor: Descriptor,
    /// Size, bytes.
    pub bytes: u64,
}
