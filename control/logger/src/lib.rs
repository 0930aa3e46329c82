//! The logger: keeps the records of services and clients.
//!
//! ```text
//!   source ── APPEND ──▶ limit ──▶ recent records ──▶ readers
//!                          │            └───────────▶ files
//!                          └▶ counted, not kept
//! ```
//!
//! Memory is bounded, and shared fairly: who floods loses its own records. Everything that is not kept
//! is counted. Files are optional; a torn or damaged one is read as far as it is whole.
#![no_std]

extern crate alloc;

mod files;
mod limit;
mod message;
mod recent;
mod service;
mod sources;

pub use files::{FrameReader, frame};
pub use limit::Limit;
pub use message::{Entry, Message, Page, SourceCounts, SourcesPage};
pub use service::{LoggerConfig, LoggerService};
