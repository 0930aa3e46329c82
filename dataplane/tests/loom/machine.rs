//! A machine whose sleepers are threads of a model, and a service that does nothing.

use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::platform::{
    Doorbell, Instant, MemoryError, Poller, Timestamp, Token, Waiting, Wake,
};
use dataplane::service::{Answer, Completion, DataService, Reactor};
use dataplane::{Descriptor, SessionInfo, Word};
use loom::sync::{Condvar, Mutex};
use rings::sync::Ordering;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// Explores a model with at most `preemptions` involuntary switches in one execution, unless
/// `LOOM_MAX_PREEMPTIONS` says otherwise.
pub(crate) fn check(preemptions: usize, model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    builder.check(model);
}

/// Whom a bell woke: the token of a session, or only the waker.
#[derive(Default)]
struct Rung {
    waker: bool,
    tokens: Vec<Token>,
}

/// What a reactor sleeps on. It is shared by std's `Arc`: loom's cannot be dropped while a failed
/// model unwinds.
#[derive(Clone)]
pub(crate) struct Bell {
    shared: Arc<(Mutex<Rung>, Condvar)>,
    token: Option<Token>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::new((Mutex::new(Rung::default()), Condvar::new())), token: None }
    }

    /// The same, rung for a session.
    pub(crate) fn of(&self, token: Token) -> Self {
        Self { shared: Arc::clone(&self.shared), token: Some(token) }
    }
}

impl Doorbell for Bell {
    fn ring(&self) {
        let (rung, changed) = &*self.shared;
        let mut rung = rung.lock().unwrap();
        rung.waker = true;
        rung.tokens.extend(self.token);
        changed.notify_one();
    }
}

/// Sleeps on a bell. Until the model has started its threads, it only looks.
pub(crate) struct ModelPoller {
    bell: Bell,
    started: Rc<Cell<bool>>,
}

impl Poller for ModelPoller {
    fn add(&self, _: &Descriptor, _: Token) -> Result<(), MemoryError> {
        Ok(())
    }

    fn remove(&self, _: &Descriptor) {}

    fn wait(&self, deadline: Option<Instant>, ready: &mut Vec<Token>) {
        assert_eq!(deadline, None, "nothing here has a deadline");
        let (rung, changed) = &*self.bell.shared;
        let mut rung = rung.lock().unwrap();
        while !rung.waker && self.started.get() {
            rung = changed.wait(rung).unwrap();
        }
        rung.waker = false;
        ready.append(&mut rung.tokens);
    }

    fn waker(&self) -> Arc<dyn Doorbell> {
        Arc::new(self.bell.clone())
    }
}

/// Time that stands still, and sleep on words as a futex gives it.
pub(crate) struct ModelWaiting {
    lock: Mutex<()>,
    changed: Condvar,
}

impl ModelWaiting {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { lock: Mutex::new(()), changed: Condvar::new() })
    }
}

impl Waiting for ModelWaiting {
    fn now(&self) -> Instant {
        Instant(0)
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(0)
    }

    fn cpu(&self) -> u64 {
        0
    }

    fn yield_now(&self) {
        loom::thread::yield_now();
    }

    fn sleep_on(&self, words: &[(&Word, u64)], _: Option<Instant>) -> Wake {
        let guard = self.lock.lock().unwrap();
        if words.iter().all(|(word, value)| word.load(Ordering::Relaxed) == *value) {
            drop(self.changed.wait(guard).unwrap());
        }
        Wake::Woken
    }

    fn wake(&self, _: &Word) {
        drop(self.lock.lock().unwrap());
        self.changed.notify_all();
    }
}

/// A service without operations of its own.
pub(crate) struct Idle;

impl DataService for Idle {
    type Session = ();
    type Held = ();

    fn open_session(&self, _: &SessionInfo) -> Result<(Rc<()>, Handle), Errno> {
        Ok((Rc::new(()), Handle::NONE))
    }

    fn close_session(&self, _: &Rc<()>) {}

    fn supports(&self, _: Opcode) -> bool {
        false
    }

    fn request(self: &Rc<Self>, _: &Rc<()>, _: &Sqe) -> Answer<()> {
        Completion::new(Status::OK).into()
    }
}

/// A reactor, the bell it sleeps on, and the flag that lets it sleep.
pub(crate) fn reactor(waiting: &Arc<ModelWaiting>) -> (Reactor<Idle>, Bell, Rc<Cell<bool>>) {
    let (bell, started) = (Bell::new(), Rc::new(Cell::new(false)));
    let poller = ModelPoller { bell: bell.clone(), started: Rc::clone(&started) };
    let reactor = Reactor::new(Rc::new(Idle), waiting.clone(), Box::new(poller));
    (reactor, bell, started)
}
