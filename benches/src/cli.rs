//! The command line of the `bench` program.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::peers::Kind;

/// Measures our services and their peers side by side, in turns of a fraction of a millisecond.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Run half a second a group, however few blocks that gives
    #[arg(long)]
    pub quick: bool,

    /// Run only this bench (may be repeated)
    #[arg(long, value_name = "BENCH")]
    pub only: Vec<String>,

    /// Seconds for each group of contenders; up to three times as long where blocks are missing
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    pub seconds: f64,

    /// Measure the system at this address, `@name` or a path, instead of one started for the run
    #[arg(long, value_name = "ADDRESS")]
    pub system: Option<String>,

    /// Seed of the random paths and pages
    #[arg(long, default_value_t = 42)]
    pub seed: u64,

    /// Also draw the rows into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Also write the rows into this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// What to do instead of measuring
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How long a group of contenders runs.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Until here in any case.
    pub at_least: Duration,
    /// Until here where a placement that was seen has fewer blocks than a ratio needs.
    pub at_most: Duration,
}

impl Cli {
    /// The time that the options give each group.
    #[must_use]
    pub fn budget(&self) -> Budget {
        if self.quick {
            let quick = Duration::from_millis(500);
            return Budget { at_least: quick, at_most: quick };
        }
        let at_least = Duration::try_from_secs_f64(self.seconds).unwrap_or(Duration::from_secs(4));
        Budget { at_least, at_most: at_least.saturating_mul(3) }
    }

    /// How many files `million_files` makes: a hundredth of a million in a quick run.
    #[must_use]
    pub fn files(&self) -> u32 {
        if self.quick { 10_000 } else { 1_000_000 }
    }

    /// Whether a bench of this name is to be run.
    #[must_use]
    pub fn chooses(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|it| it == name)
    }
}

/// The other roles of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Be the server process of a peer; started by the program itself
    #[command(hide = true)]
    Serve(Serve),
}

/// What a peer's server process is told.
#[derive(Args, Debug)]
pub struct Serve {
    /// Whose server to be.
    pub kind: Kind,
    /// The processor to run on.
    pub cpu: usize,
    /// What the kind needs besides descriptors; may be empty.
    pub argument: String,
}
