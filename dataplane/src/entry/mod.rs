//! What travels in the rings: submissions, completions, and the words in them.

mod cqe;
mod errno;
mod handle;
mod opcode;
mod sqe;

pub use cqe::{Cqe, CqeFlags};
pub use errno::{Errno, Status};
pub use handle::Handle;
pub use opcode::Opcode;
pub use sqe::{Sqe, SqeFlags};
