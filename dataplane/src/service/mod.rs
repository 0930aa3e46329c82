//! The service's side of the data plane.

mod answer;

pub use answer::{Answer, Completion, DataService};
