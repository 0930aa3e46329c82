//! Calls that block: on other threads, a bounded number of them, and futures that can be dropped.

use crate::subject::{Report, Subject};
use dataplane::platform::{Doorbell, Offload, Poller};
use platform::offload::{Leftovers, Lost, Offloaded, call};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Threads of a pool under test.
const THREADS: usize = 3;
/// Rounds in which one lost wake-up would end the check.
const ROUNDS: u32 = 2_000;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("offload: an answer wakes the poller", wakes_the_poller);
    check("offload: calls overlap, as many as there are threads", overlap);
    check("offload: threads start on demand, and end with the pool", on_demand);
    check("offload: dropped while it runs", dropped_while_running);
    check("offload: dropped before it runs", dropped_before_running);
    check("offload: what is given up while it runs is waited for", leftovers);
    check("offload: a call that panics is lost, and no other", panics);
    check("offload: what was not begun is lost with the pool", pool_ends);
}

/// Wakes a poller, as the reactor's wakers do.
struct Ringer(Arc<dyn Doorbell>);

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

/// Waits for an answer as a reactor does: asleep in its poller.
fn answer<T>(poller: &dyn Poller, mut call: Offloaded<T>) -> Result<T, Lost> {
    let waker = Waker::from(Arc::new(Ringer(poller.waker())));
    let mut context = Context::from_waker(&waker);
    let mut ready = Vec::new();
    loop {
        if let Poll::Ready(answer) = Pin::new(&mut call).poll(&mut context) {
            return answer;
        }
        // Without a deadline: if a wake-up is lost, this never returns.
        poller.wait(None, &mut ready);
    }
}

/// A call that waits until it is told to go on, and says when it has begun.
fn held(offload: &dyn Offload) -> (Offloaded<()>, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = channel();
    let (go_on, may_go_on) = channel();
    let call = call(offload, move || {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
    });
    (call, has_begun, go_on)
}

fn wakes_the_poller(subject: &Subject) {
    let (offload, poller) = (subject.offload(THREADS), subject.poller());
    let here = thread::current().id();
    for round in 0..ROUNDS {
        let other = call(&*offload, move || (round, thread::current().id()));
        let (answered, there) = answer(&*poller, other).unwrap();
        assert_eq!(answered, round);
        assert_ne!(there, here);
    }
}

fn overlap(subject: &Subject) {
    let (offload, poller) = (subject.offload(THREADS), subject.poller());
    let together = Arc::new(Barrier::new(THREADS));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let calls: Vec<_> = (0..THREADS * 10)
        .map(|_| {
            let (together, running) = (Arc::clone(&together), Arc::clone(&running));
            let most = Arc::clone(&most);
            call(&*offload, move || {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                // Returns only if so many are in it at the same time.
                together.wait();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    calls.into_iter().for_each(|call| answer(&*poller, call).unwrap());
    assert_eq!(most.load(Ordering::SeqCst), THREADS);
}

fn threads() -> usize {
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(name);
    tasks.filter(|name| name == "offload\n").count()
}

/// Waits until there are so many threads of pools.
fn until_threads(subject: &Subject, count: usize) {
    let lost = subject.lost().unwrap();
    while threads() != count {
        assert!(subject.waiting.now() < lost, "{} threads, not {count}", threads());
        subject.waiting.yield_now();
    }
}

fn on_demand(subject: &Subject) {
    // Those of the checks before have to end first.
    until_threads(subject, 0);
    // Two at most: a third, begun because one was not yet idle, could end at the same time as another.
    let (offload, poller) = (subject.offload(2), subject.poller());
    // A thread of the checks before may have begun and got its name just now.
    until_threads(subject, 0);
    answer(&*poller, call(&*offload, || ())).unwrap();
    until_threads(subject, 1);
    let (one, begun, go_on) = held(&*offload);
    begun.recv().unwrap();
    until_threads(subject, 1);
    answer(&*poller, call(&*offload, || ())).unwrap();
    until_threads(subject, 2);
    go_on.send(()).unwrap();
    answer(&*poller, one).unwrap();
    drop(offload);
    until_threads(subject, 0);
}

/// Tells when it is dropped.
struct Telling(Sender<thread::ThreadId>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

fn dropped_while_running(subject: &Subject) {
    let (offload, poller) = (subject.offload(1), subject.poller());
    let (begun, has_begun) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let (told, dropped) = channel();
    let pending = call(&*offload, move || {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        Telling(told)
    });
    has_begun.recv().unwrap();
    drop(pending);
    go_on.send(()).unwrap();
    assert_ne!(dropped.recv().unwrap(), thread::current().id(), "its answer goes over there");
    assert_eq!(answer(&*poller, call(&*offload, || 5)), Ok(5));
}

fn dropped_before_running(subject: &Subject) {
    let (offload, poller) = (subject.offload(1), subject.poller());
    let (one, begun, go_on) = held(&*offload);
    begun.recv().unwrap();
    let made = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let made = Arc::clone(&made);
        drop(call(&*offload, move || made.fetch_add(1, Ordering::SeqCst)));
    }
    let last = call(&*offload, || ());
    go_on.send(()).unwrap();
    answer(&*poller, one).unwrap();
    answer(&*poller, last).unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 0);
}

/// Whether a future is ready.
fn is_ready<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn leftovers(subject: &Subject) {
    let offload = subject.offload(1);
    let leftovers = Leftovers::default();
    let held = |leftovers: &Leftovers| {
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel();
        let call = leftovers.call(&*offload, move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        });
        (call, has_begun, go_on)
    };
    assert!(is_ready(&mut Box::pin(leftovers.settled())), "nothing was given up");
    // One that is wanted is not waited for, and one that has not begun never does.
    let (wanted, has_begun, go_on) = held(&leftovers);
    has_begun.recv().unwrap();
    let (never, not_begun, _) = held(&leftovers);
    drop(never);
    assert!(is_ready(&mut Box::pin(leftovers.settled())), "nothing was given up while it ran");
    drop(wanted);
    let mut settled = Box::pin(leftovers.settled());
    assert!(!is_ready(&mut settled), "it was given up, and runs");
    go_on.send(()).unwrap();
    let poller = subject.poller();
    let waker = Waker::from(Arc::new(Ringer(poller.waker())));
    let mut ready = Vec::new();
    while settled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        // Without a deadline: if a wake-up is lost, this never returns.
        poller.wait(None, &mut ready);
    }
    assert!(not_begun.recv().is_err(), "it was given up before it began, and ran");
    // A panic is an end, too; of what is given up after the question nobody asked.
    let (later, has_begun, go_on) = held(&leftovers);
    has_begun.recv().unwrap();
    let mut before = Box::pin(leftovers.settled());
    assert!(is_ready(&mut before));
    drop(later);
    drop(go_on);
    let mut after = Box::pin(leftovers.settled());
    while after.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        poller.wait(None, &mut ready);
    }
}

fn panics(subject: &Subject) {
    let (offload, poller) = (subject.offload(1), subject.poller());
    let lost = call(&*offload, || {
        // Without a report: it is meant to happen.
        std::panic::resume_unwind(Box::new("as it should"));
    });
    let next = call(&*offload, || 6);
    assert_eq!(answer(&*poller, lost).err(), Some(Lost));
    assert_eq!(answer(&*poller, next), Ok(6));
}

fn pool_ends(subject: &Subject) {
    let (offload, poller) = (subject.offload(1), subject.poller());
    let (one, begun, go_on) = held(&*offload);
    begun.recv().unwrap();
    let waiting = call(&*offload, || ());
    drop(offload);
    assert_eq!(answer(&*poller, waiting), Err(Lost));
    go_on.send(()).unwrap();
    assert_eq!(answer(&*poller, one), Ok(()), "what was begun is answered");
}
