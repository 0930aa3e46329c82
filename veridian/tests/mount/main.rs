//! The FUSE mount as programs and users have it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod coherence;
mod files;
mod life;
mod locker;
mod locks;
mod mounted;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod support;
mod users;
mod waits;
