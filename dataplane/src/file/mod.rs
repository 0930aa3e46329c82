//! The protocol of files: what the entries mean to a vfs, and the records in its buffers.
//!
//! Both sides use it: a client builds a [`Request`] into an entry, a service parses it out of
//! one. Normative text: `docs/abi.md`.

mod attributes;
mod change;
mod directory;
mod filesystem_status;
mod flags;
mod reports;
mod request;

pub use attributes::{FileKind, FileStatus, FileTime};
pub use change::{AttributeChange, AttributeMask};
pub use directory::{DirectoryEntry, DirectoryReader, DirectoryWriter};
pub use filesystem_status::FilesystemStatus;
pub use flags::{
    AllocateMode, LinkFlags, LockFlags, OpenFlags, RenameFlags, SyncKind, UnlinkKind, WatchEvents,
    Whence, XattrMode,
};
pub use reports::{LockRecord, WatchRecord};
pub use request::Request;

/// Longest path, bytes.
pub const MAX_PATH: usize = 4096;
/// Longest name within a directory, bytes.
pub const MAX_NAME: usize = 255;
/// Longest name of an extended attribute, bytes.
pub const MAX_XATTR_NAME: usize = 255;
/// Largest value of an extended attribute, bytes.
pub const MAX_XATTR_VALUE: usize = 65_536;
