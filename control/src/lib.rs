//! The control plane: messages, what a service is, and the runtime around every service.
//!
//! Slow and capability-checked: it decides once and bakes the decision into a session, so that
//! the data plane only checks a table entry.
#![no_std]

extern crate alloc;

pub mod client;
pub mod log_files;
pub mod message;
pub mod platform;
pub mod runtime;
pub mod service;
pub mod store;
pub mod token;
