//! The service's side of the data plane: the reactor, and what a service must be to it.

mod answer;
mod executor;
mod queue;
mod reactor;
mod session;
mod shared;
mod statistics;
mod timing;

pub use answer::{Answer, Completion, DataService, Shot, Shots};
pub use queue::Counters;
pub use reactor::{Ended, Reactor};
pub use session::{OpenError, SessionParts};
pub use statistics::Statistics;
