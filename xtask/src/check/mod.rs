//! `cargo xtask check`: holds the rules of docs/architecture.md against the code.
//!
//! What is allowed is data, in [`policy`]; each rule is one file and reports [`violation`]s; what
//! they look at is read once, by [`tree`] (sources, as tokens) and [`manifests`] (what Cargo says).
//! Sources are read as tokens and not as syntax trees, so that the bodies of macros count and
//! comments and strings do not.

mod dependencies;
mod folders;
mod imports;
mod length;
mod manifests;
mod policy;
mod run;
mod target_cfg;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;
mod unsafe_code;
mod violation;

pub(crate) use run::{passes, run};
