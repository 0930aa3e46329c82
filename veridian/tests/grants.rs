//! A client that holds a grant on one file cannot read another's bytes, nor a byte that was
//! written after its right to read has gone, and can write none: over processes, with service
//! regions on a private tmpfs (as root) and in sealed memfds (as nobody).
//!
//! The spy keeps every mapping and descriptor that it ever had, maps each anew at every look, and
//! searches all of it for a secret that others write meanwhile. Each check first shows that the
//! spy would see the secret if the memory were still its file's.
//!
//! Eviction needs a file system with a store behind it, which the system does not mount yet:
//! `vfs/tests/grants.rs` holds it, by `pinned_pages_are_not_evicted_and_others_are` and
//! `without_a_handle_nothing_new_is_seen`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "grants/checks.rs"]
mod checks;
#[path = "grants/owner.rs"]
mod owner;
#[path = "grants/spy.rs"]
mod spy;

mod common;

use common::processes::{self, User};
use common::random;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// How long the checks of one variant may take.
const VARIANT_WITHIN: Duration = Duration::from_secs(120);

fn main() {
    if let Some(arguments) = processes::role() {
        let [program, seed] = arguments.as_slice() else { panic!("{arguments:?}") };
        return checks::run(Path::new(program), seed.parse().unwrap());
    }
    let seed = random::seed();
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    if !processes::users().contains(&User::Nobody) {
        println!("service regions in a private tmpfs: not observed, because that takes root");
        return checks::run(program, seed);
    }
    println!("service regions in a private tmpfs:");
    checks::run(program, seed);
    println!("service regions in sealed memfds:");
    as_nobody(program, seed);
}

/// The same by nobody, who gets a copy of the program that it can reach.
fn as_nobody(program: &Path, seed: u64) {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("veridian");
    std::fs::copy(program, &copy).unwrap();
    for path in [directory.path(), &copy] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let arguments = [copy.to_str().unwrap().to_owned(), seed.to_string()];
    let mut variant = processes::start(&arguments, User::Nobody);
    let status = processes::wait(&mut variant, VARIANT_WITHIN);
    assert!(status.success(), "see above: {status}");
}
