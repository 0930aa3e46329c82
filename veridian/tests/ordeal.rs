//! A system whose services are killed, one after the other, while four clients use its files: each
//! is back, the others do not notice, and `status` tells what has happened.
//!
//! Then init and auth are killed while a principal works (`principal`), init while a process serves
//! files to another one (`endpoint`), and init at random moments of clients that come and go (`storm`).
//!
//! The clients are this program, started again, so it has a main instead of a test harness.
//! `VERIDIAN_SECONDS` says how long it takes; usually 12.
//!
//! | who is killed | when | what clients notice |
//! |---|---|---|
//! | each service that clients have no session with | every two seconds, in turn | nothing |
//! | init | every two seconds | nothing: `status` is right as soon as it answers |
//! | vfs | once, after a third | ENOTCONN on what was under way; they connect again |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "ordeal/client.rs"]
mod client;
#[path = "ordeal/endpoint.rs"]
mod endpoint;
#[path = "ordeal/killer.rs"]
mod killer;
#[path = "ordeal/principal.rs"]
mod principal;
#[path = "ordeal/storm.rs"]
mod storm;

mod common;

use common::processes;

fn main() {
    match processes::role() {
        Some(arguments) => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            match arguments[..] {
                ["client", address, number] => client::run(address, number.parse().unwrap()),
                ["provider", address] => endpoint::provider(address),
                ["storm", address, seed] => storm::client(address, seed.parse().unwrap()),
                _ => panic!("there is no role {arguments:?}"),
            }
        }
        None => {
            killer::run();
            principal::run();
            principal::run_without_state();
            endpoint::run();
            storm::run();
        }
    }
}
