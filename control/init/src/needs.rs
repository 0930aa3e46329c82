//! Whether a client has what its message needs: looked at in one place, by the table in
//! `control::message`, before anything is done.

use crate::clients::Object;
use crate::commands::{NO_SESSION, NOT_HELD, Refused};
use crate::init::Init;
use capability::{Handle, Rights};
use control::message::{ClientMessage, Needs, On};
use dataplane::entry::Errno;

/// The capability that a message uses, which allows what the message needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) handle: Handle,
    pub(crate) object: Object,
    pub(crate) rights: Rights,
    pub(crate) badge: u64,
}

impl Used {
    /// The place of the service that it is on.
    pub(crate) fn service(&self) -> Result<usize, Refused> {
        match self.object {
            Object::Service(place) => Ok(place),
            Object::System => Err(NOT_HELD),
        }
    }
}

impl Init {
    /// Checks what a message needs; the capability that it uses, if it needs one.
    pub(crate) fn check(
        &self,
        id: u64,
        handle: Option<Handle>,
        message: &ClientMessage,
    ) -> Result<Option<Used>, Refused> {
        match message.needs() {
            Needs::Nothing => Ok(None),
            Needs::OwnSession(rights) => {
                let named = message.own_session().and_then(|session| self.sessions.get(&session));
                let record = named.filter(|record| record.client == id).ok_or(NO_SESSION)?;
                if record.terms.rights.contains(rights) { Ok(None) } else { Err(NOT_HELD) }
            }
            Needs::Capability(on, rights) => self.used(id, handle, on, rights).map(Some),
            Needs::OwnOr(..) if handle.is_none() => Ok(None),
            Needs::OwnOr(on, rights) => self.used(id, handle, on, rights).map(Some),
            Needs::OneOf(on, rights, others) => {
                let used = self.used(id, handle, on, rights)?;
                if used.rights.intersects(others) { Ok(Some(used)) } else { Err(NOT_HELD) }
            }
        }
    }

    fn used(
        &self,
        id: u64,
        handle: Option<Handle>,
        on: On,
        rights: Rights,
    ) -> Result<Used, Refused> {
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let handle = handle.ok_or((Errno::EPERM, "this message must name a capability"))?;
        let found = self.capabilities.lookup(client.space, handle, rights).map_err(|_| NOT_HELD)?;
        let (object, rights, badge) = (*found.object, found.rights, found.badge);
        let fits = match on {
            On::Anything => true,
            On::System => object == Object::System,
            On::Service => matches!(object, Object::Service(_)),
        };
        if fits { Ok(Used { handle, object, rights, badge }) } else { Err(NOT_HELD) }
    }
}
