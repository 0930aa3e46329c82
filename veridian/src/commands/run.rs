//! `run`: a command with a system of its own.
//!
//! Ctrl-C reaches the command from the terminal; this process waits for the command and cleans
//! up. SIGTERM and SIGHUP, which reach this process alone, are passed on.

use crate::cli::Run;
use crate::commands::{attach, config};
use crate::system::{ADDRESS_VARIABLE, Embedded};
use anyhow::{Context, Result};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;

/// What shells exit with if a command is not there, or is not a program.
const NOT_FOUND: u8 = 127;
const NOT_A_PROGRAM: u8 = 126;

pub(crate) fn run(options: &Run) -> Result<ExitCode> {
    let Some((program, arguments)) = options.command.split_first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let sources = config::sources(&options.configured)?;
    // What is wrong is told here, in full.
    config::load(&sources)?;
    // Caught before there is anything to clean up.
    let mut signals =
        Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]).context("catching signals")?;
    let system = Embedded::start_configured(&sources).context("starting a system")?;
    if let Some(signal) = signals.pending().next() {
        system.stop().context("stopping the system")?;
        return Ok(signalled(signal));
    }
    if let Err(error) = attach::mount_all(&options.mounts, &system.address) {
        system.stop().context("stopping the system")?;
        return Err(error);
    }
    let mut command = Command::new(program);
    command.args(arguments).env(ADDRESS_VARIABLE, &system.address.0);
    let result = wait(command.spawn(), program, signals);
    let address = system.address.clone();
    let stopped = system.stop().context("stopping the system");
    let stopped = stopped.and_then(|()| super::mount::await_gone(&address));
    let code = result?;
    stopped?;
    Ok(code)
}

fn wait(spawned: std::io::Result<Child>, program: &OsStr, signals: Signals) -> Result<ExitCode> {
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            eprintln!("veridian: {}: {error}", program.to_string_lossy());
            let missing = error.kind() == ErrorKind::NotFound;
            return Ok(ExitCode::from(if missing { NOT_FOUND } else { NOT_A_PROGRAM }));
        }
    };
    let stop_passing = signals.handle();
    // Opened before the command is waited for, so that its number cannot be another's yet.
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let process = process.map(|pid| pidfd_open(pid, PidfdFlags::empty())).transpose();
    let passing = process
        .context("holding on to the command")?
        .map(|process| thread::spawn(move || pass_on(signals, &process)));
    let status = child.wait().context("waiting for the command");
    stop_passing.close();
    if let Some(passing) = passing {
        // It does not panic, and there is nothing to learn from it.
        let _ = passing.join();
    }
    Ok(exit_code(status?))
}

/// Until told to stop.
fn pass_on(mut signals: Signals, process: &OwnedFd) {
    for signal in signals.forever() {
        let signal = match signal {
            SIGTERM => Signal::TERM,
            SIGHUP => Signal::HUP,
            _ => continue,
        };
        // It fails only if the command has ended already.
        let _ = pidfd_send_signal(process, signal);
    }
}

/// The command's own code; if a signal ended it, what a shell would report.
fn exit_code(status: ExitStatus) -> ExitCode {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, signal) => signalled(signal.unwrap_or_default()),
    }
}

fn signalled(signal: i32) -> ExitCode {
    ExitCode::from(128 | u8::try_from(signal).unwrap_or(0))
}
