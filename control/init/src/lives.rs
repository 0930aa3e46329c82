//! When a service that has ended is started again: a policy without a clock.
//!
//! | how it ended | next incarnation |
//! |---|---|
//! | it had done something | at once |
//! | it had done nothing | after a delay, which doubles with each such death in a row |
//! | it had done something, but this is the 20th death within 10 s | as if it had done nothing |
//! | the sixth death in a row without having done anything | none: quarantined |
//!
//! Deaths in a row are forgotten when an incarnation was ready for ten seconds.

use crate::records::Words;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use control::platform::Restart;
use dataplane::platform::Instant;

/// The first delay, ns; each further one is twice as long.
const FIRST_DELAY_NS: u64 = 100_000_000;
/// The longest delay, ns.
const LONGEST_DELAY_NS: u64 = 10_000_000_000;
/// Deaths in a row without having done anything, after which there is no further incarnation.
const MOST_FAILURES: u32 = 6;
/// How long an incarnation has to be ready for its predecessors' deaths to be forgotten, ns: one that
/// nobody asks anything is not to blame for being ended from outside.
const HEALTHY_NS: u64 = 1_000_000_000;
/// So many deaths within so much time are a loop, whatever was done in between.
const LOOP_DEATHS: usize = 20;
const LOOP_NS: u64 = 10_000_000_000;

/// What comes after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next incarnation at this time.
    StartAt(Instant),
    /// None, until an operator says so.
    Quarantine,
    /// None: that is the unit's policy. It has ended as it should, or not.
    Nothing {
        /// Whether it has ended with an error.
        failed: bool,
    },
}

/// An incarnation's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// When.
    pub(crate) at: Instant,
    /// Its exit code, or the negated signal.
    pub(crate) code: i32,
    /// Since when it was ready, if it was.
    pub(crate) ready: Option<Instant>,
    /// Whether it had done anything for anybody.
    pub(crate) had_worked: bool,
}

/// The past incarnations of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives {
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// Deaths in a row before anything was done.
    pub(crate) failures: u32,
    /// The code of its last end.
    pub(crate) last_end: i32,
    recent: VecDeque<Instant>,
}

impl Lives {
    /// Notes an end that nobody had asked for.
    pub(crate) fn ended(&mut self, end: End, policy: Restart) -> Next {
        self.last_end = end.code;
        let failed = end.code != 0;
        if policy == Restart::Never || (policy == Restart::OnFailure && !failed) {
            return Next::Nothing { failed };
        }
        if end.ready.is_some_and(|ready| end.at.since_ns(ready) >= HEALTHY_NS) {
            self.failures = 0;
        }
        self.recent.push_back(end.at);
        if self.recent.len() > LOOP_DEATHS {
            self.recent.pop_front();
        }
        let oldest = self.recent.front().filter(|_| self.recent.len() == LOOP_DEATHS);
        let loops = oldest.is_some_and(|oldest| end.at.since_ns(*oldest) < LOOP_NS);
        if end.had_worked && !loops {
            self.failures = 0;
            return Next::StartAt(end.at);
        }
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            return Next::Quarantine;
        }
        let delay = FIRST_DELAY_NS << (self.failures - 1).min(20);
        Next::StartAt(end.at.after_ns(delay.min(LONGEST_DELAY_NS)))
    }

    /// As words of the journal.
    pub(crate) fn words(&self) -> Vec<u64> {
        let mut words = alloc::vec![u64::from(self.restarts), u64::from(self.failures)];
        words.push(u64::from(self.last_end.cast_unsigned()));
        words.push(self.recent.len() as u64);
        words.extend(self.recent.iter().map(|at| at.0));
        words
    }

    /// From words of the journal.
    pub(crate) fn read(words: &mut Words<'_>) -> Option<Self> {
        Some(Self {
            restarts: words.number()?,
            failures: words.number()?,
            last_end: words.number::<u32>()?.cast_signed(),
            recent: words.list(|words| words.word().map(Instant))?.into(),
        })
    }

    /// An operator starts it: what was before does not count any more.
    pub(crate) fn forgive(&mut self) {
        self.failures = 0;
        self.recent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(at: u64, had_worked: bool) -> End {
        End { at: Instant(at), code: -9, ready: Some(Instant(at)), had_worked }
    }

    #[test]
    fn who_has_worked_is_back_at_once() {
        let mut lives = Lives::default();
        for at in (1..60).map(|second| second * 1_000_000_000) {
            assert_eq!(lives.ended(end(at, true), Restart::Always), Next::StartAt(Instant(at)));
        }
    }

    #[test]
    fn who_dies_before_any_work_waits_longer_each_time_and_then_stays_down() {
        let mut lives = Lives::default();
        let mut delays = Vec::new();
        let mut at = Instant(1);
        while let Next::StartAt(next) = lives.ended(end(at.0, false), Restart::Always) {
            delays.push(next.since_ns(at) / 1_000_000);
            at = next;
        }
        assert_eq!(delays, [100, 200, 400, 800, 1600]);
        assert_eq!(lives.ended(end(at.0, false), Restart::Always), Next::Quarantine);
        lives.forgive();
        let again = lives.ended(end(at.0, false), Restart::Always);
        assert_eq!(again, Next::StartAt(at.after_ns(FIRST_DELAY_NS)));
    }

    #[test]
    fn a_healthy_period_makes_up_for_the_past() {
        let mut lives = Lives::default();
        for _ in 0..3 {
            lives.ended(end(5, false), Restart::Always);
        }
        let healthy = End { at: Instant(5 + HEALTHY_NS), ..end(5, false) };
        let next = lives.ended(healthy, Restart::Always);
        assert_eq!(next, Next::StartAt(healthy.at.after_ns(FIRST_DELAY_NS)));
    }

    #[test]
    fn a_loop_is_one_whatever_was_done_in_between() {
        let mut lives = Lives::default();
        let mut quarantined = false;
        for at in 0..100 {
            quarantined |= lives.ended(end(at, true), Restart::Always) == Next::Quarantine;
        }
        assert!(quarantined, "a hundred deaths in 100 ns");
    }

    #[test]
    fn the_units_policy_decides_whether_at_all() {
        let fine = End { code: 0, ..end(7, true) };
        let mut lives = Lives::default();
        assert_eq!(lives.ended(fine, Restart::OnFailure), Next::Nothing { failed: false });
        assert_eq!(lives.ended(end(7, true), Restart::Never), Next::Nothing { failed: true });
        assert_eq!(lives.ended(fine, Restart::Always), Next::StartAt(Instant(7)));
        assert_eq!(lives.ended(end(8, true), Restart::OnFailure), Next::StartAt(Instant(8)));
    }
}
