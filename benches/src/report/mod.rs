//! What comes out of a run: a table, and a plot and JSON lines where asked for.

mod plot;
mod table;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::Cli;
use crate::suites::Outcome;

/// Prints the table and writes the files that the command line names.
///
/// # Errors
/// When a file cannot be written.
pub fn publish(outcome: &Outcome, cli: &Cli) -> Result<()> {
    print!("{}", table::render(outcome));
    if let Some(path) = &cli.json {
        write_json(outcome, path).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &cli.svg {
        std::fs::write(path, plot::render(&outcome.rows))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn write_json(outcome: &Outcome, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in &outcome.rows {
        serde_json::to_writer(&mut file, row)?;
        writeln!(file)?;
    }
    for footprint in &outcome.footprints {
        serde_json::to_writer(&mut file, footprint)?;
        writeln!(file)?;
    }
    file.flush()?;
    Ok(())
}
