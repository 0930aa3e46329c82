//! `cargo xtask`: the project's own tasks, for people and for CI.
//!
//! `check` holds the rules of docs/architecture.md against the code, `test` runs everything that
//! must pass and installs what that needs, `bench` runs the comparison of benches/. This file is
//! the command line only; [`check`] and [`test`] do the work.

mod bench;
mod check;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Hold the import table, the unsafe list and the other rules of structure against the code
    Check {
        /// The workspace to check, instead of this one
        #[arg(long, value_name = "FOLDER")]
        root: Option<PathBuf>,
    },
    /// Install what is missing, then run everything that must pass
    Test(test::Options),
    /// Measure against the targets and the peers; the arguments go to the bench program
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments of the bench program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Check { root } => check::run(root.as_deref().unwrap_or(&workspace_root())),
        Task::Test(options) => test::run(&workspace_root(), &options),
        Task::Bench { arguments } => bench::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The folder above this crate's own.
fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}
