//! A completion queue entry. Normative text: `docs/abi.md`.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | user data of the submission |
//! | 8 | 4 | status: ≥ 0 a count, < 0 a negated errno |
//! | 12 | 2 | flags |
//! | 14 | 2 | reserved, 0 |
//! | 16 | 8 | auxiliary result |
//! | 24 | 4 | lower half of `sq_head`, written by the ring |
//! | 28 | 4 | lap, written by the ring |

use super::Status;
use rings::CqeWords;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags::bitflags! {
    /// What a completion says beside its status.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CqeFlags: u16 {
        /// More completions follow for the same submission.
        const MORE = 1 << 0;
        /// A buffer of the fill list was used.
        const BUFFER = 1 << 1;
        /// The auxiliary result names a grant.
        const GRANT = 1 << 2;
        /// The auxiliary result is data.
        const INLINE = 1 << 3;
        /// A notification, not an answer.
        const NOTIFICATION = 1 << 4;
    }
}

/// A completion queue entry; private memory, copied out of the ring once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Cqe {
    /// Of the submission.
    pub user_data: u64,
    /// See [`Status`].
    pub status: i32,
    /// See [`CqeFlags`].
    pub flags: u16,
    /// 0.
    pub reserved: u16,
    /// A second result.
    pub aux: u64,
    /// Written by the ring.
    pub sq_head: u32,
    /// Written by the ring.
    pub lap: u32,
}

assert_eq_size!(Cqe, CqeWords);
const_assert_eq!(core::mem::offset_of!(Cqe, status), 8);
const_assert_eq!(core::mem::offset_of!(Cqe, aux), 16);
const_assert_eq!(core::mem::offset_of!(Cqe, sq_head), 24);

impl Cqe {
    /// The answer to the submission with this user data.
    #[must_use]
    #[inline]
    pub fn new(user_data: u64, status: Status, flags: CqeFlags, aux: u64) -> Self {
        Self { user_data, status: status.0, flags: flags.bits(), aux, ..Self::default() }
    }

    /// The outcome.
    #[must_use]
    #[inline]
    pub fn status(&self) -> Status {
        Status(self.status)
    }

    /// The flags; unknown ones are dropped.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> CqeFlags {
        CqeFlags::from_bits_truncate(self.flags)
    }

    /// As the ring carries it.
    #[must_use]
    #[inline]
    pub fn to_words(&self) -> CqeWords {
        zerocopy::transmute!(*self)
    }

    /// From what the ring carried: any words are an entry.
    #[must_use]
    #[inline]
    pub fn from_words(words: CqeWords) -> Self {
        zerocopy::transmute!(words)
    }
}
