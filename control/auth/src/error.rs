//! Why something is not done.

use control::message::{AuthReply, Failed};
use dataplane::entry::Errno;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The sender's capability does not allow it.
    NotAllowed,
    /// The name, the password or the token is wrong; it is not said which.
    Wrong,
    /// There were too many failures; how long to wait, ns.
    Locked(u64),
    /// The user session is over, or never was.
    NoSession,
    /// There is no such principal.
    NoPrincipal,
    /// There is one already.
    Exists,
    /// A password must be longer.
    TooShort,
    /// No more of this kind may be kept.
    TooMany,
    /// As many passwords are being checked as may be.
    Busy,
    /// The user of the host is nobody here.
    NotMapped,
    /// A token from which something was taken away does not end its session.
    Narrowed,
    /// What was done could not be kept or noted, so it is not done.
    Store(Errno),
}

impl Refusal {
    /// For programs.
    pub(crate) fn errno(self) -> Errno {
        match self {
            Self::NotAllowed | Self::Narrowed => Errno::EPERM,
            Self::Wrong => Errno::EACCES,
            Self::Locked(_) | Self::Busy => Errno::EAGAIN,
            Self::NoSession => Errno::EKEYREVOKED,
            Self::NoPrincipal | Self::NotMapped => Errno::ENOENT,
            Self::Exists => Errno::EEXIST,
            Self::TooShort => Errno::EINVAL,
            Self::TooMany => Errno::EDQUOT,
            Self::Store(errno) => errno,
        }
    }

    /// For people.
    fn text(self) -> &'static str {
        match self {
            Self::NotAllowed => "this needs the right to configure, or to audit, the service auth",
            Self::Wrong => "wrong name, password or token",
            Self::Locked(_) => "too many failures",
            Self::NoSession => "the user session is over; log in again",
            Self::NoPrincipal => "there is no such principal",
            Self::Exists => "there is a principal of this name already",
            Self::TooShort => "a password has at least 8 bytes",
            Self::TooMany => "there are as many of these as may be",
            Self::Busy => "many passwords are being checked; try again",
            Self::NotMapped => "this user of the host is no principal; log in with a name",
            Self::Narrowed => "only the token that was given at the login ends its session",
            Self::Store(_) => "this cannot be written down, so it is not done",
        }
    }

    pub(crate) fn reply(self) -> AuthReply {
        match self {
            Self::Locked(wait) => AuthReply::Locked(wait),
            other => AuthReply::Refused(Failed::new(other.errno(), other.text())),
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Store(errno)
    }
}
