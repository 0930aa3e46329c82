//! What the broker and a service tell each other, over the service's own channel.
//!
//! From the broker:
//!
//! | kind   | message       | body            | descriptors                                          |
//! |--------|---------------|-----------------|------------------------------------------------------|
//! | 0x0001 | Done          |                 |                                                      |
//! | 0x0002 | Failed        | see `failed`    |                                                      |
//! | 0x0301 | OpenSession   | `OpenSession`   | client region, service region, arena, ledger, doorbell |
//! | 0x0302 | CloseSession  | session u64     |                                                      |
//! | 0x0303 | RevokeSession | session u64     |                                                      |
//! | 0x0304 | Stop          |                 |                                                      |
//! | 0x0305 | Ping          |                 |                                                      |
//! | 0x0306 | RegionCreated | `RegionCreated` | the region                                           |
//! | 0x0307 | Tell          | `TellService`   |                                                      |
//! | 0x0308 | TellWith      | `TellService`   | what the client has passed: of any kind              |
//! | 0x0309 | SetCredential | see `session`   |                                                      |
//! | 0x030a | Statistics    | session u64     |                                                      |
//! | 0x030b | Pause         |                 |                                                      |
//! | 0x030c | Resume        |                 |                                                      |
//! | 0x030f | Authenticate  | `Authenticate`  |                                                      |
//! | 0x0310 | Audit         | text            |                                                      |
//! | 0x0311 | UserSession   | user session u64 |                                                     |
//! | 0x030d | Connected     | see `broker`    | client region, service region, arena, doorbell       |
//!
//! From the service:
//!
//! | kind   | message       | body                                                            |
//! |--------|---------------|-----------------------------------------------------------------|
//! | 0x0001 | Done          |                                                                 |
//! | 0x0002 | Failed        | see `failed`                                                    |
//! | 0x0401 | Ready         | see `confinement`: layers u32                                   |
//! | 0x0402 | CreateRegion  | bytes u64                                                       |
//! | 0x0403 | DestroyRegion | region u64                                                      |
//! | 0x0404 | Offer         | session u64, region u64, grant u32                              |
//! | 0x0405 | Withdraw      | session u64, grant u32                                          |
//! | 0x0406 | SessionEnded  | session u64, errno i32 or 0                                     |
//! | 0x0407 | Opened        | root u64: slot in bits 0–31, generation in 32–47                |
//! | 0x0408 | Pong          | accepted, completed, errors, quarantined, sessions: each u64    |
//! | 0x0409 | Told          | text                                                            |
//! | 0x040a | Statistics    | see `page`, of `SessionStatistics`                              |
//! | 0x040c | Authenticated | `Authenticated`                                                 |
//! | 0x040d | Deauthenticate | user session u64                                               |
//! | 0x040e | Refused       | see `confinement`: call u32, count u32                          |
//! | 0x0410 | Stack         | list of up to 64 u64: offsets in the program, innermost first   |
//!
//! `OpenSession` is 60 bytes of terms (see `session`), then a list of 1 to 16 credentials.
//! `RegionCreated`: region u64, bytes u64. `TellService`: rights u64, badge u64, the sender's
//! `PeerIdentity` (see `session`), text. A text is a list of up to 3,500 bytes. `Authenticate` and
//! `Authenticated` are in `authentication`.

use capability::Rights;
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};

use super::authentication::{Authenticate, Authenticated, Deauthenticate};
use super::broker::{Connected, Told};
use super::client::Tell;
use super::codec::messages;
use super::confinement::{Confined, Refused};
use super::failed::Failed;
use super::field::{record, sequence};
use super::list::{List, Text};
use super::page::Page;
use super::session::{Credentials, PeerIdentity, SessionNamed, SessionTerms, SetCredential};
use super::statistics::SessionStatistics;

messages! {
    /// What the broker tells a service.
    ServiceCommand {
        /// What the service asked for is done.
        0x0001 + 0 => Done,
        /// What the service asked for could not be done.
        0x0002 + 0 => Failed(body: Failed),
        /// Serve a session; beside it its client region, service region, arena, ledger and
        /// doorbell. Answered by `Opened` or `Failed`.
        0x0301 + 5 => OpenSession(body: OpenSession),
        /// The client has gone: complete nothing more, and forget the session. Answered by `Done`.
        0x0302 + 0 => CloseSession(body: SessionNamed),
        /// Answer what is queued with an error and execute nothing more. Answered by `Done`, once
        /// that holds.
        0x0303 + 0 => RevokeSession(body: SessionNamed),
        /// End. Answered by `Done`, and then by the end of the process.
        0x0304 + 0 => Stop,
        /// Still there? Answered by `Pong`.
        0x0305 + 0 => Ping,
        /// A region that the service asked for, which is beside it.
        0x0306 + 1 => RegionCreated(body: RegionCreated),
        /// A client's message that is the service's own business. Answered by `Told` or `Failed`.
        0x0307 + 0 => Tell(body: TellService),
        /// The same, with a descriptor of the client's. Nobody has looked at what it is.
        0x0308 + 1 => TellWith(body: TellService),
        /// Have requests of a session that name an index act as somebody. Answered by `Done` or
        /// `Failed`.
        0x0309 + 0 => SetCredential(body: SetCredential),
        /// Say what was done for this session and those with higher numbers; 0 stands for all that
        /// have ended. Answered by `Statistics`.
        0x030a + 0 => Statistics(body: SessionNamed),
        /// Something that the service needs is not there: accept no request. Not answered.
        0x030b + 0 => Pause,
        /// Accept requests again. Not answered.
        0x030c + 0 => Resume,
        /// What may who shows this token do? Answered by `Authenticated` or `Failed`.
        0x030f + 0 => Authenticate(body: Authenticate),
        /// Something happened that is to be in the audit log. Not answered.
        0x0310 + 0 => Audit(body: Tell),
        /// Does this user session go on? Answered by `Done` or `Failed`.
        0x0311 + 0 => UserSession(body: Deauthenticate),
        /// A session with the logger, for the service's records; beside it its client region,
        /// service region, arena and doorbell. Not answered.
        0x030d + 4 => Connected(body: Connected),
    }
}

messages! {
    /// What a service tells the broker.
    ServiceMessage {
        /// What the broker told it is done.
        0x0001 + 0 => Done,
        /// What the broker told it could not be done.
        0x0002 + 0 => Failed(body: Failed),
        /// It serves from now on. Not answered.
        0x0401 + 0 => Ready(body: Confined),
        /// Asks for memory to grant from. Answered by `RegionCreated` or `Failed`.
        0x0402 + 0 => CreateRegion(body: CreateRegion),
        /// Gives a region back. Not answered.
        0x0403 + 0 => DestroyRegion(body: DestroyRegion),
        /// Lets a client map a region. Not answered; a region or session that is not the
        /// service's own is passed over.
        0x0404 + 0 => Offer(body: Offer),
        /// Lets the client map it no longer; mappings that exist stay. Not answered.
        0x0405 + 0 => Withdraw(body: Withdraw),
        /// It has ended a session by itself. Not answered.
        0x0406 + 0 => SessionEnded(body: SessionEnded),
        /// The session is served.
        0x0407 + 0 => Opened(body: Opened),
        /// It is there.
        0x0408 + 0 => Pong(body: Pong),
        /// Its answer to a client.
        0x0409 + 0 => Told(body: Told),
        /// What it has done for its sessions.
        0x040a + 0 => Statistics(body: Page<SessionStatistics>),
        /// What who has shown a token may do.
        0x040c + 0 => Authenticated(body: Authenticated),
        /// A user session has ended: take back what it gave. Not answered.
        0x040d + 0 => Deauthenticate(body: Deauthenticate),
        /// Its confinement has refused it a system call. Not answered.
        0x040e + 0 => Refused(body: Refused),
        /// Where it is, when it was asked by a signal because it gave no sign of life. Not
        /// answered.
        0x0410 + 0 => Stack(body: Stack),
    }
}

sequence! {
    /// A session to serve.
    OpenSession {
        /// What was decided about it.
        terms: SessionTerms,
        /// Who its requests can act as; the first is the client itself.
        credentials: List<Credentials, 16, 1>,
    }
}

record! {
    /// A region of the service's own.
    RegionCreated, 16 bytes {
        /// Names the region.
        0 => region: u64,
        /// Its size.
        8 => bytes: u64,
    }
}

record! {
    /// Asks for a region.
    CreateRegion, 8 bytes {
        /// Its size.
        0 => bytes: u64,
    }
}

record! {
    /// Gives back a region.
    DestroyRegion, 8 bytes {
        /// Which.
        0 => region: u64,
    }
}

record! {
    /// Lets the client of a session map a region for reading.
    Offer, 20 bytes {
        /// Whose client.
        0 => session: SessionId,
        /// Which region.
        8 => region: u64,
        /// What the session calls it.
        16 => grant: u32,
    }
}

record! {
    /// Takes back an offer.
    Withdraw, 12 bytes {
        /// Whose.
        0 => session: SessionId,
        /// What the session calls it.
        8 => grant: u32,
    }
}

record! {
    /// A session that the service has ended.
    SessionEnded, 12 bytes {
        /// Which.
        0 => session: SessionId,
        /// Why; nothing if the client closed it in order.
        8 => reason: Option<Errno>,
    }
}

record! {
    /// A session that is served.
    Opened, 8 bytes {
        /// The object that the client opens all others relative to.
        0 => root: Handle,
    }
}

record! {
    /// A sign of life: what the incarnation has done so far.
    #[derive(Default)]
    Pong, 40 bytes {
        /// Requests accepted.
        0 => accepted: u64,
        /// Requests completed.
        8 => completed: u64,
        /// Of these, with an error.
        16 => errors: u64,
        /// Sessions ended because their rings were corrupt.
        24 => quarantined: u64,
        /// Sessions opened.
        32 => sessions: u64,
    }
}

sequence! {
    /// A client's message.
    TellService {
        /// The rights of the capability that it used.
        rights: Rights,
        /// The badge of that capability.
        badge: u64,
        /// Who has sent it.
        sender: PeerIdentity,
        /// As the service defines it.
        text: Text,
    }
}

sequence! {
    /// Where a service is.
    Stack {
        /// Return addresses, as offsets from where the program is loaded; the innermost first.
        frames: List<u64, { Stack::MOST }>,
    }
}

impl Stack {
    /// Most frames.
    pub const MOST: usize = 64;
}
