//! A FUSE front end: an ordinary client of the vfs that answers the kernel's questions.
//!
//! ```text
//!   program ─▶ kernel ─▶ /dev/fuse ─▶ front end (one thread a queue) ─SQE─▶ vfs
//! ```
//!
//! Each worker thread takes one of the session's queues for each question. What the kernel knows
//! by a node's number is a PATH handle here (`nodes`), so nothing depends on names that may have
//! changed. The kernel checks permissions (`default_permissions`). What makes, links, renames,
//! removes or opens acts as the caller (`principals`), so that the vfs checks it too, in one step with
//! doing it, and what is made is the caller's from the start. What only looks acts as the session's
//! own principal, and so does changing attributes: the kernel changes some of its own accord, such as
//! set-user-id bits of a file that somebody else writes.
//!
//! Locks by fcntl(2) are the vfs's (`locks`), so that programs and clients of the rings are in each
//! other's way. Those that programs wait for take no worker thread (`waits`), and signals end such
//! waits (`signals`).
//!
//! Nothing is cached for longer than a question: attributes and entries are asked for each time,
//! and the kernel drops a file's pages when size or time of change differ, so that what clients of
//! the rings do beside is seen. Programs that map a file see changes made beside them only when
//! they read it again.

mod convert;
mod frontend;
mod locks;
mod mount;
mod nodes;
mod place;
mod principals;
mod processors;
mod queues;
mod replies;
mod requests;
mod signals;
mod waits;

pub use mount::{Mounted, Options, mount, unmount};
pub use place::{SystemMount, system_mounts};
pub use rustix::mount::UnmountFlags;
