//! The guardian: the process that starts init and every service, and outlives init.
//!
//! ```text
//!   starter ──▶ guardian ──┬──▶ init        started again if it is killed
//!                          └──▶ services    go on meanwhile
//! ```
//!
//! It knows no client and no service's messages. It starts and ends processes for init, reaps, and
//! holds what the next init needs: descriptors, the listener, a region for a journal. As root it is
//! the first process of a process-id namespace of its own, so that nothing of the system outlives it
//! or escapes it; otherwise orphans come to it as to a subreaper, and its children die with it.

mod init_side;
mod kept;
mod orphans;
mod server;

pub use init_side::{Begun, GuardianSide, begin};
pub use server::{Verdict, guard};

/// The exit code with which init asks to be started anew, with nothing of before.
pub const REBOOT: i32 = 42;
