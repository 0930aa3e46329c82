//! What a client and the service `auth` tell each other, as the text of `Tell` and `Told`.
//!
//! A request, with the header of every message (its request and capability are 0):
//!
//! | kind   | message     | body                                     | needs                            |
//! |--------|-------------|------------------------------------------|----------------------------------|
//! | 0x0701 | LogIn       | name, password                           | the password                     |
//! | 0x0702 | LogInAsPeer |                                          | that the sender's user is mapped |
//! | 0x0703 | LogOut      | token                                    | a token that nothing was taken from |
//! | 0x0704 | EndSession  | session u64                              | `CONFIGURE`                      |
//! | 0x0705 | WhoAmI      | token                                    | the token                        |
//! | 0x0706 | Sessions    | token, after u64                         | the token, for one's own; `AUDIT`, for all |
//! | 0x0707 | SetPassword | name, old password, new password         | the old one, or `CONFIGURE`      |
//! | 0x0708 | AddUser     | name, kind u16, rights u64, acts as, password | `CONFIGURE`                 |
//! | 0x0709 | RemoveUser  | name                                     | `CONFIGURE`                      |
//! | 0x070a | Map         | uid u32, name                            | `CONFIGURE`                      |
//! | 0x070b | Unmap       | uid u32                                  | `CONFIGURE`                      |
//! | 0x070c | Users       | after u32 (as many are passed over)      | `AUDIT` or `CONFIGURE`           |
//! | 0x070d | Audit       | from u64                                 | `AUDIT`                          |
//! | 0x070e | VerifyAudit |                                          | `AUDIT`                          |
//!
//! An answer:
//!
//! | kind   | message  | body                                                                  |
//! |--------|----------|-----------------------------------------------------------------------|
//! | 0x0001 | Done     |                                                                       |
//! | 0x0002 | Refused  | see `failed`                                                          |
//! | 0x0801 | LoggedIn | for u64 ns, token                                                     |
//! | 0x0802 | Locked   | for u64 ns: when the next attempt is heard                            |
//! | 0x0803 | Identity | name, kind u16, rights u64, for u64 ns, acts as, list of services     |
//! | 0x0804 | Sessions | list of up to 16 `UserSession`                                        |
//! | 0x0805 | Users    | list of up to 16: name, kind u16, rights u64, acts as, list of up to 8 uids |
//! | 0x0806 | Audit    | list of up to 8 records: sequence u64, time i64 as u64, text          |
//! | 0x0807 | Verified | `ChainReport`                                                         |
//!
//! Passwords are lists of up to 512 bytes, and are overwritten when they are dropped. A kind is 0
//! user, 1 service, 2 application. `ChainReport`: first u64, last u64 (records that are there), fault
//! u16 (0 none, 1 changed, 2 removed, 3 out of order, 4 cut off, 5 no head), at u64 (a sequence).

use alloc::vec::Vec;
use capability::Rights;
use core::fmt;
use zerocopy::little_endian::U16;
use zeroize::Zeroize;

use super::authentication::{ActsAs, TokenBytes};
use super::codec::messages;
use super::error::Fault;
use super::failed::Failed;
use super::field::{Body, Field, Input, record, sequence};
use super::list::List;
use super::name::Name;

messages! {
    /// What a client asks of `auth`.
    AuthRequest {
        /// Open a user session. Answered by `LoggedIn` or `Locked`.
        0x0701 + 0 => LogIn(body: LogIn),
        /// Open one as the principal that the sender's user of the host is. Answered by `LoggedIn`.
        0x0702 + 0 => LogInAsPeer,
        /// End the user session of this token.
        0x0703 + 0 => LogOut(body: TokenBytes),
        /// End any user session.
        0x0704 + 0 => EndSession(body: u64),
        /// Whose is this token, and what does it allow? Answered by `Identity`.
        0x0705 + 0 => WhoAmI(body: TokenBytes),
        /// Which user sessions are there, after the one with this number? Answered by `Sessions`.
        0x0706 + 0 => Sessions(body: SessionsAfter),
        /// Give a principal another password. Answered by `Done` or `Locked`.
        0x0707 + 0 => SetPassword(body: SetPassword),
        /// Make a principal.
        0x0708 + 0 => AddUser(body: NewUser),
        /// Forget a principal, its user sessions and its users of the host.
        0x0709 + 0 => RemoveUser(body: PrincipalNamed),
        /// Let a user of the host be a principal.
        0x070a + 0 => Map(body: MapUser),
        /// Let a user of the host be nobody again.
        0x070b + 0 => Unmap(body: u32),
        /// Which principals are there, but for the first so many? Answered by `Users`.
        0x070c + 0 => Users(body: u32),
        /// What is in the audit log from this record on? Answered by `Audit`.
        0x070d + 0 => Audit(body: u64),
        /// Is the audit log what was written? Answered by `Verified`.
        0x070e + 0 => VerifyAudit,
    }
}

messages! {
    /// What `auth` answers.
    AuthReply {
        /// It is done.
        0x0001 + 0 => Done,
        /// It is not done.
        0x0002 + 0 => Refused(body: Failed),
        /// There is a user session.
        0x0801 + 0 => LoggedIn(body: LoggedIn),
        /// There were too many failures: not before so many ns.
        0x0802 + 0 => Locked(body: u64),
        /// Whose the token is.
        0x0803 + 0 => Identity(body: Identity),
        /// User sessions, by number.
        0x0804 + 0 => Sessions(body: List<UserSession, 16>),
        /// Principals, by name.
        0x0805 + 0 => Users(body: List<UserEntry, 16>),
        /// Records of the audit log, by sequence.
        0x0806 + 0 => Audit(body: AuditPage),
        /// How the audit log is.
        0x0807 + 0 => Verified(body: ChainReport),
    }
}

/// A password. Not shown, and overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The longest password, bytes.
    pub const MAX_BYTES: usize = 512;

    /// None if it is too long.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() <= Self::MAX_BYTES {
            return Some(Self(bytes));
        }
        bytes.zeroize();
        None
    }

    /// The password.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Body for Secret {
    const MAX_BYTES: usize = 4 + Self::MAX_BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        // It is not longer than the list may be.
        u32::try_from(self.0.len()).unwrap_or_default().write(out);
        out.extend_from_slice(&self.0);
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let count = u32::read(input)?;
        let length = usize::try_from(count).map_err(|_| Fault::Count { count })?;
        if length > Self::MAX_BYTES {
            return Err(Fault::Count { count });
        }
        input.take_bytes(length).map(|bytes| Self(bytes.to_vec()))
    }
}

sequence! {
    /// Who wants in.
    LogIn {
        /// The principal.
        name: Name,
        /// Its password.
        password: Secret,
    }
}

sequence! {
    /// A user session that was opened.
    LoggedIn {
        /// How long it lasts at most, ns.
        for_ns: u64,
        /// What to show from now on.
        token: TokenBytes,
    }
}

sequence! {
    /// Which user sessions are meant.
    SessionsAfter {
        /// One's own; empty: all.
        token: TokenBytes,
        /// Those with higher numbers.
        after: u64,
    }
}

sequence! {
    /// A new password.
    SetPassword {
        /// Whose.
        name: Name,
        /// The password until now; empty for who may configure.
        old: Secret,
        /// The one from now on.
        new: Secret,
    }
}

sequence! {
    /// A principal to be made.
    NewUser {
        /// Its name.
        name: Name,
        /// What it is.
        kind: PrincipalKind,
        /// The most that it may do with any service.
        rights: Rights,
        /// The user and group that its requests act as; none: as whoever shows its token.
        acts_as: ActsAs,
        /// Its password; empty: it has none, and nobody logs in as it by one.
        password: Secret,
    }
}

record! {
    /// A principal that is meant.
    PrincipalNamed, 64 bytes {
        /// Its name.
        0 => name: Name,
    }
}

record! {
    /// A user of the host that is a principal.
    MapUser, 68 bytes {
        /// The user.
        0 => uid: u32,
        /// The principal.
        4 => name: Name,
    }
}

sequence! {
    /// Whose a token is, and what it allows.
    Identity {
        /// The principal.
        name: Name,
        /// What it is.
        kind: PrincipalKind,
        /// The most that it allows.
        rights: Rights,
        /// How long it lasts, ns.
        for_ns: u64,
        /// The user and group that its requests act as.
        acts_as: ActsAs,
        /// The services that it is for; empty: all.
        services: List<Name, 16>,
    }
}

record! {
    /// A user session.
    UserSession, 100 bytes {
        /// Its number.
        0 => session: u64,
        /// Whose.
        8 => principal: Name,
        /// The user of the host that opened it.
        72 => uid: u32,
        /// Since when, ns.
        76 => since_ns: u64,
        /// Since when it was not used, ns.
        84 => idle_ns: u64,
        /// How long it lasts at most, ns.
        92 => for_ns: u64,
    }
}

sequence! {
    /// A principal, as an administrator sees it.
    UserEntry {
        /// Its name.
        name: Name,
        /// What it is.
        kind: PrincipalKind,
        /// The most that it may do with any service.
        rights: Rights,
        /// The user and group that its requests act as.
        acts_as: ActsAs,
        /// Users of the host that are it; the first eight.
        uids: List<u32, 8>,
    }
}

sequence! {
    /// Some of the audit log.
    AuditPage {
        /// In order; there may be more after the last.
        records: List<AuditRecord, 8>,
    }
}

sequence! {
    /// Something that has happened.
    AuditRecord {
        /// Counts from 1.
        sequence: u64,
        /// When, ns since 1970.
        time: u64,
        /// What.
        text: List<u8, { AuditRecord::MAX_TEXT }>,
    }
}

impl AuditRecord {
    /// The longest text, bytes.
    pub const MAX_TEXT: usize = 400;
}

record! {
    /// How the audit log is.
    ChainReport, 26 bytes {
        /// The first record that is there.
        0 => first: u64,
        /// The last one of those that are as they were written.
        8 => last: u64,
        /// What is wrong behind it.
        16 => fault: ChainFault,
        /// Where.
        18 => at: u64,
    }
}

/// Makes an enum that travels as a number.
macro_rules! choice {
    (
        $(#[$attribute:meta])*
        $name:ident { $($(#[$variant_attribute:meta])* $value:literal => $variant:ident,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)*
        }

        impl Field for $name {
            type Layout = U16;

            fn to_layout(&self) -> U16 {
                let value: u16 = match self {
                    $(Self::$variant => $value,)*
                };
                value.into()
            }

            fn from_layout(layout: U16) -> Result<Self, Fault> {
                match layout.get() {
                    $($value => Ok(Self::$variant),)*
                    value => Err(Fault::Choice { value }),
                }
            }
        }
    };
}

choice! {
    /// What a principal is.
    PrincipalKind {
        /// A person.
        0 => User,
        /// A service.
        1 => Service,
        /// A program that acts for itself.
        2 => Application,
    }
}

choice! {
    /// What was done to an audit log.
    ChainFault {
        /// Nothing.
        0 => None,
        /// A record is not what was written.
        1 => Changed,
        /// Records are missing.
        2 => Removed,
        /// Records stand in another order.
        3 => Reordered,
        /// The end is missing.
        4 => Truncated,
        /// What says where the log ends is missing, or is not what was written.
        5 => NoHead,
    }
}
