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
    Take(Who, Span, Kind),
    Wait(Who, Span, Kind),
    Unlock(Who, Span),
    Cancel(usize),
    Close(Who),
}

/// An owner, and which of its handles.
type Who = (usize, usize);

/// The owners of the model have handles of their own: two where they are numbers.
fn asker((owner, handle): Who) -> Asker {
    let session = SessionId(owner as u64 % 2);
    let slot = u32::try_from(2 * owner + if owner < 2 { handle } else { 0 }).unwrap();
    let through = Handle { slot, generation: 1 };
    let owner = if owner < 2 {
        Owner::Number(session, owner as u64)
    } else {
        Owner::Handle(session, through.to_word())
    };
    Asker { file: 1, owner, through, most: 1024 }
}

type Task<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

fn poll(task: &mut Task<'_>) -> Option<Result<()>> {
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

struct Waiting<'a> {
    who: Who,
    lock: Lock,
    task: Task<'a>,
}

struct Run<'a> {
    table: &'a LockTable,
    naive: [[Option<(Kind, Handle)>; BYTES]; OWNERS],
    queue: Vec<Waiting<'a>>,
}

fn bytes(span: Span) -> core::ops::RangeInclusive<usize> {
    usize::try_from(span.first).unwrap()..=usize::try_from(span.last).unwrap()
}

impl<'a> Run<'a> {
    fn blockers(&self, owner: usize, lock: Lock) -> Vec<usize> {
        let others = (0..OWNERS).filter(|other| *other != owner);
        let blocks = |other: &usize| {
            bytes(lock.span)
                .any(|b| self.naive[*other][b].is_some_and(|(k, _)| !k.bears(lock.kind)))
        };
        others.filter(blocks).collect()
    }

    fn is_circle(&self, owner: usize, lock: Lock) -> bool {
        let mut reached = [false; OWNERS];
        let mut next = self.blockers(owner, lock);
        while let Some(at) = next.pop() {
            if !core::mem::replace(&mut reached[at], true) {
                let waits = self.queue.iter().filter(|waiting| waiting.who.0 == at);
                next.extend(waits.flat_map(|waiting| self.blockers(at, waiting.lock)));
            }
        }
        reached[owner]
    }

    fn set(&mut self, who: Who, span: Span, kind: Option<Kind>) {
        let new = kind.map(|kind| (kind, asker(who).through));
        bytes(span).for_each(|byte| self.naive[who.0][byte] = new);
    }

    /// Ends what waits in a circle with this owner, whose lock is new.
    fn break_circles(&mut self, owner: usize) {
        let mut place = 0;
        while let Some(waiting) = self.queue.get(place) {
            if waiting.who.0 == owner && self.is_circle(owner, waiting.lock) {
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
            self.queue.iter().position(|w| self.blockers(w.who.0, w.lock).is_empty())
        {
            let mut had = self.queue.remove(place);
            assert_eq!(poll(&mut had.task), Some(Ok(())));
            self.set(had.who, had.lock.span, Some(had.lock.kind));
            self.break_circles(had.who.0);
        }
    }

    fn expect(&self, who: Who, lock: Lock) {
        let found = self.table.test(asker(who), lock);
        let blockers = self.blockers(who.0, lock);
        assert_eq!(found.is_some(), !blockers.is_empty());
        if let Some(found) = found {
            assert!(blockers.iter().any(|blocker| asker((*blocker, 0)).owner == found.owner));
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Take(who, span, kind) => {
                let lock = Lock { span, kind };
                self.expect(who, lock);
                let free = self.blockers(who.0, lock).is_empty();
                let expected = if free { Ok(()) } else { Err(Errno::EAGAIN) };
                assert_eq!(self.table.take(asker(who), lock), expected);
                if free {
                    self.set(who, span, Some(kind));
                    self.settle();
                    self.break_circles(who.0);
                }
            }
            Step::Wait(who, span, kind) => {
                let lock = Lock { span, kind };
                let mut task: Task<'a> = Box::pin(self.table.wait(asker(who), lock));
                let answer = poll(&mut task);
                if self.blockers(who.0, lock).is_empty() {
                    assert_eq!(answer, Some(Ok(())));
                    self.set(who, span, Some(kind));
                    self.settle();
                    self.break_circles(who.0);
                } else if self.is_circle(who.0, lock) {
                    assert_eq!(answer, Some(Err(Errno::EDEADLK)));
                } else {
                    assert_eq!(answer, None);
                    self.queue.push(Waiting { who, lock, task });
                }
            }
            Step::Unlock(who, span) => {
                assert_eq!(self.table.unlock(asker(who), span), Ok(()));
                self.set(who, span, None);
            }
            Step::Cancel(place) => {
                if place < self.queue.len() {
                    drop(self.queue.remove(place));
                }
            }
            Step::Close(who) => {
                let asker = asker(who);
                self.table.closed(asker.file, asker.owner.session(), asker.through);
                for byte in &mut self.naive[who.0] {
                    byte.take_if(|(_, through)| *through == asker.through);
                }
                let through = |waiting: &mut Waiting<'_>| waits_through(waiting, asker);
                for mut gone in self.queue.extract_if(.., through) {
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

fn waits_through(waiting: &Waiting<'_>, closed: Asker) -> bool {
    asker(waiting.who).through == closed.through
}

fn step() -> impl Strategy<Value = Step> {
    let who = (0..OWNERS, 0..2usize);
    let span = (0..BYTES as u64, 0..BYTES as u64)
        .prop_map(|(a, b)| Span { first: a.min(b), last: a.max(b) });
    let kind = prop_oneof![Just(Kind::Shared), Just(Kind::Exclusive)];
    let lock = (who.clone(), span.clone(), kind);
    prop_oneof![
        2 => lock.clone().prop_map(|(who, span, kind)| Step::Take(who, span, kind)),
        4 => lock.prop_map(|(who, span, kind)| Step::Wait(who, span, kind)),
        4 => (who.clone(), span).prop_map(|(who, span)| Step::Unlock(who, span)),
        1 => (0..4usize).prop_map(Step::Cancel),
        1 => who.prop_map(Step::Close),
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
    table.take(asker((0, 0)), Lock { span: span(3, 3), kind: Kind::Exclusive }).unwrap();
    table.take(asker((3, 0)), Lock { span: span(0, 1), kind: Kind::Exclusive }).unwrap();
    let mut ahead: Task<'_> = Box::pin(table.wait(asker((1, 0)), all));
    assert_eq!(poll(&mut ahead), None);
    let mut behind: Task<'_> = Box::pin(table.wait(asker((0, 0)), all));
    assert_eq!(poll(&mut behind), None);
    table.unlock(asker((3, 0)), span(0, 1)).unwrap();
    assert_eq!((poll(&mut behind), poll(&mut ahead)), (Some(Ok(())), Some(Ok(()))));
}
