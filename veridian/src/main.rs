//! The program: a role of the system if it was started as one, else the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, so that a service touches as little of the program as possible.
    veridian::roles::dispatch(std::env::args_os()).unwrap_or_else(veridian::program::main)
}
