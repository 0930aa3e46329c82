//! The one program: the command line, every service's role, and the wiring.
//!
//! ```text
//!   main ─▶ roles      init and the services, each in its own process
//!        └▶ program ─▶ commands ─▶ system    starting, finding and leaving a system
//!                               ─▶ tree      directory trees, on the host and in the vfs
//!                               ─▶ tour      the guided demonstration
//!                               ─▶ measure   latencies through the shipped client
//! ```
//!
//! A library too, so that tests and benches start the system that users start. The only crate
//! that names both services and platforms.

mod cli;
mod commands;
pub mod config;
pub mod embed;
pub mod measure;
mod output;
mod place;
pub mod program;
pub mod roles;
mod signals;
pub mod system;
mod tour;
mod tree;
mod values;
