//! A submission queue entry. Normative text: `docs/abi.md`.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 1 | opcode |
//! | 1 | 1 | flags |
//! | 2 | 2 | handle: generation |
//! | 4 | 4 | handle: slot |
//! | 8 | 8 | offset: file offset, directory cookie or size |
//! | 16 | 4 | buffer: 0 is the arena |
//! | 20 | 4 | buffer offset, bytes, a multiple of 8 |
//! | 24 | 4 | length, bytes |
//! | 28 | 4 | operation flags |
//! | 32 | 8 | user data, returned in the completion |
//! | 40 | 8 | first argument |
//! | 48 | 8 | second argument |
//! | 56 | 2 | index into the session's table of credentials |
//! | 58 | 2 | reserved, 0 |
//! | 60 | 4 | lap, written by the ring |

use super::{Handle, Opcode};
use rings::SqeWords;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags::bitflags! {
    /// How an entry is to be treated, whatever its opcode.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SqeFlags: u8 {
        /// The next entry starts only when this one has succeeded.
        const LINK = 1 << 0;
        /// Starts only when all earlier entries have completed.
        const DRAIN = 1 << 1;
        /// Success is not reported; the slot in the completion ring is still reserved.
        const SKIP_OK_CQE = 1 << 2;
        /// `buffer` names a registered buffer instead of the arena.
        const FIXED_BUFFER = 1 << 3;
        /// The arguments hold up to 16 bytes of data.
        const INLINE = 1 << 4;
        /// One submission, many completions.
        const MULTISHOT = 1 << 5;
    }
}

/// A submission queue entry; private memory, copied out of the ring once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Sqe {
    /// See [`Opcode`].
    pub opcode: u8,
    /// See [`SqeFlags`].
    pub flags: u8,
    /// Generation of the handle.
    pub handle_generation: u16,
    /// Slot of the handle.
    pub handle_slot: u32,
    /// File offset, directory cookie or size.
    pub offset: u64,
    /// Which buffer `buffer_offset` is in; 0 is the arena.
    pub buffer: u32,
    /// Bytes from the start of the buffer; a multiple of 8.
    pub buffer_offset: u32,
    /// Bytes.
    pub len: u32,
    /// Flags of the operation.
    pub op_flags: u32,
    /// Returned in the completion.
    pub user_data: u64,
    /// First argument of the operation.
    pub arg0: u64,
    /// Second argument of the operation.
    pub arg1: u64,
    /// Index into the session's table of credentials.
    pub credential: u16,
    /// 0.
    pub reserved: u16,
    /// Written by the ring.
    pub lap: u32,
}

assert_eq_size!(Sqe, SqeWords);
const_assert_eq!(core::mem::offset_of!(Sqe, offset), 8);
const_assert_eq!(core::mem::offset_of!(Sqe, buffer), 16);
const_assert_eq!(core::mem::offset_of!(Sqe, len), 24);
const_assert_eq!(core::mem::offset_of!(Sqe, user_data), 32);
const_assert_eq!(core::mem::offset_of!(Sqe, arg0), 40);
const_assert_eq!(core::mem::offset_of!(Sqe, credential), 56);
const_assert_eq!(core::mem::offset_of!(Sqe, lap), 60);

impl Sqe {
    /// An entry with an opcode, on a handle; all else 0.
    #[must_use]
    pub fn new(opcode: Opcode, handle: Handle) -> Self {
        Self {
            opcode: opcode.to_byte(),
            handle_slot: handle.slot,
            handle_generation: handle.generation,
            ..Self::default()
        }
    }

    /// The handle that the entry names.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> Handle {
        Handle { slot: self.handle_slot, generation: self.handle_generation }
    }

    /// The operation.
    #[must_use]
    #[inline]
    pub fn opcode(&self) -> Opcode {
        Opcode::from_byte(self.opcode)
    }

    /// As the ring carries it.
    #[must_use]
    #[inline]
    pub fn to_words(&self) -> SqeWords {
        zerocopy::transmute!(*self)
    }

    /// From what the ring carried: any words are an entry.
    #[must_use]
    #[inline]
    pub fn from_words(words: SqeWords) -> Self {
        zerocopy::transmute!(words)
    }
}
