//! Directories of the host in a vfs: the rules of POSIX, what others do meanwhile, and that nothing
//! outside is ever reached.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "../../vfs/tests/conformance/names.rs"]
mod names;
#[path = "../../vfs/tests/conformance/order.rs"]
mod order;
#[path = "hostfs/others.rs"]
mod others;
#[path = "hostfs/race.rs"]
mod race;
#[path = "../../vfs/tests/conformance/rules.rs"]
mod rules;
#[path = "../../vfs/tests/support/mod.rs"]
mod support;

use host::hostfs::{HostDirectory, Limits};
use std::fs::File;
use std::path::Path;
use support::client::Client;
use support::{System, block_on};
use tempfile::TempDir;

const BUDGET: u64 = 8 << 20;
/// Threads of a mount's pool.
const THREADS: usize = 3;

/// A directory in memory, where the largest file is as large as ours.
fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap()
}

/// A vfs whose root is a directory of the host, with so many descriptors.
fn system(path: &Path, descriptors: usize) -> System {
    let opened = File::open(path).unwrap();
    let offload = platform::local::Platform::new().offload(THREADS);
    let opened = HostDirectory::open(opened.into(), offload, Limits { descriptors });
    System::over(BUDGET, Box::new(block_on(opened).unwrap()))
}

/// Runs a test in which files are given away, which takes a service that is user 0.
fn each_with_owners(test: impl Fn(&System, &Client)) {
    if rustix::process::geteuid().is_root() {
        each(test);
    } else {
        println!("not observed: only user 0 gives files away");
    }
}

/// Runs a test over a host directory, with plenty of descriptors and with hardly any.
fn each(test: impl Fn(&System, &Client)) {
    for descriptors in [1024, 8] {
        println!("over a host directory with {descriptors} descriptors");
        let directory = directory();
        let system = system(directory.path(), descriptors);
        test(&system, &system.root_client());
    }
}
