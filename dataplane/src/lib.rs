//! The data plane: sessions, entries, grants, the ledger, the reactor and the client, over the
//! rings of the `rings` crate.
//!
//! ```text
//!   client::Queue ── Sqe ──▶ rings ──▶ service::Reactor ──▶ DataService (vfs, …)
//!   client::Queue ◀── Cqe ── rings ◀── service::Reactor ◀── Answer
//! ```
//!
//! Protocols: [`entry`] for what all services share, [`file`] for files. Seams: [`platform`] (the
//! machine), [`service::DataService`] (what answers), [`filesystem::FileSystem`] (what the vfs
//! mounts). Nothing here knows a particular service, a platform or a processor.
#![no_std]

extern crate alloc;

#[cfg(test)]
mod cases;
pub mod client;
pub mod entry;
pub mod file;
pub mod filesystem;
pub mod grant;
mod handle_table;
mod histogram;
pub mod ledger;
pub mod log;
mod memory;
pub mod platform;
pub mod service;
mod session;
mod wait;

pub use handle_table::HandleTable;
pub use histogram::Histogram;
pub use memory::{Arena, ArenaRange, Descriptor, Owner, Region, Word};
pub use session::{Credentials, Quota, SessionId, SessionInfo, SessionRights};
pub use wait::{Pace, WaitMode};
