//! How long requests take, from acceptance to completion, measured on some of them.
//!
//! Reading the clock for each request would take as long as a small request does. So one in
//! [`INTERVAL`] is timed, which tells the same quantiles, and the first one after a rest of some
//! length ([`REST_NS`]): with little traffic it may be the only one for long.

use crate::Histogram;
use crate::platform::{Instant, Waiting};
use alloc::sync::Arc;

/// One request in so many is timed. A prime, so that a client which repeats the same few requests
/// does not have the same one timed each time.
const INTERVAL: u32 = 251;
/// After so long a rest the next request is timed, ns: a reading of the clock is nothing beside it.
const REST_NS: u64 = 1_000_000;

/// Times some requests of a queue.
pub(super) struct Timing {
    waiting: Arc<dyn Waiting>,
    /// Requests that are not timed before the next one that is.
    untimed: u32,
    /// When the request that is being served was accepted, if it is timed. Kept here and not passed
    /// along, which would cost each request a register.
    begun: Option<Instant>,
    times: Histogram,
}

impl Timing {
    pub(super) fn new(waiting: Arc<dyn Waiting>) -> Self {
        Self { waiting, untimed: 0, begun: None, times: Histogram::default() }
    }

    /// How many requests come before the next that is timed.
    #[inline]
    pub(super) fn untimed(&self) -> u32 {
        self.untimed
    }

    /// So many requests of a batch were served, and either the last one was timed or the next one
    /// is to be, if it is there; returns how many there will be when this is to be called again.
    #[cold]
    pub(super) fn step(&mut self, served: u32, is_next: bool) -> u32 {
        let begun = self.put_off();
        self.record(begun);
        if self.untimed > served {
            return self.untimed;
        }
        if is_next {
            self.begun = Some(self.waiting.now());
            self.untimed = served + INTERVAL;
        }
        served + 1
    }

    /// A batch is over, of which so many were served.
    #[inline]
    pub(super) fn served(&mut self, count: u32) {
        self.untimed = self.untimed.saturating_sub(count);
    }

    /// The request that is being served is completed later: when it was accepted, if it is timed.
    pub(super) fn put_off(&mut self) -> Option<Instant> {
        self.begun.take()
    }

    /// A request has been completed that was accepted then.
    pub(super) fn record(&mut self, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.times.record(self.waiting.now().since_ns(begun));
        }
    }

    /// Nothing was there to serve for so long.
    pub(super) fn rested(&mut self, ns: u64) {
        if ns >= REST_NS {
            self.untimed = 0;
        }
    }

    pub(super) fn times(&self) -> &Histogram {
        &self.times
    }
}
