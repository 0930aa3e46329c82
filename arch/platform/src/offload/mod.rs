//! Calls that block, off the reactor's thread: a bounded [`Pool`] of threads, and [`call`], which
//! makes a future of a call. [`Leftovers`] knows the calls that were given up and still go on.
//!
//! ```text
//!   reactor's thread                     a thread of the pool
//!   call(offload, f) ──── work ────────▶ f()
//!   Offloaded        ◀─── answer, wake ─
//! ```

mod call;
mod leftovers;
mod pool;

pub use call::{Lost, Offloaded, call};
pub use leftovers::{Kept, Leftovers};
pub(crate) use pool::Pool;
