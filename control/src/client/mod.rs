//! A client of the system: connects to the broker, opens sessions, holds capabilities.

mod capabilities;
mod configuration;
mod connection;
mod endpoints;
mod grants;
mod session;
mod turns;

pub use configuration::Configured;
pub use connection::{ClientMachine, ConnectError, Connection};
pub use session::{Session, SessionOptions};
