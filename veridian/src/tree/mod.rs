//! Directory trees, the same on the host and in the vfs: walking, copying, removing, counting.
//!
//! ```text
//!   copy, remove, count ─▶ Walk, Cursor ─▶ Side ─┬─ Host  openat and friends
//!                                                └─ Vfs   a queue of a session
//! ```
//!
//! A walk holds one open directory however deep it is and does not recurse; it goes up through
//! `..` and makes sure that it arrives where it came from. Names that a directory lists are
//! checked before they are used: a hostile service cannot lead a copy out of its destination.
//! Symbolic links below the top are never followed.

mod attributes;
mod copy;
mod count;
mod cursor;
mod host;
mod remove;
mod side;
#[cfg(test)]
mod tests;
mod vfs;
mod watcher;

pub(crate) use attributes::Kept;
pub(crate) use copy::{Copier, Made, make};
pub(crate) use count::{Count, Limit, Size, count};
pub(crate) use cursor::{Step, Walk};
pub(crate) use host::Host;
pub(crate) use remove::remove;
pub(crate) use side::{Located, Side, Status, is_fatal};
pub(crate) use vfs::Vfs;
pub(crate) use watcher::{Copied, Doing, Skip, Watcher};
