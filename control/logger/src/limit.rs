//! How many records a source may have kept: a bucket of tokens that fills at a rate.

use dataplane::platform::Instant;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

/// A rate, and how far it may be exceeded for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Records a second.
    pub rate: u64,
    /// Records at once.
    pub burst: u64,
}

/// What a source may have kept now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: u64,
    /// Up to when tokens were added.
    filled: Instant,
}

impl Bucket {
    pub(crate) fn full(limit: Limit, now: Instant) -> Self {
        Self { tokens: limit.burst, filled: now }
    }

    /// Takes a token, if one is there.
    pub(crate) fn take(&mut self, limit: Limit, now: Instant) -> bool {
        let gained = now.since_ns(self.filled).saturating_mul(limit.rate) / SECOND_NS;
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(limit.burst);
            // What is left of the time counts towards the next token.
            self.filled =
                self.filled.after_ns(gained.saturating_mul(SECOND_NS) / limit.rate.max(1));
        }
        let has = self.tokens > 0;
        self.tokens -= u64::from(has);
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let limit = Limit { rate: 100, burst: 10 };
        let mut bucket = Bucket::full(limit, Instant(5));
        let mut taken = |ns: u64| (0..1000).filter(|_| bucket.take(limit, Instant(5 + ns))).count();
        assert_eq!(taken(0), 10);
        assert_eq!(taken(9_999_999), 0);
        assert_eq!(taken(10_000_000), 1);
        assert_eq!(taken(15_000_000), 0);
        assert_eq!(taken(20_000_000), 1, "half a token was not lost");
        assert_eq!(taken(3_600_000_000_000), 10);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let limit = Limit { rate: 100, burst: 1 };
        let mut bucket = Bucket::full(limit, Instant(1_000_000_000));
        assert!(bucket.take(limit, Instant(1_000_000_000)));
        assert!(!bucket.take(limit, Instant(0)));
    }
}
