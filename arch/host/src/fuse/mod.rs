//! A FUSE front end: an ordinary client of the vfs that answers the kernel's questions.
//!
//! ```text
//!   program ─▶ kernel ─▶ /dev/fuse ─▶ front end (one thread a queue) ─SQE─▶ vfs
//! ```
//!
//! Each worker thread takes one of the session's queues for each question. What the kernel knows
//! by a node's number is a PATH handle here (`nodes`), so nothing depends on names that may have
//! changed. The kernel checks permissions (`default_permissions`); the front end acts as the
//! session's principal and gives what it makes to the caller.
//!
//! Nothing is cached for longer than a question: attributes and entries are asked for each time,
//! and the kernel drops a file's pages when size or time of change differ, so that what clients of
//! the rings do beside is seen. Programs that map a file see changes made beside them only when
//! they read it again.

mod convert;
mod frontend;
mod mount;
mod nodes;
mod queues;
mod requests;

pub use mount::{Mounted, Options, SOURCE, mount, unmount};
pub use rustix::mount::UnmountFlags;
