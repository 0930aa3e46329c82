//! Runs the steps in order, says how long each took, and stops at the first that fails.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use super::shell::Shell;
use super::steps::{Pace, STEPS, Step, Work};
use super::tools::Installer;

/// Which steps to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the slow steps
    #[arg(long)]
    quick: bool,
    /// Run this step alone; may be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "quick")]
    only: Vec<String>,
    /// Say what the steps are, and run none
    #[arg(long)]
    list: bool,
}

/// A step that passed and the time it took.
type Passed = (&'static Step, Duration);

/// Runs the chosen steps of the workspace at `root`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let steps = chosen(options)?;
    if options.list {
        for step in &steps {
            let slow = if step.pace == Pace::Slow { " (slow)" } else { "" };
            println!("{:12} {}{slow}", step.name, step.shows);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let shell = Shell::new(root);
    let installer = Installer::new(&shell);
    let mut passed = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n==== {}/{} {}: {}", index + 1, steps.len(), step.name, step.shows);
        let start = Instant::now();
        if let Err(error) = run_step(step, &shell, &installer) {
            println!(
                "==== {} FAILED after {:.1} s: {error:#}",
                step.name,
                seconds(start.elapsed())
            );
            summarise(&passed, Some(step), steps.len() - index - 1);
            return Ok(ExitCode::FAILURE);
        }
        println!("==== {} passed in {:.1} s", step.name, seconds(start.elapsed()));
        passed.push((*step, start.elapsed()));
    }
    summarise(&passed, None, 0);
    Ok(ExitCode::SUCCESS)
}

fn chosen(options: &Options) -> Result<Vec<&'static Step>> {
    let known = |name: &String| STEPS.iter().any(|step| step.name == name);
    if let Some(unknown) = options.only.iter().find(|name| !known(name)) {
        bail!("there is no step `{unknown}`; `cargo xtask test --list` names them");
    }
    let is_chosen = |step: &&Step| match options.only.as_slice() {
        [] => !options.quick || step.pace == Pace::Quick,
        only => only.iter().any(|name| name == step.name),
    };
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn run_step(step: &Step, shell: &Shell, installer: &Installer<'_>) -> Result<()> {
    for tool in step.tools {
        installer.ensure(tool)?;
    }
    for work in step.work {
        match work {
            Work::Run(line) => shell.run(line)?,
            Work::Judge(line, judge) => judge(&shell.read(line)?)?,
            Work::Do(action) => action(shell)?,
        }
    }
    Ok(())
}

fn summarise(passed: &[Passed], failed: Option<&Step>, not_run: usize) {
    println!("\n==== summary");
    for (step, duration) in passed {
        println!("{:12} passed {:8.1} s", step.name, seconds(*duration));
    }
    if let Some(step) = failed {
        println!("{:12} FAILED; {not_run} steps after it were not run", step.name);
    }
    let total = passed.iter().map(|(_, duration)| *duration).sum();
    println!("{:12} {:15.1} s", "total", seconds(total));
    println!("{} passed, {} failed", passed.len(), usize::from(failed.is_some()));
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
