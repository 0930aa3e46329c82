//! The reactor, driven step by step over memory, time and a service that punish misuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking; its numbers are small"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "reactor/harness.rs"]
mod harness;
#[path = "reactor/program.rs"]
mod program;
#[path = "reactor/rules.rs"]
mod rules;
#[path = "reactor/statistics.rs"]
mod statistics;
mod support;
