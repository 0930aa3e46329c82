//! The answer to anything that could not be done, in every direction.
//!
//! | offset | size | field  | meaning                                   |
//! |--------|------|--------|-------------------------------------------|
//! | 0      | 4    | errno  | number of Linux, 1 to 4,095               |
//! | 4      |      | reason | a text, see `reason`                      |

use dataplane::entry::Errno;

use super::field::sequence;
use super::reason::Reason;

sequence! {
    /// Why a request was not done. Nothing has changed.
    Failed {
        /// For programs.
        errno: Errno,
        /// For people.
        reason: Reason,
    }
}

impl Failed {
    /// A failure with as much of `reason` as fits.
    #[must_use]
    pub fn new(errno: Errno, reason: &str) -> Self {
        Self { errno, reason: Reason::new(reason) }
    }
}
