//! The protocol of files: what the entries mean to a vfs, and the records in its buffers.
//!
//! Both sides use it: a client builds a [`Request`] into an entry, a service parses it out of
//! one. Normative text: `docs/abi.md`.

mod attributes;
mod directory;
mod flags;
mod request;

pub use attributes::{FileKind, FileStatus, FileTime};
pub use directory::{DirectoryEntry, DirectoryReader, DirectoryWriter};
pub use flags::{OpenFlags, RenameFlags, SyncKind, UnlinkKind};
pub use request::Request;

/// Longest path, bytes.
pub const MAX_PATH: usize = 4096;
/// Longest name within a directory, bytes.
pub const MAX_NAME: usize = 255;
