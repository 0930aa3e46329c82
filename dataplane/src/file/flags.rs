//! Flags and modes of file operations; the numbers are those of Linux on x86_64, on every processor.

use crate::entry::Errno;

bitflags::bitflags! {
    /// `op_flags` of OPENAT. The lowest two bits are the access mode: 0 read, 1 write, 2 both.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// Write only.
        const WRITE_ONLY = 0o1;
        /// Read and write.
        const READ_WRITE = 0o2;
        /// Create the file if it is not there.
        const CREATE = 0o100;
        /// With CREATE: fail if it is there.
        const EXCLUSIVE = 0o200;
        /// Set the size to 0.
        const TRUNCATE = 0o1000;
        /// Every write goes to the end; its offset is ignored.
        const APPEND = 0o2000;
        /// Fail if it is not a directory.
        const DIRECTORY = 0o200_000;
        /// Fail if the last component is a symbolic link.
        const NO_FOLLOW = 0o400_000;
        /// A handle that names the file and can neither read nor write.
        const PATH = 0o10_000_000;
        /// A file without a name, in the directory of the path.
        const TEMPORARY = 0o20_000_000;
        /// With an empty path: opens the handle's own file anew.
        const REOPEN = 0o100_000_000;
    }
}

impl OpenFlags {
    /// Whether the handle is to be read through.
    #[must_use]
    pub fn reads(self) -> bool {
        !self.contains(Self::WRITE_ONLY) && !self.contains(Self::PATH)
    }

    /// Whether the handle is to be written through.
    #[must_use]
    pub fn writes(self) -> bool {
        self.intersects(Self::WRITE_ONLY | Self::READ_WRITE) && !self.contains(Self::PATH)
    }
}

bitflags::bitflags! {
    /// `op_flags` of RENAMEAT.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RenameFlags: u32 {
        /// Fail with EEXIST if the new name is there.
        const NO_REPLACE = 1;
        /// Exchange the two names.
        const EXCHANGE = 2;
    }
}

/// `op_flags` of UNLINKAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlinkKind {
    /// 0: anything but a directory.
    File,
    /// 0x200: an empty directory.
    Directory,
}

/// `op_flags` of FSYNC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncKind {
    /// 0: contents and attributes.
    All,
    /// 1: contents, and what is needed to read them back.
    Data,
}

/// `op_flags` of FALLOCATE: a sum of KEEP_SIZE (1), PUNCH_HOLE (2) and ZERO_RANGE (0x10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocateMode {
    /// 0: the range can be written without running out of space; extends the file if needed.
    Allocate,
    /// 1: the same, and leaves the size as it is.
    AllocateKeepSize,
    /// 3: the range reads zeros and takes no space; the size stays.
    PunchHole,
    /// 0x10: the range reads zeros and keeps its space; extends the file if needed.
    ZeroRange,
    /// 0x11: the same, and leaves the size as it is.
    ZeroRangeKeepSize,
}

impl AllocateMode {
    const ALL: [Self; 5] = [
        Self::Allocate,
        Self::AllocateKeepSize,
        Self::PunchHole,
        Self::ZeroRange,
        Self::ZeroRangeKeepSize,
    ];

    /// The number in an entry.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Allocate => 0,
            Self::AllocateKeepSize => 1,
            Self::PunchHole => 3,
            Self::ZeroRange => 0x10,
            Self::ZeroRangeKeepSize => 0x11,
        }
    }

    /// The mode of a number.
    ///
    /// # Errors
    /// EOPNOTSUPP for any other number, as fallocate(2) has it.
    pub fn from_bits(bits: u32) -> Result<Self, Errno> {
        Self::ALL.into_iter().find(|mode| mode.bits() == bits).ok_or(Errno::EOPNOTSUPP)
    }
}

bitflags::bitflags! {
    /// `op_flags` of LINKAT.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct LinkFlags: u32 {
        /// Follow a symbolic link at the end of the old path.
        const FOLLOW = 0x400;
        /// The old path is empty, and the handle is the file.
        const EMPTY_PATH = 0x1000;
    }
}

/// `op_flags` of LSEEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// 3: the first data at or behind the offset.
    Data,
    /// 4: the first hole; the end of the file counts as one.
    Hole,
}

impl Whence {
    /// The number in an entry.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Data => 3,
            Self::Hole => 4,
        }
    }

    /// What a number means.
    ///
    /// # Errors
    /// EINVAL for any other number.
    pub fn from_bits(bits: u32) -> Result<Self, Errno> {
        match bits {
            3 => Ok(Self::Data),
            4 => Ok(Self::Hole),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// `op_flags` of SETXATTR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XattrMode {
    /// 0: whether it is there or not.
    Any,
    /// 1: EEXIST if it is there.
    Create,
    /// 2: ENODATA if it is not there.
    Replace,
}

impl XattrMode {
    /// The number in an entry.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Any => 0,
            Self::Create => 1,
            Self::Replace => 2,
        }
    }

    /// What a number means.
    ///
    /// # Errors
    /// EINVAL for any other number.
    pub fn from_bits(bits: u32) -> Result<Self, Errno> {
        match bits {
            0 => Ok(Self::Any),
            1 => Ok(Self::Create),
            2 => Ok(Self::Replace),
            _ => Err(Errno::EINVAL),
        }
    }
}

bitflags::bitflags! {
    /// `op_flags` of LOCK. Neither SHARED nor EXCLUSIVE: unlock.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct LockFlags: u32 {
        /// Others may lock shared too.
        const SHARED = 1;
        /// Nobody else may lock.
        const EXCLUSIVE = 2;
        /// Take nothing; tell what is in the way.
        const TEST = 4;
        /// Wait for the lock.
        const WAIT = 8;
        /// The lock belongs to the handle, not to an owner.
        const OF_HANDLE = 16;
    }
}

impl LockFlags {
    /// The flags of a number.
    ///
    /// # Errors
    /// EINVAL for a bit that means nothing, or SHARED with EXCLUSIVE.
    pub fn parse(bits: u32) -> Result<Self, Errno> {
        let flags = Self::from_bits(bits).ok_or(Errno::EINVAL)?;
        let both = flags.contains(Self::SHARED | Self::EXCLUSIVE);
        if both { Err(Errno::EINVAL) } else { Ok(flags) }
    }
}

bitflags::bitflags! {
    /// Changes that WATCH reports: `op_flags`, and the status of its completions, and which of them
    /// it reports.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct WatchEvents: u32 {
        /// An entry was added, removed, renamed or exchanged.
        const NAMES = 1;
        /// Attributes changed, not by reading.
        const ATTRIBUTES = 2;
        /// Contents or size changed.
        const CONTENTS = 4;
        /// Only in completions: events were dropped; look again at everything.
        const LOST = 0x100;
        /// Only in `op_flags`: of every object, not only of the handle's.
        const EVERYWHERE = 0x1000;
        /// Only in `op_flags`: not those that the same session makes.
        const OF_OTHERS = 0x2000;
    }
}

impl WatchEvents {
    /// The events that an entry asks for.
    ///
    /// # Errors
    /// EINVAL for none, LOST, or a bit that means nothing.
    pub fn parse(bits: u32) -> Result<Self, Errno> {
        let events = Self::from_bits(bits).ok_or(Errno::EINVAL)?;
        let askable = events.intersects(Self::CHANGES) && !events.contains(Self::LOST);
        if askable { Ok(events) } else { Err(Errno::EINVAL) }
    }

    /// What can happen.
    pub const CHANGES: Self = Self::NAMES.union(Self::ATTRIBUTES).union(Self::CONTENTS);
}
