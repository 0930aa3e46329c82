//! The file system in memory: names and attributes here, contents in the page cache.
//!
//! Everything answers at once. Inode numbers are never used again. What inodes and names take is
//! charged to the vfs's budget. Lost when the vfs ends.

mod directory;
mod filesystem;
mod names;
mod nodes;
mod xattrs;

pub(crate) use filesystem::Tmpfs;
