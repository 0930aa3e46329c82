//! The command line as users have it: the built program, its output and its exit codes.

mod copy;
mod files;
mod lifecycle;
mod support;
mod tour;
mod usage;
