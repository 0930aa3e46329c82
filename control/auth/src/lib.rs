//! auth: who somebody is, and what he may do who shows a token.
//!
//! ```text
//!   service     messages in, answers out
//!   requests    what is done about each
//!   database    principals, users of the host, user sessions, failures: one file, replaced whole
//!   passwords   argon2id, off the service's thread
//!   lockout     how long to wait after failures
//!   audit       what has happened, chained so that nothing of it is changed unnoticed
//!   store       files in memory, where nothing is kept
//!   turns       one change after the other
//! ```
//!
//! The service gets time, randomness, threads for hashing and a store as arguments ([`Surroundings`]).
//! Tokens and messages are in `control`, where clients can name them. The broker shows it the tokens
//! that clients present, and gives capabilities accordingly; requests never pass through here.
#![no_std]

extern crate alloc;

mod audit;
mod bytes;
mod database;
mod error;
mod lockout;
mod passwords;
mod principals;
mod requests;
mod service;
mod sessions;
mod store;
mod turns;

pub use lockout::LockOutRules;
pub use passwords::{HashCost, HashJob, Hashing};
pub use service::{AuthConfig, AuthService, Surroundings};
pub use store::MemoryStore;
