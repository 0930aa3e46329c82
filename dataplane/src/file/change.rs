//! What SETATTR reads.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 4 | what to change, see [`AttributeMask`] |
//! | 4 | 4 | permissions, bits 0–11 |
//! | 8 | 4 | owner |
//! | 12 | 4 | group |
//! | 16 | 16 | last access |
//! | 32 | 16 | last change of contents |
//! | 48 | 16 | reserved, 0 |
//!
//! Fields that are not to be changed are 0.

use super::FileTime;
use crate::entry::Errno;
use static_assertions::const_assert_eq;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags::bitflags! {
    /// What an [`AttributeChange`] changes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct AttributeMask: u32 {
        /// Permissions.
        const PERMISSIONS = 1;
        /// Owner.
        const OWNER = 2;
        /// Group.
        const GROUP = 4;
        /// Last access.
        const ACCESSED = 8;
        /// Last access, to now.
        const ACCESSED_NOW = 0x10;
        /// Last change of contents.
        const MODIFIED = 0x20;
        /// Last change of contents, to now.
        const MODIFIED_NOW = 0x40;
    }
}

const PERMISSIONS: u32 = 0o7777;

/// New attributes of a file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AttributeChange {
    /// What to change: an [`AttributeMask`].
    pub mask: u32,
    /// The lower 12 bits of the mode.
    pub permissions: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last access.
    pub accessed: FileTime,
    /// Last change of contents.
    pub modified: FileTime,
    /// 0.
    pub reserved: [u64; 2],
}

impl AttributeChange {
    /// Bytes of the record.
    pub const BYTES: usize = 64;

    /// What it changes.
    ///
    /// # Errors
    /// EINVAL for a bit that means nothing, a field that is not to be changed and not 0, two ways
    /// to set one time, permissions above 12 bits, or a time with a second of nanoseconds.
    pub fn parse(&self) -> Result<AttributeMask, Errno> {
        use AttributeMask as Mask;
        let mask = Mask::from_bits(self.mask).ok_or(Errno::EINVAL)?;
        let unset = |bit: Mask, is_zero: bool| mask.contains(bit) || is_zero;
        let zero = FileTime::default();
        let sound = unset(Mask::PERMISSIONS, self.permissions == 0)
            && unset(Mask::OWNER, self.uid == 0)
            && unset(Mask::GROUP, self.gid == 0)
            && unset(Mask::ACCESSED, self.accessed == zero)
            && unset(Mask::MODIFIED, self.modified == zero)
            && self.reserved == [0; 2]
            && self.permissions <= PERMISSIONS
            && !mask.contains(Mask::ACCESSED | Mask::ACCESSED_NOW)
            && !mask.contains(Mask::MODIFIED | Mask::MODIFIED_NOW)
            && [self.accessed, self.modified].iter().all(FileTime::is_valid);
        if sound { Ok(mask) } else { Err(Errno::EINVAL) }
    }
}

const_assert_eq!(size_of::<AttributeChange>(), AttributeChange::BYTES);
const_assert_eq!(core::mem::offset_of!(AttributeChange, accessed), 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_not_to_be_changed_are_not_ignored() {
        let nothing = AttributeChange::default();
        assert_eq!(nothing.parse(), Ok(AttributeMask::empty()));
        let time = |nanoseconds| FileTime { seconds: -1, nanoseconds, reserved: 0 };
        let late = AttributeChange { mask: 0x20, modified: time(999_999_999), ..nothing };
        assert_eq!(late.parse(), Ok(AttributeMask::MODIFIED));
        for change in [
            AttributeChange { mask: 0x80, ..nothing },
            AttributeChange { permissions: 1, ..nothing },
            AttributeChange { mask: 1, permissions: 0o10000, ..nothing },
            AttributeChange { mask: 1, uid: 1, ..nothing },
            AttributeChange { mask: 2, gid: 1, ..nothing },
            AttributeChange { mask: 0x18, ..nothing },
            AttributeChange { mask: 0x60, ..nothing },
            AttributeChange { mask: 0x10, accessed: time(1), ..nothing },
            AttributeChange { mask: 0x20, modified: time(1_000_000_000), ..nothing },
            AttributeChange { reserved: [0, 1], ..nothing },
        ] {
            assert_eq!(change.parse(), Err(Errno::EINVAL), "{change:?}");
        }
    }
}
