//! The guided demonstration: everything that the system does so far, in one command.
//!
//! ```text
//!   run ─▶ choose   a directory tree of the host
//!       ─▶ load     copies it into the vfs
//!       ─▶ verify   reads it back in two ways
//!       ─▶ sums     what both compare
//!       ─▶ report   text, or one JSON object a line
//! ```

mod choose;
mod load;
mod report;
mod run;
mod sums;
mod verify;

pub(crate) use run::run;
