//! Clients that misuse everything they are given, while one session goes on verifying its data:
//! no service ends, nobody else sees an error, and nothing is left over.
//!
//! The clients are this program, started again, so it has a main instead of a test harness. Each
//! repeat starts all of them at the same time:
//!
//! ```text
//!   scribbler   opens session after session and writes what it likes to all that it can reach
//!   mortal      dies at one step of a request; one process for each step
//!   talker      sends what no client sends, floods, and reads no answer
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "hostile/attacks.rs"]
mod attacks;
#[path = "hostile/entries.rs"]
mod entries;
#[path = "hostile/mortal.rs"]
mod mortal;
#[path = "hostile/scribbler.rs"]
mod scribbler;
#[path = "hostile/siege.rs"]
mod siege;
#[path = "hostile/talker.rs"]
mod talker;
#[path = "hostile/victim.rs"]
mod victim;

mod common;

use common::processes;

fn main() {
    match processes::role() {
        Some(arguments) => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            match arguments[..] {
                ["scribbler", address, seed] => scribbler::run(address, seed.parse().unwrap()),
                ["mortal", address, step] => mortal::run(address, step.parse().unwrap()),
                ["talker", address, seed] => talker::run(address, seed.parse().unwrap()),
                _ => panic!("there is no role {arguments:?}"),
            }
        }
        None => siege::run(),
    }
}
