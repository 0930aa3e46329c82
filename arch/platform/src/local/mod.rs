//! Services as threads of one process: for tests, for embedding, and for services that share a
//! process by choice.
//!
//! The threads trust each other: a region is plain memory, and only [`Memory`] refuses what the
//! kernel would refuse elsewhere. What blocks is a mutex and a condition variable.
//!
//! [`Memory`]: dataplane::platform::Memory

mod channel;
mod doorbell;
mod inbox;
mod listener;
mod memory;
mod platform;
mod poller;
mod queue;
mod source;
mod spawning;
mod waiting;
mod words;

pub use platform::{Platform, poller};
pub use spawning::{Role, Roles, Spawner};
