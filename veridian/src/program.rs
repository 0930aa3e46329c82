//! The command line from its arguments to its exit code.
//!
//! 0: done. 1: an error, told on standard error. 2: the arguments make no sense. `run` exits as
//! its command does; an interrupted command exits with 128 and the number of the signal.

use crate::cli::{Cli, Command};
use crate::commands;
use crate::output::{Output, OutputClosed};
use crate::signals::Interrupted;
use crate::system::Address;
use anyhow::Context;
use clap::Parser;
use control::message::ServiceAction;
use std::process::ExitCode;

/// What a shell reports of a program that wrote into a closed pipe: 128 and SIGPIPE.
const PIPE_CLOSED: u8 = 128 + 13;

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { address, command } = Cli::parse();
    let mut output = Output::new();
    let result = run(command, address, &mut output);
    let flushed = output.flush();
    match result.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => code,
        Err(error) if error.is::<OutputClosed>() => ExitCode::from(PIPE_CLOSED),
        Err(error) => {
            eprintln!("veridian: {error:#}");
            let interrupted = error.downcast_ref::<Interrupted>();
            interrupted.map_or(ExitCode::FAILURE, |signal| signal.exit_code())
        }
    }
}

fn run(
    command: Command,
    address: Option<Address>,
    output: &mut Output,
) -> anyhow::Result<ExitCode> {
    if let Command::Up(options) = &command {
        return commands::up::run(options, address, output).map(|()| ExitCode::SUCCESS);
    }
    let address = address.unwrap_or_else(crate::system::default_address);
    let done = match command {
        Command::Run(options) => return commands::run::run(&options),
        Command::Tour(options) => return crate::tour::run(&options, output),
        Command::Cp(options) => return commands::cp::run(&options, &address),
        Command::Rm(options) => return commands::rm::run(&options, &address),
        Command::Cat(options) => return commands::cat::run(&options, &address, output),
        Command::Chmod(options) => return commands::change::chmod(&options, &address),
        Command::Chown(options) => return commands::change::chown(&options, &address),
        Command::Ln(options) => commands::change::ln(&options, &address),
        Command::Watch(options) => commands::watch::run(&options, &address, output),
        Command::Find(options) => commands::find::run(&options, &address, output),
        Command::Df(options) => commands::space::df(&options, &address, output),
        Command::Du(options) => commands::space::du(&options, &address, output),
        Command::Metrics(options) => commands::metrics::run(&options, &address, output),
        Command::Man(options) => {
            let written = crate::cli::manual(options.directory.as_ref(), &mut std::io::stdout());
            written.context("writing the manual")
        }
        Command::Completions(options) => {
            crate::cli::completions(options.shell);
            Ok(())
        }
        // Taken above.
        Command::Up(_) => Ok(()),
        Command::Config(options) => return commands::config::run(&options, &address, output),
        Command::Down => commands::down::run(&address, output),
        Command::Status(options) => commands::status::run(&options, &address, output),
        Command::Top(options) => commands::top::run(&options, &address, output),
        Command::Ls(options) => commands::ls::run(&options, &address, output),
        Command::Mkdir(options) => commands::mkdir::run(&options, &address),
        Command::Mv(options) => commands::mv::run(&options, &address),
        Command::Stat(options) => commands::stat::run(&options, &address, output),
        Command::Mount(options) => commands::mount::run(&options, &address, output),
        Command::Umount(options) => commands::mount::unmount(&options, &address),
        Command::Logs(options) => commands::logs::run(&options, &address, output),
        Command::Start(options) => {
            commands::supervise::run(&options, ServiceAction::Start, &address)
        }
        Command::Stop(options) => commands::supervise::run(&options, ServiceAction::Stop, &address),
        Command::Restart(options) => {
            commands::supervise::run(&options, ServiceAction::Restart, &address)
        }
        Command::Reboot => commands::supervise::reboot(&address),
        Command::Bench => commands::bench::run(output),
    };
    done.map(|()| ExitCode::SUCCESS)
}
