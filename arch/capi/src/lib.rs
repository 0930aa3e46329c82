//! The client of a system, for programs in C: a thin, blocking face over
//! [`dataplane::client::Queue`].
//!
//! ```text
//!   connect     reaching a system, opening a session, ending it
//!   files       handles: open, close, read, write, sync, truncate, stat
//!   names       directories: list, make, remove, rename
//!   metadata    attributes, links, special files, file systems
//!   xattrs      extended attributes
//!   ranges      space, holes, copies, locks
//!   grant       reading without a copy
//!   requests    submitting entries, and taking completions, one by one
//!   buffers     memory that such entries name
//! ```
//!
//! `include/veridian.h` is made from this crate; what is documented here is documented there.
//! Two rules hold for every function: it answers a count or 0, or a negated errno; and no panic
//! leaves it. What C promises in return is in `session`, pointers are looked at in `arguments`, and
//! neither knows an operation.

mod arguments;
mod buffers;
mod connect;
mod constants;
mod files;
mod grant;
mod metadata;
mod names;
mod ranges;
mod requests;
mod session;
mod types;
mod xattrs;

pub use buffers::{
    veridian_buffer_give_back, veridian_buffer_read, veridian_buffer_take, veridian_buffer_write,
};
pub use connect::{Options, veridian_connect, veridian_disconnect, veridian_root};
pub use constants::*;
pub use files::{
    veridian_close, veridian_fsync, veridian_nop, veridian_open, veridian_read, veridian_stat,
    veridian_submit_close, veridian_truncate, veridian_write,
};
pub use grant::{Look, veridian_read_grant};
pub use metadata::{
    veridian_filesystem_status, veridian_link, veridian_make_node, veridian_read_link,
    veridian_set_attributes, veridian_stat_link, veridian_symlink, veridian_sync_filesystem,
};
pub use names::{
    DirectoryEntry, Visit, veridian_mkdir, veridian_read_directory, veridian_rename,
    veridian_unlink,
};
pub use ranges::{
    veridian_allocate, veridian_copy_range, veridian_lock, veridian_seek, veridian_test_lock,
};
pub use requests::{Completion, veridian_poll, veridian_submit, veridian_wait};
pub use session::Session;
pub use types::{
    AttributeChange, FileStatus, FileTime, FilesystemStatus, HandleWord, LockRecord, Sqe,
};
pub use xattrs::{veridian_remove_xattr, veridian_set_xattr, veridian_xattr, veridian_xattr_names};
