//! From the broker's words about a session to what the reactor takes up.

use crate::message::{self, OpenSession};
use dataplane::entry::Errno;
use dataplane::platform::{Access, Memory, MemoryError};
use dataplane::service::SessionParts;
use dataplane::{Arena, Credentials, Descriptor, Quota, SessionInfo, SessionRights};
use rings::Geometry;

/// Maps a session's memory.
pub(super) fn parts(
    memory: &dyn Memory,
    open: &OpenSession,
    descriptors: &[Descriptor],
) -> Result<SessionParts, Errno> {
    let [client, service, arena, ledger, doorbell] = descriptors else {
        return Err(Errno::EPROTO);
    };
    let map = |region, access| memory.map(region, access).map_err(errno);
    let client_blocks = map(client, Access::ReadOnly)?;
    let service_blocks = map(service, Access::ReadWrite)?;
    let ledgers = map(ledger, Access::ReadWrite)?;
    let arena = Arena::new(map(arena, Access::ReadWrite)?);
    // From here on nobody can make a writable mapping of what only services write.
    memory.seal(service).map_err(errno)?;
    let info = info(open, arena)?;
    Ok(SessionParts { info, client_blocks, service_blocks, ledgers, doorbell: doorbell.clone() })
}

fn info(open: &OpenSession, arena: Arena) -> Result<SessionInfo, Errno> {
    let terms = &open.terms;
    let geometry = Geometry::new(terms.sq_entries, terms.cq_entries).map_err(|_| Errno::EPROTO)?;
    Ok(SessionInfo {
        id: terms.session,
        epoch: terms.epoch,
        badge: terms.badge,
        rights: session_rights(terms.rights),
        quota: Quota {
            handles: terms.max_handles,
            in_flight: terms.max_in_flight,
            pinned_pages: terms.max_pinned_pages,
        },
        credentials: open.credentials.iter().map(principal).collect(),
        queues: terms.queues,
        geometry,
        waiting: terms.waiting,
        arena,
    })
}

/// Whom requests can act as.
pub(super) fn principal(credentials: &message::Credentials) -> Credentials {
    Credentials { uid: credentials.uid, gid: credentials.gid, groups: credentials.groups.to_vec() }
}

/// What a capability's rights mean for a session that stands on it.
fn session_rights(rights: capability::Rights) -> SessionRights {
    [
        (capability::Rights::READ, SessionRights::READ),
        (capability::Rights::WRITE, SessionRights::WRITE),
        (capability::Rights::CREATE, SessionRights::CREATE),
    ]
    .into_iter()
    .filter(|(held, _)| rights.contains(*held))
    .fold(SessionRights::empty(), |all, (_, right)| all | right)
}

fn errno(error: MemoryError) -> Errno {
    match error {
        MemoryError::Exhausted => Errno::ENOMEM,
        MemoryError::Denied => Errno::EACCES,
        MemoryError::WrongDescriptor | MemoryError::WrongSize => Errno::EPROTO,
    }
}
