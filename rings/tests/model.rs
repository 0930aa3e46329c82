//! The crate against naive models: every operation is also done to a `VecDeque` or a `Vec<u8>`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "a test fails by panicking; its numbers are small"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "model/queue.rs"]
mod queue;
#[path = "model/region.rs"]
mod region;
#[path = "model/ring.rs"]
mod ring;
mod support;
#[path = "model/words.rs"]
mod words;
