//! What the messages to a client and to a service both say about a session.
//!
//! `SessionTerms`:
//!
//! | offset | size | field            | meaning                                            |
//! |--------|------|------------------|----------------------------------------------------|
//! | 0      | 8    | session          | names the session, as long as the system runs      |
//! | 8      | 8    | badge            | of the capability that the session stands on       |
//! | 16     | 8    | rights           | of that capability                                 |
//! | 24     | 8    | arena_bytes      | size of the arena                                  |
//! | 32     | 4    | epoch            | incarnation of the service                         |
//! | 36     | 4    | sq_entries       | of each queue                                      |
//! | 40     | 4    | cq_entries       | of each queue                                      |
//! | 44     | 4    | max_handles      | quota of open objects                              |
//! | 48     | 4    | max_in_flight    | quota of requests not yet completed                |
//! | 52     | 4    | max_pinned_pages | quota of pages that grants pin, 4,096 bytes each   |
//! | 56     | 2    | queues           | how many                                           |
//! | 58     | 2    | waiting          | 0 adaptive, 1 polling, 2 sleeping                  |
//!
//! `SessionNamed` is the session's 8 bytes. `Credentials`:
//!
//! | offset | size | field  | meaning                                       |
//! |--------|------|--------|-----------------------------------------------|
//! | 0      | 4    | uid    | user                                          |
//! | 4      | 4    | gid    | group                                         |
//! | 8      |      | groups | list of up to 32 supplementary groups, 4 bytes each |
//!
//! `SetCredential` is session u64, index u16, then the credentials. `PeerIdentity` is pid u32 (0 =
//! unknown), uid u32, gid u32.

use capability::Rights;
use dataplane::{SessionId, WaitMode};

use super::field::{record, sequence};
use super::list::List;

record! {
    /// What a session is, as the broker decided it.
    SessionTerms, 60 bytes {
        /// Names the session.
        0 => session: SessionId,
        /// Badge of the capability that the session stands on.
        8 => badge: u64,
        /// Rights of that capability.
        16 => rights: Rights,
        /// Size of the arena.
        24 => arena_bytes: u64,
        /// Incarnation of the service.
        32 => epoch: u32,
        /// Submission entries of each queue.
        36 => sq_entries: u32,
        /// Completion entries of each queue.
        40 => cq_entries: u32,
        /// Quota of open objects.
        44 => max_handles: u32,
        /// Quota of requests not yet completed.
        48 => max_in_flight: u32,
        /// Quota of pages that grants pin, 4,096 bytes each.
        52 => max_pinned_pages: u32,
        /// Number of queues.
        56 => queues: u16,
        /// How both sides wait.
        58 => waiting: WaitMode,
    }
}

record! {
    /// A message about one session that says no more than which.
    SessionNamed, 8 bytes {
        /// Which.
        0 => session: SessionId,
    }
}

record! {
    /// Who is at the other end of a channel, as the platform vouches for it.
    #[derive(Default)]
    PeerIdentity, 12 bytes {
        /// The process; 0 if it is not known.
        0 => pid: u32,
        /// Its user.
        4 => uid: u32,
        /// Its group.
        8 => gid: u32,
    }
}

sequence! {
    /// A principal that requests of a session can act as.
    Credentials {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// Supplementary groups.
        groups: List<u32, 32>,
    }
}

sequence! {
    /// Says whom the requests of a session act as that name an index.
    SetCredential {
        /// Which session.
        session: SessionId,
        /// The index: 1 or more, at most one beyond the last that was set.
        index: u16,
        /// Whom it stands for from now on.
        credentials: Credentials,
    }
}
