//! Random operations of eight clients, held to a naive model: on a system, by sessions over rings,
//! and in the same sequence on the kernel's tmpfs, by system calls. Each gives what the model says:
//! the same results and errors, bytes and attributes.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `VERIDIAN_SEED` | what the sequence follows from | 1 |
//! | `VERIDIAN_OPERATIONS` | how long it is | 100,000 |
//!
//! A million: `VERIDIAN_OPERATIONS=1000000 cargo test --profile tested -p veridian --test model`.
//!
//! ```text
//!   operation    what clients do, and what comes of it
//!   generator    random operations from a seed
//!   survey       operations that look at all that there is
//!   differences  what is left out, because systems may differ in it, and why
//!   run          one sequence, compared with the model
//!   report       what a difference is told with
//!   model        the operations on the model
//!   rings        on a system, each client a session with a principal of its own
//!   kernel       on the kernel's tmpfs, in a process that acts as each client
//!   calls        its system calls
//!   seen         what systems say of a file, as the model says it
//! ```
//!
//! The kernel's part is this program, started again: as root it takes a directory for its root and
//! acts as several users. It has a main instead of a test harness for that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

#[path = "model/calls.rs"]
mod calls;
#[path = "model/differences.rs"]
mod differences;
#[path = "model/generator.rs"]
mod generator;
#[path = "model/kernel.rs"]
mod kernel;
#[path = "model/model.rs"]
mod model;
#[path = "../../vfs/tests/support/naive/mod.rs"]
#[allow(dead_code, unused_imports, reason = "a part of it is used")]
mod naive;
#[path = "model/operation.rs"]
mod operation;
#[path = "model/report.rs"]
mod report;
#[path = "model/rings.rs"]
mod rings;
#[path = "model/run.rs"]
mod run;
#[path = "model/seen.rs"]
mod seen;
#[path = "model/survey.rs"]
mod survey;

mod common;

use common::processes::{self, User};
use run::Plan;
use std::panic;
use std::path::Path;
use std::time::Duration;

/// How long the kernel's part may take beyond the other one.
const KERNEL_WITHIN: Duration = Duration::from_secs(1200);

fn main() {
    if let Some(arguments) = processes::role() {
        let [directory, seed, operations] = arguments.as_slice() else { panic!("{arguments:?}") };
        let (seed, operations) = (seed.parse().unwrap(), operations.parse().unwrap());
        return kernel::run(Path::new(directory), Plan { seed, operations });
    }
    let plan = Plan::from_environment();
    let directory = kernel::directory();
    let arguments = [
        directory.path().to_str().unwrap().to_owned(),
        plan.seed.to_string(),
        plan.operations.to_string(),
    ];
    let mut kernel = processes::start(&arguments, User::Own);
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let on_rings = panic::catch_unwind(|| rings::run(program, plan));
    // Whatever that came to, the other one has its say, and its directory until then.
    let on_kernel = processes::wait(&mut kernel, KERNEL_WITHIN);
    assert!(on_rings.is_ok() && on_kernel.success(), "see above");
}
