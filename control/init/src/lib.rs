//! init: the broker. It starts the services in dependency order, owns every region, checks every
//! request against the caller's capabilities, and stops the services in reverse order.
//!
//! One thread, never blocked by a client or a service: [`Init`] is a loop over messages, hang-ups
//! and exits. Requests never pass through it.
#![no_std]

extern crate alloc;

mod accepted;
mod adoption;
mod answers;
mod clients;
mod commands;
mod configuration;
mod confinement;
mod endpoints;
mod grants;
mod handing;
mod init;
mod journal;
mod lifecycle;
mod listing;
mod lives;
mod logging;
mod needs;
mod outbox;
mod policy;
mod principals;
mod records;
mod revocation;
mod services;
mod sessions;
mod spaces;
mod statistics;
mod supervision;
mod tokens;
mod units;

pub use accepted::Configured;
pub use configuration::{Changed, Configuration};
pub use init::{Init, InitError, InitMachine, Outcome, StartReport};
pub use journal::{Journal, Key, Unusable};
pub use policy::Policy;
pub use units::{UnitError, start_order};
