//! Calls that are under way and whose answers nobody wants any more: they still do what they do, so
//! whoever must know that nothing goes on waits for them.

use super::call::{Lost, Offloaded, call};
use dataplane::platform::Offload;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The calls of one or several pools that were given up while they were under way. Cheap to clone.
#[derive(Clone, Default)]
pub struct Leftovers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// How many calls were ever made.
    calls: u64,
    /// Those that are given up and have not returned.
    left: BTreeSet<u64>,
    waiting: Vec<Waker>,
}

impl Leftovers {
    /// Has a call made as [`call`] does; if it is given up while it is under way, it is one of these
    /// until it returns.
    pub fn call<T: Send + 'static>(
        &self,
        offload: &dyn Offload,
        blocking: impl FnOnce() -> T + Send + 'static,
    ) -> Kept<T> {
        let number = {
            let mut state = self.state();
            state.calls += 1;
            state.calls
        };
        let shared = Arc::new(Call { number, leftovers: self.clone(), stage: Mutex::default() });
        let run = Arc::clone(&shared);
        let offloaded = call(offload, move || {
            let under_way = UnderWay::begin(run)?;
            let answer = blocking();
            drop(under_way);
            Some(answer)
        });
        Kept { _wanted: Wanted(shared), offloaded }
    }

    /// Returns when every call that was given up before now has returned.
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        let leftovers = self.clone();
        let last = leftovers.state().calls;
        poll_fn(move |context| {
            let mut state = leftovers.state();
            if state.left.first().is_none_or(|first| *first > last) {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
    }

    fn returned(&self, number: u64) {
        let waiting = {
            let mut state = self.state();
            state.left.remove(&number);
            core::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        whole(&self.0)
    }
}

/// What is locked here is whole whatever panicked while it was locked.
fn whole<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Call {
    number: u64,
    leftovers: Leftovers,
    stage: Mutex<Stage>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody has come to it yet.
    #[default]
    Waiting,
    UnderWay,
    /// It was given up before it began: it must not begin. Or while it was under way.
    GivenUp,
    Returned,
}

/// The pool's side: ends with the call, also if it panics.
struct UnderWay(Arc<Call>);

impl UnderWay {
    fn begin(call: Arc<Call>) -> Option<Self> {
        let mut stage = whole(&call.stage);
        if *stage != Stage::Waiting {
            return None;
        }
        *stage = Stage::UnderWay;
        drop(stage);
        Some(Self(call))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let before = core::mem::replace(&mut *whole(&self.0.stage), Stage::Returned);
        if before == Stage::GivenUp {
            self.0.leftovers.returned(self.0.number);
        }
    }
}

/// The side of who wants the answer.
struct Wanted(Arc<Call>);

impl Drop for Wanted {
    fn drop(&mut self) {
        let mut stage = whole(&self.0.stage);
        if *stage == Stage::UnderWay {
            // Under the lock, so that the call cannot have returned before it is one of them.
            self.0.leftovers.state().left.insert(self.0.number);
        }
        if *stage != Stage::Returned {
            *stage = Stage::GivenUp;
        }
    }
}

/// The answer of a call that is made elsewhere, and is not lost sight of when this is dropped.
pub struct Kept<T> {
    _wanted: Wanted,
    offloaded: Offloaded<Option<T>>,
}

impl<T> Future for Kept<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.offloaded).poll(context);
        answer.map(|answer| answer?.ok_or(Lost))
    }
}
