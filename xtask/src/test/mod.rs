//! `cargo xtask test`: installs what is missing, then runs everything that must pass.
//!
//! A machine with rustup, a C compiler and apt is enough. To add a check, add a row to [`steps`];
//! if it needs a program that a machine may lack, add a row to [`tools`]. The rest of the folder
//! runs the rows ([`run`], [`shell`]) and judges output where an exit code says too little
//! ([`fuzz`], [`loom`]).

mod fuzz;
mod loom;
mod run;
mod shell;
mod steps;
mod tools;

pub(crate) use run::{Options, run};
