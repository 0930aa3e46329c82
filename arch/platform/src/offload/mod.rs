//! Calls that block, off the reactor's thread: a bounded [`Pool`] of threads, and [`call`], which
//! makes a future of a call.
//!
//! ```text
//!   reactor's thread                     a thread of the pool
//!   call(offload, f) ──── work ────────▶ f()
//!   Offloaded        ◀─── answer, wake ─
//! ```

mod call;
mod pool;

pub use call::{Lost, Offloaded, call};
pub(crate) use pool::Pool;
