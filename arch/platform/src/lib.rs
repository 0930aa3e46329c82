//! The machine, behind the traits of `dataplane::platform` and `control::platform`.
//!
//! ```text
//!   local   threads of one process: tests, embedding, services that share a process
//!   linux   processes: descriptors over Unix sockets, regions in memfds or on a private tmpfs
//! ```
//!
//! Each has one constructor, `Platform`, which hands out the traits; which of the two is used is
//! decided in one place, the program. One conformance test holds both to the same contract.
//! Both need Linux 5.15 or later.

mod address;
mod clock;
mod entropy;
pub mod linux;
pub mod local;
mod notifier;
pub mod offload;

pub use address::{ConnectError, ListenError};
pub use entropy::Entropy;
pub use notifier::NotifierThread;
