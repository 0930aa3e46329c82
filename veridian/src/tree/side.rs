//! What walking and copying need of a side: the host's files or the system's.
//!
//! Errors are [`io::Error`]s with the errno of either side, which have the same numbers; when the
//! session is over, the error has no errno ([`is_fatal`]).

use super::attributes::{Attributes, Preserved};
use super::cursor::Lost;
use dataplane::client::ClientError;
use dataplane::file::FileTime;
use std::io;

/// What a file is, as far as a copy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    /// Regular file.
    Regular,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Named pipe.
    Fifo,
    /// Socket.
    Socket,
    /// Device.
    Device,
}

/// Which file it is, as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Of the host or of the system.
    pub(crate) world: World,
    /// Mount or device.
    pub(crate) device: u64,
    /// Inode number.
    pub(crate) inode: u64,
}

/// Whose device and inode numbers these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// The host's.
    Host,
    /// The system's.
    System,
}

/// Attributes that a copy uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// What it is.
    pub(crate) file_type: FileType,
    /// Permissions, the lowest twelve bits of the mode.
    pub(crate) permissions: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Size.
    pub(crate) bytes: u64,
    /// Last access.
    pub(crate) accessed: FileTime,
    /// Last change of contents.
    pub(crate) modified: FileTime,
    /// Which file it is.
    pub(crate) identity: Identity,
}

/// A name in a directory: never `.`, `..` or empty, and without `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: Vec<u8>,
    /// What it is.
    pub(crate) file_type: FileType,
}

impl Entry {
    /// An entry, unless its name could lead out of the directory.
    pub(crate) fn parse(name: &[u8], file_type: FileType) -> Option<Self> {
        let harmless =
            !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0);
        harmless.then(|| Self { name: name.to_vec(), file_type })
    }
}

/// What a path names, opened.
pub(crate) enum Located<S: Side + ?Sized> {
    /// A regular file, open for reading.
    File(S::File, Status),
    /// A directory.
    Directory(S::Directory, Status),
    /// Neither.
    Special,
}

/// Something that is open.
pub(crate) enum Opened<'a, S: Side + ?Sized> {
    /// A file.
    File(&'a S::File),
    /// A directory.
    Directory(&'a S::Directory),
}

impl<S: Side + ?Sized> Clone for Opened<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Side + ?Sized> Copy for Opened<'_, S> {}

/// An extended attribute that programs have set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Xattr {
    /// Its name.
    pub(crate) name: Vec<u8>,
    /// Its value.
    pub(crate) value: Vec<u8>,
}

impl Xattr {
    /// What the names of those that are copied begin with: all others mean something to the system
    /// that they are on.
    pub(super) const PREFIX: &[u8] = b"user.";

    /// Those that are copied, of a list of names with a byte 0 behind each.
    pub(super) fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
        list.split(|byte| *byte == 0).filter(|name| name.starts_with(Self::PREFIX))
    }
}

/// The host or the system.
pub(crate) trait Side {
    /// Which of the two.
    const WORLD: World;
    /// An open directory; give it back with [`Side::close_directory`].
    type Directory;
    /// An open file; give it back with [`Side::close_file`].
    type File;

    /// Opens what a path names, for reading; follows symbolic links.
    fn locate(&mut self, path: &[u8]) -> io::Result<Located<Self>>;
    /// Opens a directory by a path; follows symbolic links.
    fn directory_at(&mut self, path: &[u8]) -> io::Result<Self::Directory>;

    /// Opens a directory in a directory; follows nothing.
    fn open_directory(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<Self::Directory>;
    /// Gives a directory back.
    fn close_directory(&mut self, directory: Self::Directory);
    /// The attributes of an open directory.
    fn directory_status(&mut self, directory: &Self::Directory) -> io::Result<Status>;
    /// Everything that is in a directory.
    fn entries(&mut self, directory: &Self::Directory) -> io::Result<Vec<Entry>>;
    /// The attributes of what a name stands for; follows nothing.
    fn status(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<Status>;

    /// Opens a file for reading; follows nothing. Its type may have changed since it was listed.
    fn open_file(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<(Self::File, Status)>;
    /// Reads until `into` is full or the file ends; returns the number of bytes.
    fn read(&mut self, file: &Self::File, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Creates a file, or empties it if it is there; follows nothing.
    fn create_file(
        &mut self,
        at: &Self::Directory,
        name: &[u8],
        permissions: u32,
    ) -> io::Result<Self::File>;
    /// Writes all of `from`.
    fn write(&mut self, file: &Self::File, offset: u64, from: &[u8]) -> io::Result<()>;
    /// Gives a file back.
    fn close_file(&mut self, file: Self::File) -> io::Result<()>;

    /// Makes a directory that its owner can fill whatever the permissions say.
    fn make_directory(
        &mut self,
        at: &Self::Directory,
        name: &[u8],
        permissions: u32,
    ) -> io::Result<()>;
    /// Gives attributes to a file that was written, or a directory that was filled; an owner only
    /// where that is permitted.
    fn finish(&mut self, opened: Opened<'_, Self>, attributes: &Attributes) -> io::Result<()>;
    /// The extended attributes that are copied; none where there are no such things.
    fn xattrs(&mut self, opened: Opened<'_, Self>) -> io::Result<Vec<Xattr>>;
    /// Sets an extended attribute.
    fn set_xattr(&mut self, opened: Opened<'_, Self>, xattr: &Xattr) -> io::Result<()>;

    /// The text of a symbolic link.
    fn read_link(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<Vec<u8>>;
    /// Makes a symbolic link where there is nothing.
    fn make_link(&mut self, at: &Self::Directory, name: &[u8], text: &[u8]) -> io::Result<()>;
    /// Gives attributes to a symbolic link itself; an owner only where that is permitted.
    fn finish_link(
        &mut self,
        at: &Self::Directory,
        name: &[u8],
        preserved: &Preserved,
    ) -> io::Result<()>;

    /// Removes a name that does not stand for a directory.
    fn remove_file(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_directory(&mut self, at: &Self::Directory, name: &[u8]) -> io::Result<()>;
}

/// Whether nothing else on this side can succeed after this error: its space is used up, the
/// session is over, or the walk has lost its way.
pub(crate) fn is_fatal(error: &io::Error) -> bool {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    full || error.get_ref().is_some_and(|inner| inner.is::<ClientError>() || inner.is::<Lost>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_not_entries() {
        for name in [&b""[..], b".", b"..", b"a/b", b"/", b"../x", b"a\0"] {
            assert_eq!(Entry::parse(name, FileType::Regular), None);
        }
        for name in [&b"a"[..], b"...", b".a", b"-", b"\n", b"\xff"] {
            assert!(Entry::parse(name, FileType::Regular).is_some());
        }
    }

    #[test]
    fn the_end_of_a_session_is_fatal_and_a_missing_file_is_not() {
        assert!(is_fatal(&io::Error::other(ClientError::Corrupt)));
        assert!(is_fatal(&io::ErrorKind::StorageFull.into()));
        assert!(is_fatal(&Lost.into()));
        assert!(!is_fatal(&io::ErrorKind::NotFound.into()));
    }
}
