//! With an honest service, whatever the order of its answers, each reaches the one who asked.

use crate::cases;
use crate::stage::{Conduct, Stage};
use dataplane::client::{AsyncQueue, ClientError, Notifier, Queue, wait_any};
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::platform::{Instant, Waiting, Wake};
use dataplane::{WaitMode, Word};
use proptest::prelude::*;
use rings::Geometry;
use std::collections::VecDeque;
use std::future::Future;
use std::ops::DerefMut;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

fn queue(stage: &Arc<Stage>, entries: u32, mode: WaitMode, script: Vec<u8>) -> Queue {
    stage.enter(Geometry::new(entries, entries).unwrap(), mode, Conduct::Honest, script)
}

/// A request whose answer must have `cookie` as its second result.
fn request(cookie: u64) -> Sqe {
    Sqe { offset: cookie, ..Sqe::new(Opcode::Getdents, Handle::NONE) }
}

proptest! {
    #![proptest_config(cases::cases(200))]

    #[test]
    fn each_answer_reaches_the_one_who_asked(
        shift in 1..5u32,
        mode in prop::sample::select(
            vec![WaitMode::Adaptive, WaitMode::Polling, WaitMode::Sleeping]
        ),
        seed in any::<u8>(),
        steps in prop::collection::vec((0..5u8, any::<usize>()), cases::steps(300)),
    ) {
        let stage = Arc::new(Stage::default());
        let script = (0..cases::steps(1_000_000).end as u32).map(|at| (at.wrapping_mul(167) >> 3) as u8 ^ seed).collect();
        let mut queue = queue(&stage, 1 << shift, mode, script);
        let (mut asked, mut forgotten, mut cookie) = (VecDeque::new(), 0u64, 0u64);
        for (step, which) in steps {
            match step {
                0 | 1 => {
                    cookie += 1;
                    match queue.submit(request(cookie)) {
                        Ok(ticket) => asked.push_back((ticket, cookie)),
                        Err(error) => prop_assert_eq!(error, ClientError::Full),
                    }
                }
                2 => if let Some(done) = queue.poll().unwrap() {
                    let at = asked.iter().position(|(ticket, _)| *ticket == done.ticket);
                    let (_, cookie) = asked.remove(at.unwrap()).unwrap();
                    prop_assert_eq!(done.aux, cookie);
                },
                3 => if !asked.is_empty() {
                    let (ticket, _) = asked.remove(which % asked.len()).unwrap();
                    queue.forget(ticket);
                    forgotten += 1;
                },
                _ => if !asked.is_empty() {
                    let (ticket, cookie) = asked.remove(which % asked.len()).unwrap();
                    let done = loop {
                        match queue.wait_for(ticket) {
                            Err(ClientError::Interrupted) => {}
                            done => break done.unwrap(),
                        }
                    };
                    prop_assert_eq!((done.ticket, done.aux), (ticket, cookie));
                },
            }
            let asked = asked.len() as u64;
            prop_assert!((asked..=asked + forgotten).contains(&queue.in_flight()));
        }
        // What was forgotten leaves its place to others as soon as it is answered.
        for (ticket, _) in asked {
            queue.forget(ticket);
        }
        while queue.in_flight() > 0 {
            let past = Some(stage.now().after_ns(10_000));
            let waited = queue.wait(past).map(|done| done.aux);
            prop_assert!(matches!(waited, Err(ClientError::TimedOut | ClientError::Interrupted)));
        }
        prop_assert_eq!(queue.safety_wakes(), 0);
    }
}

#[test]
fn a_service_that_dies_ends_the_wait() {
    for mode in [WaitMode::Adaptive, WaitMode::Polling, WaitMode::Sleeping] {
        let stage = Arc::new(Stage::default());
        // One answer, of several that are asked for.
        let mut queue = queue(&stage, 8, mode, vec![1, 0]);
        for cookie in 0..4 {
            queue.submit(request(cookie)).unwrap();
        }
        let ended = Err(ClientError::Ended(Errno::ENOTCONN));
        let wait = |queue: &mut Queue| loop {
            match queue.wait(None) {
                Err(ClientError::Interrupted) => {}
                done => return done.map(|done| done.aux),
            }
        };
        assert_eq!(wait(&mut queue), Ok(0));
        assert_eq!(wait(&mut queue), ended);
        assert_eq!(queue.submit(request(9)).map(drop), Err(ClientError::Ended(Errno::ENOTCONN)));
    }
}

#[test]
fn waiting_for_several_queues_finds_the_one_that_was_answered() {
    let stage = Arc::new(Stage::default());
    let mut silent = queue(&stage, 4, WaitMode::Sleeping, vec![1; 1_000]);
    let mut answered = queue(&stage, 4, WaitMode::Sleeping, vec![1; 1_000]);
    for cookie in 0..20 {
        answered.submit(request(cookie)).unwrap();
        let found = loop {
            match wait_any(&mut [&mut silent, &mut answered], None) {
                Err(ClientError::Interrupted) => {}
                found => break found.unwrap(),
            }
        };
        assert_eq!(found, 1);
        assert_eq!(answered.poll().unwrap().unwrap().aux, cookie);
    }
    let past = Some(Instant(0));
    let waited = wait_any(&mut [&mut silent, &mut answered], past);
    assert_eq!(waited, Err(ClientError::TimedOut));
    let nobody = wait_any(&mut [], None);
    assert_eq!(nobody, Err(ClientError::Service(Errno::EINVAL)));
}

#[test]
fn a_deadline_ends_a_wait_and_leaves_the_request_in_flight() {
    for mode in [WaitMode::Adaptive, WaitMode::Polling, WaitMode::Sleeping] {
        let stage = Arc::new(Stage::default());
        // Plays for long, and never answers: there is nothing open when it could.
        let mut queue = queue(&stage, 4, mode, vec![1; 10_000]);
        let deadline = stage.now().after_ns(50_000);
        let waited = loop {
            match queue.wait(Some(deadline)) {
                Err(ClientError::Interrupted) => {}
                waited => break waited,
            }
        };
        assert_eq!(waited.map(drop), Err(ClientError::TimedOut));
        assert!(stage.now() >= deadline);
    }
}

#[test]
fn who_sleeps_without_the_queue_is_woken_by_what_is_submitted_meanwhile() {
    let stage = Arc::new(Stage::default());
    let mut queue = queue(&stage, 4, WaitMode::Sleeping, vec![1; 10_000]);
    for cookie in 0..20 {
        let sleep = queue.announce_sleep().unwrap().unwrap();
        let ticket = queue.submit(request(cookie)).unwrap();
        // The stage's sleeps end for no reason too.
        while queue.announce_sleep().unwrap().is_some() {
            sleep.at_most(1_000);
        }
        assert_ne!(sleep.at_most(1), Wake::Deadline, "what came before the sleep has ended it");
        queue.end_sleep().unwrap();
        let done = queue.poll().unwrap().unwrap();
        assert_eq!((done.ticket, done.aux), (ticket, cookie));
    }
}

#[test]
fn a_cancellation_asks_for_the_request_and_is_not_heard_of_again() {
    let stage = Arc::new(Stage::default());
    let mut queue = queue(&stage, 4, WaitMode::Sleeping, vec![0; 10_000]);
    let ticket = queue.submit(request(7)).unwrap();
    queue.submit_cancel(ticket).unwrap();
    assert_eq!(queue.wait_for(ticket).unwrap().ticket, ticket);
    while queue.in_flight() > 0 {
        stage.step();
        assert_eq!(queue.poll().unwrap(), None);
    }
}

#[test]
fn completions_that_nobody_takes_fill_the_queue() {
    let stage = Arc::new(Stage::default());
    let mut queue =
        queue(&stage, 8, WaitMode::Sleeping, (0..1_000u32).map(|at| at as u8).collect());
    let asked: Vec<_> = std::iter::from_fn(|| queue.submit_waiting(request(0)).ok()).collect();
    assert!(asked.len() >= 8);
    assert_eq!(queue.submit_waiting(request(0)), Err(ClientError::Full));
    assert_eq!(queue.read_grant(Handle::NONE, 0, 1, |_| ()), Err(ClientError::Full));
    for ticket in asked {
        assert_eq!(queue.wait_for(ticket).unwrap().ticket, ticket, "nothing is lost");
    }
    assert_eq!(queue.in_flight(), 0);
}

/// What a pending future has left with the notifier.
#[derive(Default)]
struct Left(Mutex<Option<(Word, u64)>>);

impl Notifier for Left {
    fn notify(&self, word: &Word, value: u64, _: &Waker) {
        *self.0.lock().unwrap() = Some((word.clone(), value));
    }
}

#[test]
fn futures_are_answered_whoever_polls() {
    let stage = Arc::new(Stage::default());
    let script = (0..10_000u32).map(|at| (at >> 1) as u8).collect();
    let notifier = Arc::new(Left::default());
    let queue = AsyncQueue::new(queue(&stage, 8, WaitMode::Sleeping, script), notifier.clone());
    for round in 0..cases::steps(30).end as u64 {
        let mut responses: Vec<_> =
            (0..8).map(|at| Box::pin(queue.submit(request(round + at)))).collect();
        let mut full = pin!(queue.submit(request(0)));
        assert_eq!(poll(&mut full, &notifier).map_ok(drop), Poll::Ready(Err(ClientError::Full)));
        for (at, response) in responses.iter_mut().enumerate() {
            let done = loop {
                match poll(response, &notifier) {
                    Poll::Ready(done) => break done.unwrap(),
                    Poll::Pending => stage.step(),
                }
            };
            assert_eq!(done.aux, round + at as u64);
        }
        // One that is dropped while it waits gives its place back.
        drop(Box::pin(queue.submit(request(0))));
        while queue.with(|queue| queue.in_flight()) > 0 {
            stage.step();
            assert_eq!(queue.with(|queue| queue.poll().unwrap()), None);
        }
    }
}

/// Polls; what is pending must have left its waker, with a value that is not over: that would be a
/// lost wake-up.
fn poll<F: Future>(future: &mut Pin<impl DerefMut<Target = F>>, left: &Left) -> Poll<F::Output> {
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let left = left.0.lock().unwrap().take();
    match left {
        Some((word, value)) => assert_eq!(word.load(Ordering::Relaxed), value),
        None => assert!(polled.is_ready(), "nobody wakes what is pending"),
    }
    polled
}
