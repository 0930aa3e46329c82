//! Advisory locks on ranges of files: who has them, who waits for them, who waits in a circle.
//!
//! ```text
//!   ranges   the locks of one owner on one file
//!   table    all locks of all files
//!   circles  owners that wait for each other
//!   wait     a request that waits for its lock
//! ```
//!
//! A lock that no other owner's lock is in the way of is had at once; of those that wait, the
//! first that can be had is had first. What a session can make the table remember is bounded by
//! its quota and, for what waits, by its requests in flight.

mod circles;
mod ranges;
mod table;
#[cfg(test)]
mod tests;
mod wait;

pub(crate) use ranges::{Kind, Lock, Span};
pub(crate) use table::{Asker, InTheWay, LockTable, Owner};
