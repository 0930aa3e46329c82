//! Where every shared word of a queue lies. All words are 8 bytes, little-endian, naturally
//! aligned, and accessed only as whole words. Normative text: `docs/abi.md`.
//!
//! Client block: the client writes it, the service maps it read-only.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `cq_head`: completions that the client has consumed, free-running |
//! | 128 | 8 | `need_wakeup`: 1 while the client sleeps, or is about to, on `wake_sequence` |
//! | 136 | 8 | `cpu`: the processor the client last ran on, plus 1 (0: unknown); a hint |
//! | 256 | 64 × n | submission slots |
//!
//! Service block: the service writes it, the client maps it read-only.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `magic` u32, `version` u32; informative |
//! | 8 | 8 | submission slots u32, completion slots u32; informative |
//! | 16 | 8 | `epoch` of the service |
//! | 24 | 8 | `state`: see [`State`] |
//! | 128 | 8 | `need_wakeup`: 1 while the service sleeps, or is about to |
//! | 136 | 8 | `cpu`: the processor the service last ran on, plus 1 (0: unknown); a hint |
//! | 256 | 8 | `sq_head`: submissions consumed, free-running, published lazily |
//! | 384 | 8 | `wake_sequence`: incremented to wake a sleeping client |
//! | 512 | 32 × n | completion slots |
//!
//! Words of different writers, and words written at different times, are 128 bytes apart, because
//! processors fetch cache lines in pairs.

use crate::{CQE_WORDS, SQE_WORDS};
use static_assertions::const_assert;

/// Offset of `cq_head` in the client block.
pub const CLIENT_CQ_HEAD: usize = 0;
/// Offset of `need_wakeup` in the client block.
pub const CLIENT_NEED_WAKEUP: usize = 128;
/// Offset of `cpu` in the client block.
pub const CLIENT_CPU: usize = 136;
/// Offset of the submission slots in the client block.
pub const CLIENT_SLOTS: usize = 256;

/// Offset of `magic` and `version` in the service block.
pub const SERVICE_IDENTITY: usize = 0;
/// Offset of the numbers of slots in the service block.
pub const SERVICE_SIZES: usize = 8;
/// Offset of `epoch` in the service block.
pub const SERVICE_EPOCH: usize = 16;
/// Offset of `state` in the service block.
pub const SERVICE_STATE: usize = 24;
/// Offset of `need_wakeup` in the service block.
pub const SERVICE_NEED_WAKEUP: usize = 128;
/// Offset of `cpu` in the service block.
pub const SERVICE_CPU: usize = 136;
/// Offset of `sq_head` in the service block.
pub const SERVICE_SQ_HEAD: usize = 256;
/// Offset of `wake_sequence` in the service block.
pub const SERVICE_WAKE_SEQUENCE: usize = 384;
/// Offset of the completion slots in the service block.
pub const SERVICE_SLOTS: usize = 512;

/// First four bytes of a service block, "VRNG" in memory.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VRNG");
/// Version of these tables.
pub const VERSION: u32 = 1;

/// Most slots in one ring.
pub const MAX_ENTRIES: u32 = 1 << 15;

const SQE_BYTES: usize = SQE_WORDS * 8;
const CQE_BYTES: usize = CQE_WORDS * 8;

const_assert!(SQE_BYTES == 64);
const_assert!(CQE_BYTES == 32);
const_assert!(CLIENT_SLOTS.is_multiple_of(128));
const_assert!(SERVICE_SLOTS.is_multiple_of(128));
const_assert!(CLIENT_NEED_WAKEUP - CLIENT_CQ_HEAD >= 128);
const_assert!(SERVICE_NEED_WAKEUP - SERVICE_STATE >= 64);
const_assert!(SERVICE_SQ_HEAD - SERVICE_NEED_WAKEUP >= 128);
const_assert!(SERVICE_WAKE_SEQUENCE - SERVICE_SQ_HEAD >= 128);
const_assert!(SERVICE_SLOTS - SERVICE_WAKE_SEQUENCE >= 128);
// The tables are for little-endian processors.
const_assert!(u16::from_ne_bytes([1, 0]) == 1);

/// Sizes of a queue, computed once in private memory and never read back from shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    sq_shift: u32,
    cq_shift: u32,
}

/// Why a geometry was refused: both counts must be powers of two, from 2 to [`MAX_ENTRIES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeometryError {
    /// The submission slots asked for.
    pub sq_entries: u32,
    /// The completion slots asked for.
    pub cq_entries: u32,
}

impl Geometry {
    /// A queue of `sq_entries` submission slots and `cq_entries` completion slots.
    ///
    /// # Errors
    /// Each must be a power of two from 2 to [`MAX_ENTRIES`].
    pub fn new(sq_entries: u32, cq_entries: u32) -> Result<Self, GeometryError> {
        let fits = |n: u32| n.is_power_of_two() && (2..=MAX_ENTRIES).contains(&n);
        if !fits(sq_entries) || !fits(cq_entries) {
            return Err(GeometryError { sq_entries, cq_entries });
        }
        Ok(Self { sq_shift: sq_entries.ilog2(), cq_shift: cq_entries.ilog2() })
    }

    /// Submission slots.
    #[must_use]
    pub fn sq_entries(&self) -> u32 {
        1 << self.sq_shift
    }

    /// Completion slots; also the most requests in flight.
    #[must_use]
    pub fn cq_entries(&self) -> u32 {
        1 << self.cq_shift
    }

    /// Bytes of one queue's client block.
    #[must_use]
    pub fn client_bytes(&self) -> usize {
        CLIENT_SLOTS + (SQE_BYTES << self.sq_shift)
    }

    /// Bytes of one queue's service block.
    #[must_use]
    pub fn service_bytes(&self) -> usize {
        SERVICE_SLOTS + (CQE_BYTES << self.cq_shift)
    }

    pub(crate) fn sq_shift(&self) -> u32 {
        self.sq_shift
    }

    pub(crate) fn cq_shift(&self) -> u32 {
        self.cq_shift
    }
}

impl Default for Geometry {
    /// 256 submission slots and 512 completion slots: 16 KiB each.
    fn default() -> Self {
        Self { sq_shift: 8, cq_shift: 9 }
    }
}

/// What the `state` word says: the lower half is one of these, the upper half an errno (or 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 0: the service has not taken the queue up yet.
    Opening,
    /// 1: requests are served.
    Open,
    /// 2: the service has ended the session, for this errno (0: in order).
    Closed(u32),
    /// 3: the service has died; no request is served.
    Dead,
    /// Any other value.
    Unknown(u64),
}

impl State {
    /// The word for this state.
    #[must_use]
    pub fn to_word(self) -> u64 {
        match self {
            Self::Opening => 0,
            Self::Open => 1,
            Self::Closed(errno) => 2 | u64::from(errno) << 32,
            Self::Dead => 3,
            Self::Unknown(word) => word,
        }
    }

    /// What a word means.
    #[must_use]
    pub fn from_word(word: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
        let (low, high) = (word as u32, (word >> 32) as u32);
        match (low, high) {
            (0, 0) => Self::Opening,
            (1, 0) => Self::Open,
            (2, errno) => Self::Closed(errno),
            (3, 0) => Self::Dead,
            _ => Self::Unknown(word),
        }
    }
}
