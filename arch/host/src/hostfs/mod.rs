//! A directory of the host as a file system.
//!
//! ```text
//!   filesystem   the seam: which calls, in which order, and what the table learns of them
//!   table        inodes that the vfs knows, by number; limits how many descriptors are open
//!   calls        what blocks, on a thread of the pool: one function for each operation
//!   listing      directories, read
//!   xattrs       extended attributes
//!   reach        from a directory's descriptor and one name to an inode's descriptor
//!   seen         what the host says of an inode
//! ```
//!
//! ## How nothing outside is reached
//! An inode is a descriptor that was opened for nothing (`O_PATH`), by one name in a directory's
//! descriptor, never through a symbolic link, a magic link or a mount. So there is no path that
//! somebody could change while it is walked: `..` is never asked for, and what a directory is
//! renamed to, or a name replaced by, changes nothing about descriptors that are held. Every
//! operation works on such a descriptor, or on one name in one; the calls that act on a name
//! (unlinking, renaming, making) do not follow a link in it.
//!
//! Contents are opened anew through `/proc/self/fd`, and only after the kind of that very inode
//! was looked at: regular files and directories, never a FIFO, a socket or a device.
//!
//! ## What others change
//! All of it, at any time: [`dataplane::filesystem::Validity::Momentary`]. Times are the host's.
//!
//! ## Descriptors
//! At most so many are open. The one that was not used for longest is closed, if its inode has a
//! name that is known; it is opened again by that name, in its directory, which may have to be
//! opened again in turn, and only if each is the same inode still (device, number, kind, and time
//! of birth where the host keeps one). If somebody else has renamed or removed one of them
//! meanwhile, the answer is ESTALE. Where none can be closed, the answer is ENFILE.
//!
//! ## Cookies
//! A directory's cookies are the host's offsets (`d_off`), plus [`FIRST_COOKIE`]. ext4, XFS, Btrfs
//! and tmpfs (since Linux 6.6) keep them stable while entries come and go, and across a restart;
//! where the host does not, a listing that goes on may miss entries or repeat them.
//!
//! Not supported: mounts below the directory (EXDEV), making device files, access control lists,
//! which the vfs does not ask for, and the host's quotas of a user other than the service's own.
//!
//! [`FIRST_COOKIE`]: dataplane::filesystem::FIRST_COOKIE

mod calls;
mod filesystem;
mod listing;
mod reach;
mod seen;
mod table;
mod xattrs;

pub use filesystem::{HostDirectory, Limits};
pub(crate) use reach::prepare;
