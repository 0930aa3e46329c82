//! Time, and sleeping on words: threads park in a table by the words' addresses.
//!
//! Who sleeps looks at the words while it holds the table; who wakes has changed the word before it
//! takes the table. So either the sleeper sees the change, or the waker sees the sleeper.

use crate::clock;
use dataplane::Word;
use dataplane::platform::{Instant, Timestamp, Waiting, Wake};
use rings::sync::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// Who sleeps on which word.
#[derive(Debug, Default)]
pub(crate) struct LocalWaiting {
    sleepers: Mutex<HashMap<usize, Vec<Thread>>>,
}

impl Waiting for LocalWaiting {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn wall_clock(&self) -> Timestamp {
        clock::wall_clock()
    }

    fn cpu(&self) -> u64 {
        rustix::thread::sched_getcpu() as u64
    }

    fn yield_now(&self) {
        thread::yield_now();
    }

    fn sleep_on(&self, words: &[(&Word, u64)], deadline: Option<Instant>) -> Wake {
        if !self.enter(words) {
            return Wake::Woken;
        }
        match deadline {
            Some(deadline) => {
                thread::park_timeout(Duration::from_nanos(clock::until_ns(deadline)));
            }
            None => thread::park(),
        }
        self.leave(words);
        match deadline {
            Some(deadline) if clock::now() >= deadline => Wake::Deadline,
            _ => Wake::Woken,
        }
    }

    fn wake(&self, word: &Word) {
        if let Some(threads) = self.sleepers().get(&address(word)) {
            threads.iter().for_each(Thread::unpark);
        }
    }
}

impl LocalWaiting {
    /// Puts this thread among the sleepers, unless a word has changed.
    fn enter(&self, words: &[(&Word, u64)]) -> bool {
        let mut sleepers = self.sleepers();
        let changed = |(word, value): &(&Word, u64)| word.load(Ordering::Acquire) != *value;
        if words.iter().any(changed) {
            return false;
        }
        for (word, _) in words {
            let threads = sleepers.entry(address(word)).or_default();
            threads.push(thread::current());
        }
        true
    }

    fn leave(&self, words: &[(&Word, u64)]) {
        let this = thread::current().id();
        let mut sleepers = self.sleepers();
        for (word, _) in words {
            let address = address(word);
            if let Some(threads) = sleepers.get_mut(&address) {
                threads.retain(|thread| thread.id() != this);
                if threads.is_empty() {
                    sleepers.remove(&address);
                }
            }
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, HashMap<usize, Vec<Thread>>> {
        // The table is whole whatever panicked while it was locked.
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(word: &Word) -> usize {
    word.address().addr().get()
}
