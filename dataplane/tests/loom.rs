//! Model checking of the reactor's own sleep: every interleaving of the shipped code with wakers
//! and clients on other threads, within a bound on preemptions.
//!
//! A lost wake-up is a deadlock, which loom reports. The mutants of `rings::mutant` break the
//! fences of the reactor's wake hub as they do those of the rings; each must be caught.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p dataplane --release --test loom -- --nocapture`
#![cfg(loom)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "loom/machine.rs"]
mod machine;
#[path = "support/memory.rs"]
mod memory;
#[path = "loom/mutants.rs"]
mod mutants;
#[path = "loom/session.rs"]
mod session;
#[path = "loom/wakers.rs"]
mod wakers;
