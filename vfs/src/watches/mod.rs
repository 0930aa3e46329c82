//! Change events: who watches what, and what has yet to be reported to whom.
//!
//! ```text
//!   object   what changes, and the name that it was found by
//!   watch    one WATCH: what it wants to know, and what it has yet to report
//!   table    all of them; told of each change
//!   changing a change that is under way
//!   reports  the completions of one WATCH
//! ```
//!
//! While nobody watches, a change costs one look at a counter. What a session can make the table
//! remember is bounded: so many watches, and of each so many entries until it is said that some
//! were lost.

mod changing;
mod object;
mod reports;
mod table;
mod watch;

pub(crate) use object::{Object, Place};
pub(crate) use reports::Reports;
pub(crate) use table::Watches;
pub(crate) use watch::Watch;
