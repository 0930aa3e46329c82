//! A byte stream plays the hostile peer of one honest end of a queue; `tests/hostile` has the
//! rules that it must not be able to break.
//!
//! `cargo +nightly fuzz run hostile_peer -- -runs=200000`, in this crate's parent.
#![no_main]

#[path = "../../tests/hostile/peer.rs"]
mod peer;

libfuzzer_sys::fuzz_target!(|script: &[u8]| peer::run(script));
