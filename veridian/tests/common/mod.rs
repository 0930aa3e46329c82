//! What the tests of whole systems share.
//!
//! ```text
//!   random      the seed of a run, and numbers from it
//!   processes   clients as processes of their own: this program, started again in a role
//!   files       an endpoint that serves files, for clients that serve others
//!   raw         a client that speaks the protocols itself, and so gets at descriptors and regions
//!   census      what a system has: records, descriptors, regions, memory
//!   attempts    what a client could try in order to write what it may only read
//! ```
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

#[path = "../../../arch/platform/tests/attempts/mod.rs"]
pub mod attempts;
pub mod census;
pub mod files;
pub mod processes;
pub mod random;
pub mod raw;
