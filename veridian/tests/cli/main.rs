//! The command line as users have it: the built program, its output and its exit codes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adoption;
mod auth;
mod caps;
mod change;
mod config;
mod copy;
mod files;
mod lifecycle;
mod mounts;
mod operation;
mod preserve;
mod support;
mod top;
mod tour;
mod usage;
mod watch;
