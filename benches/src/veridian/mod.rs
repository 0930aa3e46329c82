//! `veridian`: our own contenders, through the shipped client and a service that init has started.
//!
//! They take part when the program is given the address of a running system. The rings alone take
//! part in `spsc_stream` in any case.

mod nop;
mod open_close;
mod ours;
mod read;
pub mod stream;
mod system;

pub use nop::{Pipeline, RoundTrip};
pub use open_close::OpenClose;
pub use ours::{Operation, Ours};
pub use read::{Copy, CopyDeep, Grant, GrantDeep};
pub use system::{Client, System};
