//! Who sees a copy at work, and what there is to see.

use super::side::FileType;
use anyhow::Result;
use std::io;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Regular files.
    pub(crate) files: u64,
    /// Directories, also those that were there already.
    pub(crate) directories: u64,
    /// Contents.
    pub(crate) bytes: u64,
}

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// With the source.
    Reading,
    /// With the destination.
    Writing,
}

/// What of the tree is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// A symbolic link; none was asked for.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// Extended attributes of something that is copied: the destination does not take them.
    Xattrs,
}

/// Sees a copy at work. Paths are relative to the top. An error ends the copy.
pub(crate) trait Watcher {
    /// About to copy a file.
    fn begins(&mut self, path: &[u8]) -> Result<()>;
    /// These bytes were read and are about to be written.
    fn moves(&mut self, bytes: &[u8]) -> Result<()>;
    /// A file was copied.
    fn ends(&mut self, path: &[u8], bytes: u64) -> Result<()>;
    /// Something is left out.
    fn skips(&mut self, path: &[u8], why: Skip) -> Result<()>;
    /// Something could not be copied, but others may; go on with the next, or end with an error.
    fn fails(&mut self, path: &[u8], doing: Doing, error: io::Error) -> Result<()>;
}

impl Skip {
    /// Why something of a type that is not copied is left out.
    pub(super) fn of(file_type: FileType) -> Self {
        match file_type {
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            // What has become a directory since it was listed is as little a file as these.
            FileType::Device | FileType::Regular | FileType::Directory => Self::Device,
        }
    }
}
