//! How the services are confined as they run: what the kernel says of each, what `status` says, and
//! a service that tries what it may not, under an init that counts and logs it.
//!
//! Everything that a confined process could try is in `arch/host/tests/confinement`. Roles are this
//! program, started again; as root and, if it is root, as nobody too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "confinement/probe.rs"]
mod probe;
#[path = "confinement/services.rs"]
mod services;

mod common;

use common::processes;
use std::process::ExitCode;
use std::time::Duration;

/// Longest time for all that is looked at as one user.
const WITHIN: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, name, ..] = &*arguments
        && role == "service"
        && let Some(profile) = probe::profile(name)
    {
        return probe::run(profile);
    }
    if let Some(code) = veridian::roles::dispatch(std::env::args_os()) {
        return code;
    }
    if processes::role().is_some() {
        services::are_confined();
        probe::what_is_refused_is_logged();
        return ExitCode::SUCCESS;
    }
    for user in processes::users() {
        println!("as {user:?}:");
        let mut process = processes::start(&["look".to_owned()], user);
        assert!(processes::wait(&mut process, WITHIN).success(), "as {user:?}");
    }
    ExitCode::SUCCESS
}
