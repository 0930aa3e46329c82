//! What LOCK with TEST and WATCH write.
//!
//! LockRecord; all 0: nothing is in the way.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 4 | kind: 1 shared, 2 exclusive |
//! | 4 | 4 | 1: of a handle |
//! | 8 | 8 | first byte |
//! | 16 | 8 | length; 0: to the end |
//! | 24 | 8 | owner, if it is of the same session; else 0 |
//!
//! WatchRecord:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | 1: a report; the client sets it to 0 when it has read it |
//! | 8 | 8 | mount of the object |
//! | 16 | 8 | inode number of the object |
//! | 24 | 8 | inode number of the entry, or 0 if the object itself changed |
//! | 32 | 4 | events |
//! | 36 | 2 | bytes of the name |
//! | 38 | 2 | reserved, 0 |
//! | 40 | 256 | name of the entry, then zeros |

use static_assertions::{const_assert, const_assert_eq};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// A lock that is in the way of another.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct LockRecord {
    /// 1 shared, 2 exclusive, 0: there is none.
    pub kind: u32,
    /// 1: it belongs to a handle.
    pub of_handle: u32,
    /// First byte.
    pub first: u64,
    /// Bytes; 0: to the end of the file, wherever it is.
    pub len: u64,
    /// Its owner, if it is of the same session; else 0.
    pub owner: u64,
}

impl LockRecord {
    /// Bytes of the record.
    pub const BYTES: usize = 32;
}

const_assert_eq!(size_of::<LockRecord>(), LockRecord::BYTES);

/// A change that was watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchRecord {
    /// 1: there is a report here. 0: the slot is free.
    pub full: u64,
    /// Mount of the object, as in its status.
    pub device: u64,
    /// Inode number of the object.
    pub inode: u64,
    /// Inode number of the entry, or 0 if the object itself changed.
    pub entry: u64,
    /// What happened: [`WatchEvents`](super::WatchEvents).
    pub events: u32,
    /// Bytes of the name.
    pub name_len: u16,
    /// 0.
    pub reserved: u16,
    /// Name of the entry, then zeros.
    pub name: [u8; 256],
}

impl WatchRecord {
    /// Bytes of the record, and of a slot.
    pub const BYTES: usize = 296;
    /// Most slots of one WATCH that are used.
    pub const MOST_SLOTS: usize = 64;

    /// A record that says nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::new_zeroed()
    }

    /// The name of the entry; as much of it as the record can hold.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.get(..usize::from(self.name_len)).unwrap_or(&self.name)
    }
}

const_assert_eq!(size_of::<WatchRecord>(), WatchRecord::BYTES);
const_assert_eq!(core::mem::offset_of!(WatchRecord, name), 40);
const_assert!(WatchRecord::BYTES.is_multiple_of(8));
