//! What only Linux has, as a client or behind the seams of the data plane.
//!
//! ```text
//!   confine   what keeps a service's process from all that it does not need
//!   fuse      the vfs as a mount that every program can use
//!   hostfs    a directory of the host as a file system that the vfs mounts
//!   logfiles  a directory of the host for the logger's files
//!   state     small files that a service keeps for good
//! ```

pub mod confine;
pub mod fuse;
pub mod hostfs;
pub mod logfiles;
pub mod state;
