//! The table against a model that knows every byte's locks, and no order but that of the queue.

use super::{Asker, Kind, Lock, LockTable, Owner, Span};
use crate::error::Result;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};
use proptest::prelude::*;

const BYTES: usize = 8;
const OWNERS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Take(usize, Span, Kind),
    Wait(usize, Span, Kind),
    Unlock(usize, Span),
    Cancel(usize),
    Close(usize),
}

/// An owner of the model has a handle of its own.
fn asker(owner: usize) -> Asker {
    let session = SessionId(owner as u64 % 2);
    let through = Handle { slot: u32::try_from(owner).unwrap(), generation: 1 };
    let owner = if owner < 2 {
        Owner::Number(session, owner as u64)
    } else {
        Owner::Handle(session, through.to_word())
    };
    Asker { file: 1, owner, through }
}

type Task<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

fn poll(task: &mut Task<'_>) -> Option<Result<()>> {
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

struct Waiting<'a> {
    owner: usize,
    lock: Lock,
    task: Task<'a>,
}

struct Run<'a> {
    table: &'a LockTable,
    naive: [[Option<Kind>; BYTES]; OWNERS],
    queue: Vec<Waiting<'a>>,
}

fn bytes(span: Span) -> core::ops::RangeInclusive<usize> {
    usize::try_from(span.first).unwrap()..=usize::try_from(span.last).unwrap()
}

impl<'a> Run<'a> {
    fn blockers(&self, owner: usize, lock: Lock) -> Vec<usize> {
        let others = (0..OWNERS).filter(|other| *other != owner);
        let blocks = |other: &usize| {
            bytes(lock.span).any(|b| self.naive[*other][b].is_some_and(|k| !k.bears(lock.kind)))
        };
        others.filter(blocks).collect()
    }

    fn is_circle(&self, owner: usize, lock: Lock) -> bool {
        let mut reached = [false; OWNERS];
        let mut next = self.blockers(owner, lock);
        while let Some(at) = next.pop() {
            if !core::mem::replace(&mut reached[at], true) {
                let waits = self.queue.iter().filter(|waiting| waiting.owner == at);
                next.extend(waits.flat_map(|waiting| self.blockers(at, waiting.lock)));
            }
        }
        reached[owner]
    }

    fn set(&mut self, owner: usize, span: Span, kind: Option<Kind>) {
        bytes(span).for_each(|byte| self.naive[owner][byte] = kind);
    }

    /// Ends what waits in a circle with this owner, whose lock is new.
    fn break_circles(&mut self, owner: usize) {
        let mut place = 0;
        while let Some(waiting) = self.queue.get(place) {
            if waiting.owner == owner && self.is_circle(owner, waiting.lock) {
                let mut gone = self.queue.remove(place);
                assert_eq!(poll(&mut gone.task), Some(Err(Errno::EDEADLK)));
            } else {
                place += 1;
            }
        }
    }

    /// Expects the locks to be given that can be had.
    fn settle(&mut self) {
        while let Some(place) =
            self.queue.iter().position(|w| self.blockers(w.owner, w.lock).is_empty())
        {
            let mut had = self.queue.remove(place);
            assert_eq!(poll(&mut had.task), Some(Ok(())));
            self.set(had.owner, had.lock.span, Some(had.lock.kind));
            self.break_circles(had.owner);
        }
    }

    fn expect(&self, owner: usize, lock: Lock) {
        let found = self.table.test(asker(owner), lock);
        let blockers = self.blockers(owner, lock);
        assert_eq!(found.is_some(), !blockers.is_empty());
        if let Some(found) = found {
            assert!(blockers.iter().any(|blocker| asker(*blocker).owner == found.owner));
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Take(owner, span, kind) => {
                let lock = Lock { span, kind };
                self.expect(owner, lock);
                let free = self.blockers(owner, lock).is_empty();
                let expected = if free { Ok(()) } else { Err(Errno::EAGAIN) };
                assert_eq!(self.table.take(asker(owner), lock), expected);
                if free {
                    self.set(owner, span, Some(kind));
                    self.settle();
                    self.break_circles(owner);
                }
            }
            Step::Wait(owner, span, kind) => {
                let lock = Lock { span, kind };
                let mut task: Task<'a> = Box::pin(self.table.wait(asker(owner), lock));
                let answer = poll(&mut task);
                if self.blockers(owner, lock).is_empty() {
                    assert_eq!(answer, Some(Ok(())));
                    self.set(owner, span, Some(kind));
                    self.settle();
                    self.break_circles(owner);
                } else if self.is_circle(owner, lock) {
                    assert_eq!(answer, Some(Err(Errno::EDEADLK)));
                } else {
                    assert_eq!(answer, None);
                    self.queue.push(Waiting { owner, lock, task });
                }
            }
            Step::Unlock(owner, span) => {
                assert_eq!(self.table.unlock(asker(owner), span), Ok(()));
                self.set(owner, span, None);
            }
            Step::Cancel(place) => {
                if place < self.queue.len() {
                    drop(self.queue.remove(place));
                }
            }
            Step::Close(owner) => {
                let asker = asker(owner);
                self.table.closed(asker.file, asker.owner.session(), asker.through);
                self.naive[owner] = [None; BYTES];
                for mut gone in self.queue.extract_if(.., |waiting| waiting.owner == owner) {
                    assert_eq!(poll(&mut gone.task), Some(Err(Errno::ECANCELED)));
                }
            }
        }
        self.settle();
        for waiting in &mut self.queue {
            assert_eq!(poll(&mut waiting.task), None, "{:?}", waiting.lock);
        }
        assert_eq!(self.table.counts().1, self.queue.len());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..OWNERS;
    let span = (0..BYTES as u64, 0..BYTES as u64)
        .prop_map(|(a, b)| Span { first: a.min(b), last: a.max(b) });
    let kind = prop_oneof![Just(Kind::Shared), Just(Kind::Exclusive)];
    let lock = (owner.clone(), span.clone(), kind);
    prop_oneof![
        2 => lock.clone().prop_map(|(owner, span, kind)| Step::Take(owner, span, kind)),
        4 => lock.prop_map(|(owner, span, kind)| Step::Wait(owner, span, kind)),
        4 => (owner.clone(), span).prop_map(|(owner, span)| Step::Unlock(owner, span)),
        1 => (0..4usize).prop_map(Step::Cancel),
        1 => owner.prop_map(Step::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn locks_are_had_as_in_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let table = LockTable::default();
        let mut run = Run { table: &table, naive: Default::default(), queue: Vec::new() };
        for step in &steps {
            run.step(step);
        }
        drop(run);
        for session in [SessionId(0), SessionId(1)] {
            table.session_closed(session);
        }
        prop_assert_eq!(table.counts(), (0, 0));
        let state = table.state.borrow();
        prop_assert!(state.files.is_empty() && state.outcomes.is_empty());
    }
}

#[test]
fn one_who_takes_less_than_before_lets_those_ahead_on() {
    let table = LockTable::default();
    let span = |first, last| Span { first, last };
    let all = Lock { span: span(0, 3), kind: Kind::Shared };
    table.take(asker(0), Lock { span: span(3, 3), kind: Kind::Exclusive }).unwrap();
    table.take(asker(3), Lock { span: span(0, 1), kind: Kind::Exclusive }).unwrap();
    let mut ahead: Task<'_> = Box::pin(table.wait(asker(1), all));
    assert_eq!(poll(&mut ahead), None);
    let mut behind: Task<'_> = Box::pin(table.wait(asker(0), all));
    assert_eq!(poll(&mut behind), None);
    table.unlock(asker(3), span(0, 1)).unwrap();
    assert_eq!((poll(&mut behind), poll(&mut ahead)), (Some(Ok(())), Some(Ok(()))));
}
