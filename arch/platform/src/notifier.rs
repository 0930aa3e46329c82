//! Wakes futures of clients: one thread that sleeps on their words for all of them.

use control::platform::SpawnError;
use dataplane::Word;
use dataplane::client::Notifier;
use dataplane::platform::{Access, Memory, Waiting, Writer};
use rings::sync::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};

/// Most words that one sleep can wait for, its own among them.
const MOST_WORDS: usize = 128;

struct Watched {
    word: Word,
    value: u64,
    waker: Waker,
}

#[derive(Default)]
struct List {
    watched: Vec<Watched>,
    ended: bool,
}

struct Shared {
    list: Mutex<List>,
    /// Changed to wake the thread itself.
    changed: Word,
    waiting: Arc<dyn Waiting>,
}

/// A thread that wakes tasks; it ends when this is dropped.
pub struct NotifierThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl NotifierThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`SpawnError::Exhausted`].
    pub fn start(waiting: Arc<dyn Waiting>, memory: &dyn Memory) -> Result<Self, SpawnError> {
        let page = memory
            .create(1, Writer::Client)
            .and_then(|region| memory.map(&region.writable, Access::ReadWrite))
            .map_err(|_| SpawnError::Exhausted)?;
        let changed = page.word(0).map_err(|_| SpawnError::Exhausted)?;
        let shared = Arc::new(Shared { list: Mutex::default(), changed, waiting });
        let on = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("notifier".into())
            .spawn(move || on.run())
            .map_err(|_| SpawnError::Exhausted)?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Notifier for NotifierThread {
    fn notify(&self, word: &Word, value: u64, waker: &Waker) {
        let mut list = self.shared.list();
        // A task that asks again about the same word has only moved its waker.
        let same = |watched: &Watched| {
            watched.word.address() == word.address() && watched.waker.will_wake(waker)
        };
        list.watched.retain(|watched| !same(watched));
        list.watched.push(Watched { word: word.clone(), value, waker: waker.clone() });
        self.shared.change(&list);
    }
}

impl Drop for NotifierThread {
    fn drop(&mut self) {
        {
            let mut list = self.shared.list();
            list.ended = true;
            self.shared.change(&list);
        }
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        // The list is whole whatever panicked while it was locked.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread. Under the lock, so that no two changes become one that it has seen.
    fn change(&self, _locked: &List) {
        let value = self.changed.load(Ordering::Relaxed);
        self.changed.store(value.wrapping_add(1), Ordering::Release);
        self.waiting.wake(&self.changed);
    }

    fn run(&self) {
        loop {
            let before = self.changed.load(Ordering::Acquire);
            let mut list = self.list();
            if list.ended {
                return;
            }
            let over =
                |watched: &mut Watched| watched.word.load(Ordering::Acquire) != watched.value;
            let woken: Vec<_> = list.watched.extract_if(.., over).collect();
            // Those that do not fit are looked at again after each sleep.
            let words: Vec<_> = list
                .watched
                .iter()
                .take(MOST_WORDS - 1)
                .map(|watched| (watched.word.clone(), watched.value))
                .collect();
            let crowded = list.watched.len() >= MOST_WORDS;
            drop(list);
            if !woken.is_empty() {
                woken.into_iter().for_each(|watched| watched.waker.wake());
                continue;
            }
            let mut sleep_on = vec![(&self.changed, before)];
            sleep_on.extend(words.iter().map(|(word, value)| (word, *value)));
            let look_again = crowded.then(|| self.waiting.now().after_ns(CROWDED_LOOK_NS));
            self.waiting.sleep_on(&sleep_on, look_again);
        }
    }
}

/// How often words are looked at that no sleep has room for, ns.
const CROWDED_LOOK_NS: u64 = 1_000_000;
