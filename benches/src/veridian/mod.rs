//! `veridian`: our own contenders, through the shipped client and a service that init has started.
//!
//! The rings alone, without a service, take part in `spsc_stream`.

mod c;
mod crowd;
pub mod metadata;
mod nop;
mod open_close;
mod ours;
mod read;
mod start;
pub mod stream;
mod system;

pub use c::{COpenClose, CRoundTrip};
pub use crowd::Crowd;
pub use nop::{Pipeline, RoundTrip};
pub use open_close::{Closing, OpenClose};
pub use ours::{Operation, Ours};
pub use read::{Copy, CopyDeep, Grant, GrantDeep};
pub use start::Start;
pub use system::{Client, System};
