//! What only Linux has, as a client or behind the seams of the data plane.
//!
//! ```text
//!   fuse    the vfs as a mount that every program can use
//! ```

pub mod fuse;
