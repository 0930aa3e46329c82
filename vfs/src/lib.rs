//! The vfs: one tree of files for many clients, over file systems that are mounted in it.
//!
//! ```text
//!  service      entries in, completions out
//!  operations   open, read, write, …: the rules of POSIX
//!  walk ─ path ─ permission ─ session        names to inodes, for whom
//!  dentries ─ inode ─ mounts ─ binds         what is known of the tree
//!  cache ─ grants ─ budget                   contents in memory, and clients' views of them
//!  tmpfs, and what else implements dataplane::filesystem::FileSystem
//! ```
//!
//! One thread drives it. What clients make it keep is charged to a budget of memory (`budget`); a
//! session's handles and pinned pages are bounded by its quota. Times of access are updated only
//! when they are not later than the last change. A path never leads above the session's root, a
//! handle never to more rights than it has.
//!
//! Of a file system that others change too, nothing is kept: each request asks it again.
//!
//! Not supported yet: writing back without being asked (FSYNC, want of memory, unmounting and the
//! end of the service ask).
#![no_std]

extern crate alloc;

mod binds;
mod budget;
mod cache;
mod config;
mod dentries;
mod error;
mod grants;
mod hash;
mod inode;
mod lock;
mod locks;
mod message;
mod mounts;
mod name;
mod operations;
mod path;
mod permission;
mod requests;
mod service;
mod session;
mod tasks;
mod tmpfs;
mod vfs;
mod walk;
mod watches;

pub use config::{Usage, VfsConfig};
pub use grants::PinnedPages;
pub use mounts::Writability;
pub use service::VfsService;
pub use session::Session;
