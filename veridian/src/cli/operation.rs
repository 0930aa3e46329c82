//! The arguments of what those who operate a system need: metrics, pages of the manual, completions.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory, in place of the first page to standard
    /// output
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Metrics {
    /// Serve them at this socket, as OpenMetrics over HTTP, until the system ends
    #[arg(long, value_name = "PATH")]
    pub(crate) serve: Option<PathBuf>,
    /// Tell on standard output when they are served, then leave the terminal alone
    #[arg(long, hide = true, requires = "serve")]
    pub(crate) detached: bool,
}

/// Writes what a shell needs to complete commands and options.
pub(crate) fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut super::Cli::command(), "veridian", &mut std::io::stdout());
}

/// The pages of the manual: all of them into a directory, or the first one.
pub(crate) fn manual(directory: Option<&PathBuf>, out: &mut impl Write) -> std::io::Result<()> {
    let command = super::Cli::command();
    match directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            clap_mangen::generate_to(command, directory)
        }
        None => clap_mangen::Man::new(command).render(out),
    }
}
