//! Model checking of the shipped code: every interleaving, and every value a load may return,
//! within a bound on preemptions.
//!
//! Each model sleeps as a real party does, so that a lost wake-up is a deadlock, which loom
//! reports. For each safety property a mutant (`rings::mutant`) must make the model fail.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p rings --release --test loom -- --nocapture`
#![cfg(loom)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "loom/mutants.rs"]
mod mutants;
#[path = "loom/parties.rs"]
mod parties;
#[path = "loom/queue.rs"]
mod queue;
#[path = "loom/ring.rs"]
mod ring;
