//! The runtime around every service: one thread, which serves the rings, answers the broker, and
//! polls the service's own tasks.

mod broker_link;
mod log;
mod serve;
mod sessions;

pub use serve::{ServeError, serve};
