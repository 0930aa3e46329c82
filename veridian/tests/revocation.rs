//! Nothing executes after a revoke has returned.
//!
//! | test | what revokes race with |
//! |---|---|
//! | `local` | writes to a file in memory, all in this process |
//! | `linux` | the same, with services as processes |
//! | `local_host`, `linux_host` | writes to a file of the host, which block on threads of a pool |
//! | `a_service_that_keeps_serving_is_noticed` | a service that acknowledges and goes on: must be seen |
//! | `deadline` | services that acknowledge nothing: killed, and the revoke returns |
//!
//! `VERIDIAN_ROUNDS` says how many rounds `local` takes, usually 2,000; the others take a part of
//! that. The seed is printed; `VERIDIAN_SEED` repeats the choices of a run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "revocation/deadline.rs"]
mod deadline;
#[path = "revocation/faulty.rs"]
mod faulty;
#[path = "revocation/race.rs"]
mod race;

mod common;

use common::random;
use control::client::Connection;
use faulty::{Fault, FaultySystem};
use race::{File, race};
use std::path::Path;
use veridian::embed::LocalSystem;
use veridian::system::{Embedded, connect};

/// Rounds where a round costs more.
const PART: u64 = 20;

fn rounds() -> u64 {
    match std::env::var("VERIDIAN_ROUNDS") {
        Ok(text) => text.parse().expect("VERIDIAN_ROUNDS is a number"),
        Err(_) => 2_000,
    }
}

fn run(connection: &Connection, file: &File, rounds: u64) {
    let seed = random::seed();
    let started = std::time::Instant::now();
    let raced = race(connection, file, rounds, seed).unwrap_or_else(|late| panic!("{late}"));
    println!("{rounds} rounds in {:.1} s: {raced}", started.elapsed().as_secs_f64());
}

#[test]
fn local() {
    let system = LocalSystem::start().expect("the local system starts");
    run(&system.connect().unwrap(), &File::in_memory(), rounds());
}

#[test]
fn linux() {
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).expect("the system starts");
    run(&connect(&system.address).unwrap(), &File::in_memory(), rounds() / PART);
}

#[test]
fn local_host() {
    let system = LocalSystem::start().expect("the local system starts");
    let connection = system.connect().unwrap();
    let file = File::of_the_host(&connection);
    run(&connection, &file, rounds() / PART);
}

#[test]
fn linux_host() {
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).expect("the system starts");
    let connection = connect(&system.address).unwrap();
    let file = File::of_the_host(&connection);
    run(&connection, &file, rounds() / PART);
}

#[test]
fn a_service_that_keeps_serving_is_noticed() {
    let system = FaultySystem::start(Fault::KeepsServing);
    let late = race(&system.connect(), &File::in_memory(), 2_000, random::seed());
    println!("noticed: {}", late.expect_err("what it does is seen"));
}
