//! A machine of one thread whose time stands still between steps, and that panics when a reactor
//! sleeps while there is something to do.

use dataplane::platform::{
    Doorbell, Instant, MemoryError, Poller, Timestamp, Token, Waiting, Wake,
};
use dataplane::{Descriptor, Word};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Time that a test moves, and the words that were woken.
pub(crate) struct FakeTime {
    now: AtomicU64,
    /// The processor that everybody runs on.
    pub(crate) cpu: AtomicU64,
    pub(crate) yields: AtomicU64,
    woken: Mutex<BTreeSet<usize>>,
}

impl FakeTime {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicU64::new(1_000_000),
            cpu: AtomicU64::new(0),
            yields: AtomicU64::new(0),
            woken: Mutex::default(),
        })
    }

    pub(crate) fn advance_ns(&self, ns: u64) {
        self.now.fetch_add(ns, Ordering::Relaxed);
    }

    fn advance_to(&self, at: Instant) {
        self.now.fetch_max(at.0, Ordering::Relaxed);
    }

    /// Whether a word's sleepers were woken since [`FakeTime::falls_asleep`].
    pub(crate) fn was_woken(&self, word: &Word) -> bool {
        self.woken.lock().unwrap().contains(&word.address().addr().get())
    }

    /// Somebody goes to sleep on a word.
    pub(crate) fn falls_asleep(&self, word: &Word) {
        self.woken.lock().unwrap().remove(&word.address().addr().get());
    }
}

impl Waiting for FakeTime {
    fn now(&self) -> Instant {
        Instant(self.now.load(Ordering::Relaxed))
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(0)
    }

    fn cpu(&self) -> u64 {
        self.cpu.load(Ordering::Relaxed)
    }

    fn yield_now(&self) {
        self.yields.fetch_add(1, Ordering::Relaxed);
    }

    fn sleep_on(&self, _: &[(&Word, u64)], _: Option<Instant>) -> Wake {
        panic!("a reactor sleeps in its poller, never on words")
    }

    fn wake(&self, word: &Word) {
        self.woken.lock().unwrap().insert(word.address().addr().get());
    }
}

/// A doorbell that remembers that it was rung until a poller reports it.
#[derive(Default)]
pub(crate) struct FakeDoorbell {
    rung: AtomicBool,
}

impl Doorbell for FakeDoorbell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
    }
}

/// Says why nobody may sleep, or until when at the latest.
pub(crate) type Audit = Box<dyn Fn() -> Result<Option<Instant>, String>>;

/// A poller whose sleep returns at its deadline, or at once if there is none: the test goes on.
#[derive(Clone)]
pub(crate) struct FakePoller(Rc<PollerState>);

struct PollerState {
    time: Arc<FakeTime>,
    watched: RefCell<Vec<(Arc<FakeDoorbell>, Token)>>,
    /// Reports that were on their way when their source was removed.
    late: RefCell<Vec<Token>>,
    waker: Arc<FakeDoorbell>,
    /// Tokens not of sessions that were reported, and not yet handed over.
    in_hand: RefCell<BTreeSet<Token>>,
    audit: RefCell<Audit>,
    last_deadline: Cell<Option<Instant>>,
    sleeps: Cell<u64>,
    refuses: Cell<bool>,
}

impl FakePoller {
    pub(crate) fn new(time: &Arc<FakeTime>) -> Self {
        Self(Rc::new(PollerState {
            time: Arc::clone(time),
            watched: RefCell::default(),
            late: RefCell::default(),
            waker: Arc::default(),
            in_hand: RefCell::default(),
            audit: RefCell::new(Box::new(|| Ok(None))),
            last_deadline: Cell::new(None),
            sleeps: Cell::new(0),
            refuses: Cell::new(false),
        }))
    }

    /// Asked before each sleep.
    pub(crate) fn set_audit(&self, audit: Audit) {
        *self.0.audit.borrow_mut() = audit;
    }

    /// From now on no source can be added.
    pub(crate) fn refuse(&self) {
        self.0.refuses.set(true);
    }

    /// Sources that are watched.
    pub(crate) fn watched(&self) -> usize {
        self.0.watched.borrow().len()
    }

    /// Times that the reactor has slept.
    pub(crate) fn sleeps(&self) -> u64 {
        self.0.sleeps.get()
    }

    /// The reactor has returned these tokens: all that it was given, and nothing else.
    pub(crate) fn handed_over(&self, tokens: &[Token]) {
        let handed: BTreeSet<Token> = tokens.iter().copied().collect();
        let in_hand = self.0.in_hand.take();
        assert!(in_hand.is_subset(&handed), "{in_hand:?} reported, {handed:?} handed over");
    }

    /// What is ready, edge-triggered.
    fn take(&self, ready: &mut Vec<Token>) {
        ready.append(&mut self.0.late.borrow_mut());
        for (doorbell, token) in &*self.0.watched.borrow() {
            if doorbell.rung.swap(false, Ordering::AcqRel) {
                ready.push(*token);
                if is_foreign(*token) {
                    self.0.in_hand.borrow_mut().insert(*token);
                }
            }
        }
    }

    fn sleep(&self, deadline: Option<Instant>) {
        let in_hand = self.0.in_hand.borrow();
        assert!(in_hand.is_empty(), "slept with {in_hand:?} in hand");
        let due = (self.0.audit.borrow())();
        let due = due.unwrap_or_else(|reason| panic!("slept although {reason}"));
        if let Some(due) = due {
            assert!(deadline.is_some_and(|at| at <= due), "{deadline:?} is behind {due:?}");
        }
        let now = self.0.time.now();
        let again = deadline.is_some() && deadline == self.0.last_deadline.replace(deadline);
        assert!(!again || deadline > Some(now), "slept twice until {deadline:?}, which is over");
        self.0.sleeps.set(self.0.sleeps.get() + 1);
        if let Some(deadline) = deadline {
            self.0.time.advance_to(deadline);
        }
    }
}

/// Tokens from here on are not of sessions.
pub(crate) const FOREIGN: u64 = 1 << 40;

fn is_foreign(token: Token) -> bool {
    token.0 >= FOREIGN
}

impl Poller for FakePoller {
    fn add(&self, source: &Descriptor, token: Token) -> Result<(), MemoryError> {
        if self.0.refuses.get() {
            return Err(MemoryError::Exhausted);
        }
        let doorbell = Arc::clone(source).downcast::<FakeDoorbell>().unwrap();
        self.0.watched.borrow_mut().push((doorbell, token));
        Ok(())
    }

    fn remove(&self, source: &Descriptor) {
        let doorbell = Arc::clone(source).downcast::<FakeDoorbell>().unwrap();
        let mut watched = self.0.watched.borrow_mut();
        let at = watched.iter().position(|(each, _)| Arc::ptr_eq(each, &doorbell));
        let (doorbell, token) = watched.remove(at.expect("removed what was not watched"));
        if doorbell.rung.load(Ordering::Acquire) {
            self.0.late.borrow_mut().push(token);
        }
    }

    fn wait(&self, deadline: Option<Instant>, ready: &mut Vec<Token>) {
        let before = ready.len();
        self.take(ready);
        let rung = self.0.waker.rung.swap(false, Ordering::AcqRel);
        let only_looks = deadline == Some(Instant(0));
        if ready.len() == before && !rung && !only_looks {
            self.sleep(deadline);
        }
    }

    fn waker(&self) -> Arc<dyn Doorbell> {
        self.0.waker.clone()
    }
}
