//! Confinement of a service's process on Linux: what it does not need, it cannot do.
//!
//! ```text
//!   handed        descriptors   only those that were handed over were open at the start
//!   apart         mounts, network, ipc-names   namespaces with nothing in them        root only
//!   rights        capabilities  of root's rights, those that the profile names        root only
//!   paths         Landlock      what may be done below which directory
//!   calls, filter system-calls  an allow-list, made for this process from the profile
//!   refusals      what the list refuses is counted, fails with EPERM, and ends nobody
//! ```
//!
//! A service confines itself, between taking its channel and starting to serve, while it has one
//! thread. What cannot be had is left out and said: [`control::message::Layers`]. Only a list of
//! system calls that the kernel does not take is an error where it takes such lists.
//!
//! What a service needs was found by running it with `strace -f` under the scenario tests, and is
//! held by the tests: what is refused is reported, and the tests want no report.

mod apart;
mod apply;
mod calls;
mod filter;
mod handed;
mod paths;
mod profile;
mod refusals;
mod rights;

pub use apply::{ConfineError, Confined, confine};
pub use calls::needed_calls;
pub use handed::Handed;
pub use profile::{Files, Profile};
