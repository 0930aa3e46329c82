//! Services as Linux processes.
//!
//! ```text
//!   what           is                                    protected by
//!   Waiting        futex on a word of a shared region    the kernel only reads the word
//!   Doorbell       eventfd, watched edge-triggered       never read, so never blocked on
//!   Memory         memfd, or file of a private tmpfs     seals, or a read-only mount
//!   Channel        Unix socket that keeps boundaries     SO_PEERCRED; malformed messages dropped
//!   Spawning       fork and exec, pidfd                  nothing inherited but the channel
//! ```
//!
//! A descriptor is a [`handle::Handle`]; what it refers to is checked where it is used.

mod channel;
mod control_group;
mod credentials;
mod doorbell;
mod fork_guard;
pub mod guardian;
mod handle;
mod limits;
mod listener;
mod mapping;
mod memfd;
mod memory;
mod platform;
mod poller;
mod process;
mod spawning;
mod stack;
mod store;
mod termination;
mod waiting;

pub use channel::client_channel;
pub(crate) use fork_guard::fork_guard;
pub use handle::{as_fd, descriptor};
pub use platform::{Platform, poller};
pub use process::service_channel;
pub use spawning::{Output, Program, Spawner};
pub use stack::answer_where;
pub use termination::termination;
