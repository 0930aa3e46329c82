//! Where the queues of a session get the memory of grants from; also ends the session when the
//! last of them is gone.

use super::connection::{ConnectError, Shared};
use super::session::disconnect;
use crate::message::{BrokerReply, ClientMessage, Credentials, MapGrant, SetCredential};
use alloc::sync::Arc;
use core::sync::atomic::AtomicBool;
use dataplane::client::GrantSource;
use dataplane::entry::Errno;
use dataplane::platform::Access;
use dataplane::{Region, SessionId};
use rings::sync::Ordering;

pub(super) struct Grants {
    shared: Arc<Shared>,
    session: SessionId,
    ended: AtomicBool,
}

impl Grants {
    pub(super) fn new(shared: Arc<Shared>, session: SessionId) -> Self {
        Self { shared, session, ended: AtomicBool::new(false) }
    }

    pub(super) fn set_credential(
        &self,
        index: u16,
        credentials: Credentials,
    ) -> Result<(), ConnectError> {
        let set = SetCredential { session: self.session, index, credentials };
        self.shared.command(None, &ClientMessage::SetCredential(set))
    }

    pub(super) fn end(&self) -> Result<(), ConnectError> {
        if self.ended.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.shared.command(None, &disconnect(self.session))
    }
}

impl Drop for Grants {
    fn drop(&mut self) {
        // A forked child must not end its parent's session. If the broker is gone, so is the
        // session.
        if self.shared.machine.fork_guard.load(Ordering::Relaxed) != 0 {
            let _ = self.end();
        }
    }
}

impl GrantSource for Grants {
    fn map(&self, grant: u32) -> Result<Region, Errno> {
        let ask = ClientMessage::MapGrant(MapGrant { session: self.session, grant });
        let (reply, descriptors) = self.shared.ask(None, &ask).map_err(|error| error.errno())?;
        let (BrokerReply::Mapped(_), [region]) = (reply, descriptors.as_slice()) else {
            return Err(Errno::EPROTO);
        };
        self.shared.machine.memory.map(region, Access::ReadOnly).map_err(|_| Errno::ENOMEM)
    }

    fn prefault(&self, region: &Region, offset: usize, len: usize) {
        self.shared.machine.memory.prefault(region, offset, len);
    }

    fn is_connected(&self) -> bool {
        self.shared.is_connected()
    }
}
