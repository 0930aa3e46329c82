//! The client's side of the data plane: submit, poll, wait; files on top of that.
//!
//! A [`Queue`] is driven by one thread (it is `Send`, not `Sync`); a session with several queues
//! serves several threads. Completions are matched against the client's own table of requests in
//! flight, so a service cannot make a client believe that something else was answered.

mod buffers;
mod error;
mod files;
mod future;
mod in_flight;
mod mapped;
mod metadata;
mod pause;
mod pending;
mod queue;
mod ranges;
mod view;
mod watch;

pub use buffers::Buffer;
pub use error::ClientError;
pub use future::{AsyncQueue, Notifier, Response};
pub use in_flight::{Done, Ticket};
pub use mapped::GrantTicket;
pub use pause::wait_any;
pub use pending::Sleep;
pub use queue::{GrantSource, Queue, QueueParts};
pub use ranges::LockRange;
pub use view::GrantView;
pub use watch::{Change, Watch};
