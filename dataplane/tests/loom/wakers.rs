//! Tasks that are woken from other threads, against a reactor that sleeps when it has nothing to
//! do.

use crate::machine::{ModelWaiting, check, reactor};
use loom::sync::atomic::AtomicU64;
use loom::thread;
use rings::sync::Ordering;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// What a thread says that it has done, and whom it then wakes.
type Wakeable = (Arc<AtomicU64>, Waker);

/// `TASKS` tasks, each finished by a thread of its own. What the thread did before it woke its
/// task, the task must see.
fn tasks_woken_by_threads<const TASKS: usize>() {
    let (mut reactor, _bell, started) = reactor(&ModelWaiting::new());
    let left = Rc::new(Cell::new(TASKS));
    let wakers: Rc<RefCell<Vec<Wakeable>>> = Rc::default();
    for _ in 0..TASKS {
        let (left, wakers) = (Rc::clone(&left), Rc::clone(&wakers));
        let done = Arc::new(AtomicU64::new(0));
        let mut polled = false;
        reactor.spawn(Box::pin(poll_fn(move |context| {
            if !std::mem::replace(&mut polled, true) {
                wakers.borrow_mut().push((Arc::clone(&done), context.waker().clone()));
                return Poll::Pending;
            }
            assert_eq!(done.load(Ordering::Relaxed), 1, "woken before it was done");
            left.set(left.get() - 1);
            Poll::Ready(())
        })));
    }
    let mut others = Vec::new();
    reactor.turn(&mut others);
    assert_eq!(wakers.borrow().len(), TASKS);
    started.set(true);
    let threads: Vec<_> = wakers
        .take()
        .into_iter()
        .map(|(done, waker)| {
            thread::spawn(move || {
                done.store(1, Ordering::Relaxed);
                waker.wake();
            })
        })
        .collect();
    while left.get() > 0 {
        reactor.turn(&mut others);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// One task, one thread.
pub(crate) fn one_task() {
    tasks_woken_by_threads::<1>();
}

/// Two: the reactor may hear of both at once.
fn two_tasks() {
    tasks_woken_by_threads::<2>();
}

#[test]
fn no_wake_up_of_a_task_is_lost() {
    check(5, one_task);
}

#[test]
fn wake_ups_that_come_together_are_all_heard() {
    check(3, two_tasks);
}
