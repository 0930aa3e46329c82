//! How a client shows a token, and what the broker and the service that knows tokens tell each other.
//!
//! `ShownToken` is a list of up to 1,024 bytes, see `crate::token`. `Authenticate` is the client's
//! `PeerIdentity` (see `session`), then the same. `Deauthenticate` is user session u64.
//! `Authenticated`:
//!
//! | offset | size | field      | meaning                                                     |
//! |--------|------|------------|-------------------------------------------------------------|
//! | 0      | 8    | session    | the user session that the token is of                       |
//! | 8      | 64   | principal  | whose it is                                                 |
//! | 72     | 8    | rights     | the most that a capability may have that it gives           |
//! | 80     | 8    | for_ns     | how long it lasts from now on                               |
//! | 88     | 2    | acts       | 1: sessions act as the following user; 0: as the client     |
//! | 90     | 4    | uid        | user, or 0                                                  |
//! | 94     | 4    | gid        | group, or 0                                                 |
//! | 98     |      | services   | list of up to 16 names (64 bytes each); empty: all services |

use alloc::vec::Vec;
use capability::Rights;

use super::error::Fault;
use super::field::{Body, Input, record, sequence};
use super::list::List;
use super::name::Name;
use super::session::PeerIdentity;

/// A token as it travels.
pub type TokenBytes = List<u8, 1024>;

sequence! {
    /// A token that a client shows.
    ShownToken {
        /// As it was handed to the client.
        token: TokenBytes,
    }
}

sequence! {
    /// A token that a client has shown.
    Authenticate {
        /// Who has shown it.
        peer: PeerIdentity,
        /// As it was handed to the client.
        token: TokenBytes,
    }
}

sequence! {
    /// What a token allows who has shown it.
    Authenticated {
        /// The user session that the token is of.
        session: u64,
        /// Whose it is.
        principal: Name,
        /// The most that a capability may have that it gives.
        rights: Rights,
        /// How long it lasts from now on, ns.
        for_ns: u64,
        /// The user and group that sessions act as; none: as the client.
        acts_as: ActsAs,
        /// The services that it is for, `init` for the system; empty: all.
        services: List<Name, { Authenticated::MOST_SERVICES }>,
    }
}

impl Authenticated {
    /// Most services that a token is limited to.
    pub const MOST_SERVICES: usize = 16;
}

record! {
    /// Names a user session: one that has ended, or that is asked about.
    Deauthenticate, 8 bytes {
        /// Which.
        0 => session: u64,
    }
}

/// A user and a group, or nobody in particular.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActsAs(pub Option<(u32, u32)>);

impl Body for ActsAs {
    const MAX_BYTES: usize = 10;

    fn write(&self, out: &mut Vec<u8>) {
        u16::from(self.0.is_some()).write(out);
        let (uid, gid) = self.0.unwrap_or_default();
        uid.write(out);
        gid.write(out);
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let (is_given, uid, gid) = (u16::read(input)?, u32::read(input)?, u32::read(input)?);
        match (is_given, uid, gid) {
            (1, ..) => Ok(Self(Some((uid, gid)))),
            (0, 0, 0) => Ok(Self(None)),
            (value, ..) => Err(Fault::Choice { value }),
        }
    }
}
