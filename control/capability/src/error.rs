//! Why the capability space refused.
//!
//! A refused operation has changed nothing. The broker turns these into an errno at its edge.

use core::fmt;

use crate::Rights;

/// Why an operation on the capability space was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The space was destroyed, or never existed.
    StaleSpace,
    /// The handle names nothing in this space: removed, or never issued.
    StaleHandle,
    /// The capability lacks these rights, which the operation needs or asks to pass on.
    Denied {
        /// The rights that are missing.
        missing: Rights,
    },
    /// The capability carries a badge already, and a badge is set only once.
    Badged {
        /// The badge that it carries.
        badge: u64,
    },
    /// The space holds as many capabilities as it may, or there are as many spaces as may be.
    QuotaExceeded {
        /// How many it may hold.
        limit: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleSpace => f.write_str("no such capability space"),
            Self::StaleHandle => f.write_str("no such capability"),
            Self::Denied { missing } => write!(f, "the capability lacks {missing}"),
            Self::Badged { badge } => write!(f, "the capability carries badge {badge} already"),
            Self::QuotaExceeded { limit } => write!(f, "the quota of {limit} is used up"),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}
