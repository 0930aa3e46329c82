//! What was done for a session, as the reactor tells it to whoever may know.

use super::queue::Counters;
use crate::{Histogram, SessionId};
use core::ops::AddAssign;

/// What was done for a session, or for several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The session; 0 for all that have ended.
    pub session: SessionId,
    /// Its counts.
    pub counters: Counters,
    /// Requests accepted and not completed: what a session leaves when it ends is in flight no
    /// more.
    pub in_flight: u64,
    /// From acceptance to completion, of some of the requests.
    pub times: Histogram,
}

impl Statistics {
    /// Of a session that is open.
    pub(super) fn new(session: SessionId, counters: Counters) -> Self {
        let in_flight = counters.accepted.saturating_sub(counters.completed);
        Self { session, counters, in_flight, times: Histogram::default() }
    }
}

/// Takes in what was done for a session that ends.
impl AddAssign<&Self> for Statistics {
    fn add_assign(&mut self, ended: &Self) {
        self.counters += ended.counters;
        self.times += &ended.times;
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self { sessions, accepted, completed, errors, quarantined } = other;
        self.sessions += sessions;
        self.accepted += accepted;
        self.completed += completed;
        self.errors += errors;
        self.quarantined += quarantined;
    }
}
