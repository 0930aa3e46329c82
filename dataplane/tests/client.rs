//! The client against a service that answers as it likes: an honest one in any order, and one that
//! writes whatever it can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking; its numbers are small"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "client/honest.rs"]
mod honest;
#[path = "client/hostile.rs"]
mod hostile;
#[path = "client/stage.rs"]
mod stage;
mod support;
