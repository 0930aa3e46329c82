//! How to wait for one's peer: spin while traffic is dense, then yield, then sleep.
//!
//! Measured costs behind the figures (benches: `ring_round_trip`): spinning answers within a
//! microsecond when the peer runs on another processor; a sleeper is back after 40 to 80 µs, so
//! spinning that long before a sleep costs at most twice the best choice; and a peer on the same
//! processor cannot answer while one spins, so there one yields, and where that is in vain, goes
//! straight to sleep for a while.

use crate::platform::Instant;

/// Chosen for a session at connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitMode {
    /// Spins as long as it has paid off lately, then yields, then sleeps.
    #[default]
    Adaptive,
    /// Never sleeps; yields if the peer is on the same processor.
    Polling,
    /// Sleeps at once.
    Sleeping,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Look again, after a pause of the processor.
    Spin,
    /// Let others run on this processor, then look again.
    Yield,
    /// Announce sleep, look again, sleep.
    Sleep,
}

/// Spin budgets, ns: what a wake-up costs, and the bounds of the adaption.
const BUDGET_DEFAULT_NS: u64 = 50_000;
const BUDGET_MIN_NS: u64 = 5_000;
const BUDGET_MAX_NS: u64 = 200_000;
/// Looks between two readings of the clock, which costs about as much as one look.
const LOOKS_PER_READING: u32 = 32;
/// Yields before sleeping, when the peer is on another processor and spinning was in vain.
const YIELDS: u32 = 24;
/// How long to yield to a peer on this processor, ns. It should run at the first yield, but a
/// scheduler that keeps accounts lets it wait while it is ahead. The service is more patient than
/// its client by far: what one of them used up by yielding, the other must be willing to use up
/// as well, or they take turns at giving up.
const CLIENT_PATIENCE_NS: u64 = 50_000;
const SERVICE_PATIENCE_NS: u64 = 400_000;
/// Waits that go straight to sleep after yields in vain, and how far that doubles.
const SHUN_FIRST: u32 = 32;
const SHUN_MOST: u32 = 4096;

/// Which of the two parties waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Client,
    Service,
}

/// Decides how one party waits; fed with what happens.
#[derive(Debug)]
pub(crate) struct Waiter {
    mode: WaitMode,
    budget_ns: u64,
    looks: u32,
    yields: u32,
    since: Option<Instant>,
    /// Waits beside the peer that are still to go straight to sleep, and how many the next time.
    shun: u32,
    shun_next: u32,
    beside_peer: bool,
    gave_up: bool,
    patience_ns: u64,
}

impl Waiter {
    /// A waiter that has seen no traffic yet.
    #[must_use]
    pub(crate) fn new(mode: WaitMode, party: Party) -> Self {
        Self {
            mode,
            budget_ns: BUDGET_DEFAULT_NS,
            looks: 0,
            yields: 0,
            since: None,
            shun: 0,
            shun_next: SHUN_FIRST,
            beside_peer: false,
            gave_up: false,
            patience_ns: match party {
                Party::Client => CLIENT_PATIENCE_NS,
                Party::Service => SERVICE_PATIENCE_NS,
            },
        }
    }

    /// Something came: the wait, if there was one, is over.
    #[inline]
    pub(crate) fn found(&mut self) {
        if self.beside_peer {
            self.yielded();
        }
        self.looks = 0;
        self.yields = 0;
        self.since = None;
    }

    /// A wait beside the peer is over: notes whether yielding worked.
    fn yielded(&mut self) {
        self.beside_peer = false;
        let gave_up = core::mem::take(&mut self.gave_up);
        if self.shun > 0 {
            self.shun -= 1;
        } else if gave_up {
            self.shun = self.shun_next;
            self.shun_next = (self.shun_next * 2).min(SHUN_MOST);
        } else {
            self.shun_next = SHUN_FIRST;
        }
    }

    /// Whether [`Waiter::slept`] wants to know how long a sleep took.
    pub(crate) fn learns_from_sleep(&self) -> bool {
        self.mode == WaitMode::Adaptive && !self.beside_peer
    }

    /// Something came after a sleep of this length: spin longer if that would have caught it,
    /// shorter if not.
    pub(crate) fn slept(&mut self, ns: u64) {
        self.budget_ns = if ns < 2 * self.budget_ns {
            (self.budget_ns * 2).min(BUDGET_MAX_NS)
        } else {
            (self.budget_ns / 2).max(BUDGET_MIN_NS)
        };
        self.found();
    }

    /// Nothing is there: what to do. `probe` is asked now and then for the time and whether the
    /// peer is on this processor.
    #[inline]
    pub(crate) fn pace(&mut self, probe: impl FnOnce() -> (Instant, bool)) -> Pace {
        if self.mode == WaitMode::Sleeping {
            return Pace::Sleep;
        }
        self.looks = self.looks.wrapping_add(1);
        // The first look of a wait asks too: on one processor every spin delays the answer.
        if self.looks % LOOKS_PER_READING != 1 && self.yields == 0 {
            return Pace::Spin;
        }
        self.decide(probe())
    }

    fn decide(&mut self, (now, same_processor): (Instant, bool)) -> Pace {
        let since = *self.since.get_or_insert(now);
        if same_processor {
            return self.beside_peer(now.since_ns(since));
        }
        if self.mode == WaitMode::Polling || now.since_ns(since) < self.budget_ns {
            self.yields = 0;
            return Pace::Spin;
        }
        self.yields += 1;
        if self.yields <= YIELDS { Pace::Yield } else { Pace::Sleep }
    }

    fn beside_peer(&mut self, waited_ns: u64) -> Pace {
        // Asks again at each look.
        self.yields = 1;
        if self.mode == WaitMode::Polling {
            return Pace::Yield;
        }
        self.beside_peer = true;
        if self.shun == 0 && waited_ns < self.patience_ns {
            return Pace::Yield;
        }
        self.gave_up = true;
        Pace::Sleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(waiter: &mut Waiter, same: bool, step_ns: u64, count: u64) -> [u64; 3] {
        let mut seen = [0; 3];
        for look in 0..count {
            let pace = waiter.pace(|| (Instant(look * step_ns), same));
            seen[pace as usize] += 1;
        }
        seen
    }

    #[test]
    fn adaptive_spins_then_yields_then_sleeps() {
        let [spins, yields, sleeps] =
            sequence(&mut Waiter::new(WaitMode::Adaptive, Party::Client), false, 40, 100_000);
        assert!(spins >= BUDGET_DEFAULT_NS / 40 && yields >= u64::from(YIELDS) && sleeps > 0);
    }

    #[test]
    fn beside_its_peer_it_never_spins() {
        let mut waiter = Waiter::new(WaitMode::Adaptive, Party::Client);
        let [spins, yields, sleeps] = sequence(&mut waiter, true, 400, 999);
        assert_eq!((spins, yields), (0, CLIENT_PATIENCE_NS / 400));
        assert!(sleeps > 0);
    }

    #[test]
    fn yields_in_vain_are_given_up_and_tried_again() {
        let mut waiter = Waiter::new(WaitMode::Adaptive, Party::Client);
        // Each wait takes longer than the patience: yielding is in vain.
        let waits = |waiter: &mut Waiter| {
            let seen = sequence(waiter, true, CLIENT_PATIENCE_NS / 2, 3);
            waiter.found();
            seen[Pace::Yield as usize]
        };
        assert_eq!(waits(&mut waiter), 2);
        for _ in 0..SHUN_FIRST {
            assert_eq!(waits(&mut waiter), 0);
        }
        assert_eq!(waits(&mut waiter), 2, "tried again");
        assert_eq!(waiter.shun, 2 * SHUN_FIRST);
        // Where one look is enough, it goes on yielding.
        waiter.shun = 0;
        for _ in 0..100 {
            assert_eq!(waiter.pace(|| (Instant(0), true)), Pace::Yield);
            waiter.found();
        }
    }

    #[test]
    fn the_budget_follows_the_traffic_within_bounds() {
        let mut waiter = Waiter::new(WaitMode::Adaptive, Party::Client);
        (0..20).for_each(|_| waiter.slept(1));
        assert_eq!(waiter.budget_ns, BUDGET_MAX_NS);
        (0..20).for_each(|_| waiter.slept(1_000_000_000));
        assert_eq!(waiter.budget_ns, BUDGET_MIN_NS);
    }

    #[test]
    fn polling_never_sleeps_and_sleeping_never_spins() {
        assert_eq!(
            sequence(&mut Waiter::new(WaitMode::Polling, Party::Client), false, 1_000_000, 999)[2],
            0
        );
        assert_eq!(
            sequence(&mut Waiter::new(WaitMode::Polling, Party::Client), true, 1_000_000, 999)[2],
            0
        );
        assert_eq!(
            sequence(&mut Waiter::new(WaitMode::Sleeping, Party::Client), false, 1, 9),
            [0, 0, 9]
        );
    }
}
