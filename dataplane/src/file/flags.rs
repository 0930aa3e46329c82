//! Flags of file operations; the numbers are those of Linux on x86_64, on every processor.

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
