//! The header that begins every message.
//!
//! | offset | size | field       | meaning                                                |
//! |--------|------|-------------|--------------------------------------------------------|
//! | 0      | 4    | magic       | `VCTL` in ASCII                                        |
//! | 4      | 2    | version     | 1; peers of another version are refused                |
//! | 6      | 2    | kind        | which message of which direction                       |
//! | 8      | 4    | body_bytes  | bytes that follow the header, to the end of the message |
//! | 12     | 2    | descriptors | how many accompany the message; fixed by its kind      |
//! | 14     | 2    | reserved    | 0                                                      |
//! | 16     | 8    | request     | chosen by who asks, repeated by who answers            |
//! | 24     | 8    | capability  | handle in the sender's space that the message uses; 0 = none |

use capability::Handle;
use static_assertions::const_assert_eq;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The longest message, header included.
pub const MAX_MESSAGE_BYTES: usize = 4096;
/// The most descriptors that accompany a message.
pub const MAX_DESCRIPTORS: usize = 8;

pub(crate) const MAGIC: u32 = u32::from_le_bytes(*b"VCTL");
pub(crate) const VERSION: u16 = 1;

/// What a message says besides its body; all other fields follow from the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Chosen by who asks, repeated by who answers, which is what ties the two together.
    pub request: u64,
    /// The capability of the sender that the message uses.
    pub capability: Option<Handle>,
}

/// The header's bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawHeader {
    pub(crate) magic: U32,
    pub(crate) version: U16,
    pub(crate) kind: U16,
    pub(crate) body_bytes: U32,
    pub(crate) descriptors: U16,
    pub(crate) reserved: U16,
    pub(crate) request: U64,
    pub(crate) capability: U64,
}

const_assert_eq!(size_of::<RawHeader>(), 32);
const_assert_eq!(core::mem::offset_of!(RawHeader, magic), 0);
const_assert_eq!(core::mem::offset_of!(RawHeader, version), 4);
const_assert_eq!(core::mem::offset_of!(RawHeader, kind), 6);
const_assert_eq!(core::mem::offset_of!(RawHeader, body_bytes), 8);
const_assert_eq!(core::mem::offset_of!(RawHeader, descriptors), 12);
const_assert_eq!(core::mem::offset_of!(RawHeader, reserved), 14);
const_assert_eq!(core::mem::offset_of!(RawHeader, request), 16);
const_assert_eq!(core::mem::offset_of!(RawHeader, capability), 24);

impl Header {
    /// A header for a message that uses no capability.
    #[must_use]
    pub const fn new(request: u64) -> Self {
        Self { request, capability: None }
    }
}
