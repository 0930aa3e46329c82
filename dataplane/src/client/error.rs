//! Why a client's call failed.

use crate::entry::Errno;
use core::fmt;

/// What the caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The service's answer, or what would have been its answer.
    Service(Errno),
    /// The queue is full: take completions first.
    Full,
    /// No room in the arena for this many bytes.
    NoBuffer {
        /// Bytes asked for.
        bytes: usize,
    },
    /// The session is over: the service ended it for this errno, or has died (ENOTCONN).
    Ended(Errno),
    /// The service wrote what no correct service writes; the session is of no further use.
    Corrupt,
    /// This process was forked from the one that connected; connect anew.
    Forked,
    /// The deadline has passed.
    TimedOut,
    /// A signal arrived while waiting; call again to go on.
    Interrupted,
}

impl ClientError {
    /// As an errno, for callers that report in those.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::Service(errno) | Self::Ended(errno) => errno,
            Self::Full => Errno::EAGAIN,
            Self::NoBuffer { .. } => Errno::ENOMEM,
            Self::Corrupt => Errno::EPROTO,
            Self::Forked => Errno::ENOTCONN,
            Self::TimedOut => Errno::ETIMEDOUT,
            Self::Interrupted => Errno::EINTR,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(errno) => write!(f, "{errno}"),
            Self::Full => f.write_str("the queue is full; take completions first"),
            Self::NoBuffer { bytes } => write!(f, "the arena has no room for {bytes} bytes"),
            Self::Ended(errno) => write!(f, "the session is over: {errno}"),
            Self::Corrupt => f.write_str("the service broke the protocol; connect anew"),
            Self::Forked => f.write_str("a forked process must connect for itself"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Interrupted => f.write_str("interrupted by a signal"),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<Errno> for ClientError {
    fn from(errno: Errno) -> Self {
        Self::Service(errno)
    }
}
