//! What a vfs mounts: the seam between the one vfs and its many file systems.
//!
//! The vfs checks names, permissions, mounts and handles, and caches entries, attributes and
//! pages. A [`FileSystem`] keeps what is true: it checks the structure (what is there, what is
//! empty, what would make a loop) and nothing about who asks. It is driven by one thread; requests
//! overlap when earlier ones answer [`Reply::Later`], and each takes effect as a whole, at some
//! instant before its reply.
//!
//! ## References
//! Each successful [`FileSystem::lookup`] and [`FileSystem::create`] gives the vfs one reference
//! to the inode; [`FileSystem::forget`] takes any number back. While there is one, the inode's
//! number names it, also when it has no name any more. The root needs none. A reply that is
//! dropped before it was ready has given none.
//!
//! ## Names
//! 1 to 255 bytes without `/` and 0, never `.` or `..`: a file system need not check.

use crate::entry::Errno;
use crate::file::{DirectoryWriter, FileKind, FilesystemStatus, RenameFlags, XattrMode};
use crate::memory::Descriptor;
use crate::platform::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll};

/// Bytes of a page of contents.
pub const PAGE_BYTES: usize = 4096;
/// A page of contents.
pub type PageBytes = [u8; PAGE_BYTES];
/// Lowest cookie of an entry; 0 is the beginning, 1 and 2 are `.` and `..`, which the vfs adds.
pub const FIRST_COOKIE: u64 = 3;

/// An answer that is there, or that comes. A pending one does nothing until it is polled, and is
/// cancelled by dropping it; what it asked for may then have happened or not.
pub enum Reply<T> {
    /// Here it is.
    Now(T),
    /// It has to wait for something.
    Later(Pin<Box<dyn Future<Output = T>>>),
}

impl<T> IntoFuture for Reply<T> {
    type Output = T;
    type IntoFuture = ReplyFuture<T>;

    fn into_future(self) -> ReplyFuture<T> {
        match self {
            Self::Now(answer) => ReplyFuture::Now(Some(answer)),
            Self::Later(future) => ReplyFuture::Later(future),
        }
    }
}

/// Awaits a [`Reply`]; one that is there costs no more than a move.
pub enum ReplyFuture<T> {
    /// Not yet taken.
    Now(Option<T>),
    /// To be polled.
    Later(Pin<Box<dyn Future<Output = T>>>),
}

impl<T> Unpin for ReplyFuture<T> {}

impl<T> Future for ReplyFuture<T> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            // Polled again after it was ready, which no caller may do, it waits for ever.
            Self::Now(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(future) => future.as_mut().poll(context),
        }
    }
}

/// A [`Reply`] that may be an error.
pub type Answer<T> = Reply<Result<T, Errno>>;

/// Names an inode within its file system; not used again while the vfs has a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InodeNumber(pub u64);

/// A name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The directory.
    pub directory: InodeNumber,
    /// See the module's note on names.
    pub name: &'a [u8],
}

/// An extended attribute to be set. Names are 1 to 255 bytes, with a prefix that is known, values at
/// most 65,536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xattr<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

/// What is known of a file beside its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What it is; never changes.
    pub kind: FileKind,
    /// The lower 12 bits of its mode.
    pub permissions: u32,
    /// Number of names; of a directory, 2 and its subdirectories.
    pub links: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Blocks of 512 bytes in use; ignored where the page cache keeps the contents.
    pub blocks: u64,
    /// Device number, of device files.
    pub special_device: u64,
    /// Last access.
    pub accessed: Timestamp,
    /// Last change of contents.
    pub modified: Timestamp,
    /// Last change of attributes.
    pub changed: Timestamp,
    /// Creation.
    pub created: Timestamp,
}

/// An inode and its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub inode: InodeNumber,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A file to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    /// What it is.
    pub kind: FileKind,
    /// The lower 12 bits of its mode.
    pub permissions: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number, of device files.
    pub special_device: u64,
    /// Where a symbolic link points to, at most 4,095 bytes.
    pub target: &'a [u8],
    /// All its times, and the change of its directory.
    pub time: Timestamp,
}

/// A file that was made.
#[derive(Clone, Copy, Debug)]
pub struct Created {
    /// The file.
    pub node: Node,
    /// Its directory, changed.
    pub directory: Attributes,
}

/// A name that was removed, or added to a file.
#[derive(Clone, Copy, Debug)]
pub struct Relinked {
    /// What it names, with the links that are left.
    pub node: Node,
    /// Its directory, changed.
    pub directory: Attributes,
}

/// Names that were changed.
#[derive(Clone, Copy, Debug)]
pub struct Renamed {
    /// What was renamed.
    pub moved: Node,
    /// What had the new name before: it lost it, or, in an exchange, has the old name now.
    pub replaced: Option<Node>,
    /// The directory of the old name, changed.
    pub from: Attributes,
    /// The directory of the new name, changed.
    pub to: Attributes,
}

/// Which attributes to set; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The lower 12 bits of the mode.
    pub permissions: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Bytes. What lies behind is gone: it reads zeros should the file grow again.
    pub size: Option<u64>,
    /// Last access.
    pub accessed: Option<Timestamp>,
    /// Last change of contents.
    pub modified: Option<Timestamp>,
    /// Last change of attributes.
    pub changed: Option<Timestamp>,
}

/// Part of a directory.
#[derive(Debug)]
pub struct DirectoryPart {
    /// The records handed in, and as many entries behind them as fitted.
    pub records: DirectoryWriter,
    /// Where to go on: the cookie of the last entry added, or the one handed in.
    pub next: u64,
    /// Whether an entry was left out for want of room.
    pub more: bool,
}

/// Where the contents of regular files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentsIn {
    /// In the vfs's page cache and nowhere else: their pages are never evicted, and there is no
    /// space left when the cache's budget is used up. The vfs then also keeps size and times.
    PageCache,
    /// In the file system: the cache reads pages from it and writes changed ones back.
    Backing,
}

/// How long what a file system has said stays true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Until the vfs changes it: nobody else can. The vfs caches names, attributes and pages.
    UntilChanged,
    /// No longer than it takes to say it: others change it too. The vfs keeps nothing and asks
    /// each time; contents pass by [`FileSystem::read`] and [`FileSystem::write`].
    Momentary,
}

/// Where bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAt {
    /// At an offset.
    Offset(u64),
    /// Behind what is there by then, whoever wrote it.
    End,
}

/// What of a file must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// One file.
    File(InodeNumber),
    /// All.
    Everything,
}

/// Makes file systems of what clients hand over, for a vfs that mounts them without knowing their
/// kinds.
pub trait FileSystems {
    /// A file system of a kind, by its name, over what a descriptor refers to. Nobody has looked
    /// at what that is.
    ///
    /// # Errors
    /// ENODEV for a kind that there is not; EBADF, ENOTDIR or others for a descriptor that this
    /// kind cannot use.
    fn open(&self, kind: &[u8], source: &Descriptor) -> Answer<Box<dyn FileSystem>>;

    /// Answers when everything has returned that file systems of these have begun and whose answer
    /// was given up before now.
    ///
    /// # Errors
    /// None.
    fn settled(&self) -> Answer<()> {
        Reply::Now(Ok(()))
    }
}

/// A file system. See the module's documentation for what both sides owe each other.
pub trait FileSystem: 'static {
    /// The root directory; it is always there.
    fn root(&self) -> InodeNumber;

    /// Where contents are; never changes.
    fn contents(&self) -> ContentsIn;

    /// How long its answers stay true; never changes.
    fn validity(&self) -> Validity {
        Validity::UntilChanged
    }

    /// Finds a name; gives a reference.
    ///
    /// # Errors
    /// ENOENT.
    fn lookup(&self, at: Name<'_>) -> Answer<Node>;

    /// Makes a file of any kind; gives a reference.
    ///
    /// # Errors
    /// EEXIST, ENOENT (the directory was removed), ENOSPC, EMLINK, EROFS; EOPNOTSUPP for a kind
    /// that it does not have.
    fn create(&self, at: Name<'_>, new: &NewNode<'_>) -> Answer<Created>;

    /// Makes a regular file without a name, which may be given one later; gives a reference. It is
    /// gone with the last reference unless it has a name by then.
    ///
    /// # Errors
    /// ENOENT (the directory was removed), ENOSPC, EROFS; EOPNOTSUPP where there are none.
    fn create_unnamed(&self, _directory: InodeNumber, _new: &NewNode<'_>) -> Answer<Node> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Gives an inode that is not a directory another name, or its first.
    ///
    /// # Errors
    /// EEXIST, ENOENT (the directory or the inode has no name any more), EMLINK, ENOSPC, EROFS.
    fn link(&self, inode: InodeNumber, at: Name<'_>, time: Timestamp) -> Answer<Relinked>;

    /// Removes a name of anything but a directory. An inode without names is kept while there is a
    /// reference.
    ///
    /// # Errors
    /// ENOENT, EISDIR, EROFS.
    fn unlink(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, ENOTEMPTY, EROFS.
    fn rmdir(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked>;

    /// Renames, and replaces what has the new name: a directory only by a directory and only when
    /// it is empty, anything else only by anything else. Two names of one inode stay as they are.
    ///
    /// # Errors
    /// ENOENT, EEXIST ([`RenameFlags::NO_REPLACE`]), ENOTEMPTY, EISDIR, ENOTDIR, EINVAL (into its
    /// own subtree), EMLINK, ENOSPC, EROFS.
    fn rename(
        &self,
        from: Name<'_>,
        to: Name<'_>,
        flags: RenameFlags,
        time: Timestamp,
    ) -> Answer<Renamed>;

    /// Reads attributes.
    ///
    /// # Errors
    /// EIO.
    fn attributes(&self, inode: InodeNumber) -> Answer<Attributes>;

    /// Sets attributes; answers with all of them.
    ///
    /// # Errors
    /// EFBIG, ENOSPC, EROFS, EIO.
    fn set_attributes(&self, inode: InodeNumber, changes: &Changes) -> Answer<Attributes>;

    /// Reads entries, from behind the one with a cookie on; 0 or less than [`FIRST_COOKIE`] reads
    /// from the beginning. An entry's cookie is its own for as long as it has this name, also
    /// across a restart: entries that come and go do not shift the others, so that what is there
    /// from the first to the last read of a listing is listed exactly once.
    ///
    /// # Errors
    /// EIO.
    fn read_directory(
        &self,
        directory: InodeNumber,
        cookie: u64,
        records: DirectoryWriter,
    ) -> Answer<DirectoryPart>;

    /// Where a symbolic link points to.
    ///
    /// # Errors
    /// EINVAL if it is none.
    fn read_symlink(&self, inode: InodeNumber) -> Answer<Box<[u8]>>;

    /// An extended attribute.
    ///
    /// # Errors
    /// ENODATA; EOPNOTSUPP where there are none, as of the other three.
    fn xattr(&self, _inode: InodeNumber, _name: &[u8]) -> Answer<Box<[u8]>> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Sets an extended attribute, which is a change of attributes at `time`.
    ///
    /// # Errors
    /// EEXIST or ENODATA as `mode` has it, ENOSPC, EROFS.
    fn set_xattr(
        &self,
        _inode: InodeNumber,
        _attribute: Xattr<'_>,
        _mode: XattrMode,
        _time: Timestamp,
    ) -> Answer<()> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// The names of all extended attributes, each with a byte 0 behind it.
    ///
    /// # Errors
    /// EIO.
    fn xattr_names(&self, _inode: InodeNumber) -> Answer<Box<[u8]>> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Removes an extended attribute, which is a change of attributes at `time`.
    ///
    /// # Errors
    /// ENODATA, EROFS.
    fn remove_xattr(&self, _inode: InodeNumber, _name: &[u8], _time: Timestamp) -> Answer<()> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Reads page `index` of a file's contents into `page`, zeros where there are none. Only asked
    /// of [`ContentsIn::Backing`].
    ///
    /// # Errors
    /// EIO.
    fn read_page(
        &self,
        inode: InodeNumber,
        index: u64,
        page: Box<PageBytes>,
    ) -> Answer<Box<PageBytes>>;

    /// Writes the first `len` bytes of page `index`; the file then reaches at least so far. Only
    /// asked of [`ContentsIn::Backing`].
    ///
    /// # Errors
    /// EIO, ENOSPC, EDQUOT, EROFS.
    fn write_page(
        &self,
        inode: InodeNumber,
        index: u64,
        page: &PageBytes,
        len: usize,
    ) -> Answer<()>;

    /// Space and limits; the mount's number and READ_ONLY of a mount are the vfs's to fill in.
    ///
    /// # Errors
    /// EIO.
    fn status(&self) -> Answer<FilesystemStatus>;

    /// Reads at most `len` bytes of a regular file; fewer at the end, or where it likes. Only asked
    /// where what is read is [`Validity::Momentary`].
    ///
    /// # Errors
    /// EIO.
    fn read(&self, _inode: InodeNumber, _offset: u64, _len: usize) -> Answer<Vec<u8>> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Writes bytes, at least one, to a regular file; says how many: fewer only if something failed
    /// behind the first. Asked as [`FileSystem::read`].
    ///
    /// # Errors
    /// EIO, EFBIG, ENOSPC, EDQUOT, EROFS.
    fn write(&self, _inode: InodeNumber, _at: WriteAt, _bytes: Vec<u8>) -> Answer<usize> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    /// Makes durable what was written before.
    ///
    /// # Errors
    /// EIO.
    fn sync(&self, what: Durable) -> Answer<()>;

    /// Takes references back. With the last, an inode without names is gone.
    fn forget(&self, inode: InodeNumber, references: u64);
}
