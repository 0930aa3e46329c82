//! Shared-memory rings between two parties that do not trust each other.
//!
//! ```text
//!        client                                   service
//!   ┌─ client block (client writes, service reads) ─┐
//!   │ cq_head │ need_wakeup, cpu │ SQ slots 64 B ────┼──▶ Consumer
//!   └───────────────────────────────────────────────┘
//!   ┌─ service block (service writes, client reads) ┐
//!   │ state │ need_wakeup, cpu │ sq_head │ CQ slots ─┼──▶ Consumer (in the client)
//!   └───────────────────────────────────────────────┘
//! ```
//!
//! [`Region`] is the only view of memory that a peer can write, and the only file with
//! `unsafe`.
//! [`Producer`] and [`Consumer`] are the two ends of one ring; [`ClientQueue`] and
//! [`ServiceQueue`] are the two ends of a queue, which is a submission ring and a completion ring.
//! [`layout`] has every offset. The crate knows no service, allocates nothing and blocks nowhere:
//! it decides *whether* somebody must be woken, and leaves the waking to its caller.
#![cfg_attr(not(loom), no_std)]

mod bytes;
mod client;
mod doorbell;
pub mod layout;
#[cfg(loom)]
pub mod mutant;
mod position;
mod region;
mod ring;
mod service;
pub mod sync;

pub use bytes::BLOCK;
pub use client::{ClientQueue, Completion};
pub use doorbell::{Ringer, Sleeper};
pub use layout::{Geometry, GeometryError, State};
pub use position::Position;
pub use region::{OutOfBounds, Region, Slots, Word};
pub use ring::{Consumer, Corrupt, Full, Producer};
pub use service::{Cursors, ServiceQueue};

/// Words of 8 bytes in a submission queue entry.
pub const SQE_WORDS: usize = 8;
/// Words of 8 bytes in a completion queue entry.
pub const CQE_WORDS: usize = 4;

/// A submission queue entry as it lies in its slot; the upper half of the last word is the lap.
pub type SqeWords = [u64; SQE_WORDS];
/// A completion queue entry as it lies in its slot; the upper half of the last word is the lap.
pub type CqeWords = [u64; CQE_WORDS];
