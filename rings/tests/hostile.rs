//! A peer that scribbles over every word it can write, between any two steps and during them.
//!
//! `hostile/peer.rs` is also what the fuzz target `hostile_peer` runs.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking; its numbers are small"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "hostile/concurrent.rs"]
mod concurrent;
#[path = "hostile/peer.rs"]
mod peer;
mod support;

use proptest::prelude::*;

proptest! {
    #![proptest_config(cases::cases(3_000))]

    #[test]
    fn a_script_of_scribbles_and_steps_breaks_no_rule(
        script in prop::collection::vec(any::<u8>(), cases::steps(2_000)),
    ) {
        peer::run(&script);
    }
}
