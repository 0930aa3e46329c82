//! Locks that programs wait for.
//!
//! Any number of programs can wait, so no thread that answers the kernel does so for them: their
//! requests are pending in one queue, and one thread answers each when its lock is had. The same
//! thread looks now and then whether one of them has a signal (see [`signals`]), and has its
//! request cancelled.

use super::locks::{self, Asked, Holders};
use super::signals;
use dataplane::client::{ClientError, Done, Queue, Ticket};
use dataplane::entry::Errno;
use fuser::ReplyEmpty;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Completion slots that the queue needs: one for each that waits, and some for cancelling.
pub(super) const SLOTS: u32 = 1024;
/// Most programs that wait.
const MOST: usize = SLOTS as usize - 64;
/// Least time between two looks for signals.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// The time between two looks is so many times what a look takes.
const LOOK_SHARE: u32 = 20;

/// The thread, and what it waits for; it ends when this is dropped.
pub(super) struct Waits {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Waits {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(queue: Queue, holders: Arc<Holders>) -> io::Result<Self> {
        let state = Mutex::new(State { queue, waiting: HashMap::new(), ended: false });
        let shared = Arc::new(Shared { state, changed: Condvar::new(), holders });
        let on = Arc::clone(&shared);
        let thread = thread::Builder::new().name("locks".to_owned()).spawn(move || on.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Answers a thread's question when the lock that it asks for is had, or will not be.
    pub(super) fn add(&self, asked: Asked, thread: u32, reply: ReplyEmpty) {
        let mut state = self.shared.state();
        if state.waiting.len() >= MOST {
            return reply.error(fuser::Errno::ENOLCK);
        }
        let Asked { file, range, flags, owner, .. } = asked;
        match state.queue.submit_lock(file, range, flags, owner) {
            Ok(ticket) => {
                state.waiting.insert(ticket, Waiting { asked, thread, cancelled: false, reply });
                self.shared.changed.notify_one();
            }
            Err(error) => reply.error(locks::errno(error)),
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported when it happened.
            let _ended = thread.join();
        }
    }
}

struct Waiting {
    asked: Asked,
    thread: u32,
    cancelled: bool,
    reply: ReplyEmpty,
}

struct State {
    queue: Queue,
    waiting: HashMap<Ticket, Waiting>,
    ended: bool,
}

impl State {
    /// Answers those whose requests were answered.
    fn settle(&mut self, holders: &Holders) -> Result<(), ClientError> {
        while let Some(done) = self.queue.poll()? {
            if let Some(waiting) = self.waiting.remove(&done.ticket) {
                waiting.answer(&done, holders);
            }
        }
        Ok(())
    }

    /// Has requests cancelled, as far as the queue has room; else after the next look.
    fn cancel(&mut self, tickets: &[Ticket]) {
        for ticket in tickets {
            if let Some(waiting) = self.waiting.get_mut(ticket)
                && !waiting.cancelled
            {
                waiting.cancelled = self.queue.submit_cancel(*ticket).is_ok();
            }
        }
    }

    /// The session is over.
    fn fail(&mut self, error: ClientError) {
        for (_, waiting) in self.waiting.drain() {
            waiting.reply.error(locks::errno(error));
        }
    }
}

impl Waiting {
    fn answer(self, done: &Done, holders: &Holders) {
        match done.status.result() {
            Ok(_) => {
                holders.note(&self.asked);
                self.reply.ok();
            }
            Err(Errno::ECANCELED) if self.cancelled => self.reply.error(fuser::Errno::EINTR),
            Err(error) => self.reply.error(locks::errno(error.into())),
        }
    }
}

struct Shared {
    state: Mutex<State>,
    /// Somebody waits who did not before, or all is to end.
    changed: Condvar,
    holders: Arc<Holders>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut look_at = Instant::now();
        while self.somebody_waits() {
            let now = Instant::now();
            if now >= look_at {
                self.look();
                look_at = Instant::now() + LOOK_INTERVAL.max(now.elapsed() * LOOK_SHARE);
            }
            if let Err(error) = self.turn(look_at) {
                self.state().fail(error);
            }
        }
    }

    /// Waits until somebody waits; false if all is to end.
    fn somebody_waits(&self) -> bool {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let state = self.changed.wait_while(self.state(), idle);
        !state.unwrap_or_else(PoisonError::into_inner).ended
    }

    /// Looks for signals, and lets others wait meanwhile.
    fn look(&self) {
        let threads: Vec<(Ticket, u32)> =
            self.state().waiting.iter().map(|(ticket, one)| (*ticket, one.thread)).collect();
        let called = threads.into_iter().filter(|(_, thread)| signals::has_signal(*thread));
        let called: Vec<Ticket> = called.map(|(ticket, _)| ticket).collect();
        self.state().cancel(&called);
    }

    /// Answers what can be, or sleeps until there is something, or it is time to look.
    fn turn(&self, look_at: Instant) -> Result<(), ClientError> {
        let sleep = {
            let mut state = self.state();
            state.settle(&self.holders)?;
            state.queue.announce_sleep()?
        };
        if let Some(sleep) = sleep {
            let rest = look_at.saturating_duration_since(Instant::now());
            sleep.at_most(u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX));
            self.state().queue.end_sleep()?;
        }
        Ok(())
    }
}
