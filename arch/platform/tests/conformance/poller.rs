//! Doorbells, and waiting for many sources.

use crate::subject::{Report, Subject, packet};
use dataplane::platform::{Access, MemoryError, Token, Writer};
use std::sync::Arc;
use std::thread;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("every ring is reported once", every_ring_is_reported_once);
    check("a ring before it is watched", ring_before_watching);
    check("a ring before it is waited for", ring_before_waiting);
    check("a ring from another thread", ring_from_another_thread);
    check("the waker, before and during a wait", waker);
    check("a removed source is silent", removal);
    check("a source can be added again", added_again);
    check("messages and hang-up are reported", messages_and_hang_up);
    check("a deadline ends a wait", deadline);
    check("what is no source or doorbell is refused", wrong_descriptors);
}

fn every_ring_is_reported_once(subject: &Subject) {
    let poller = subject.poller();
    let bells = [(); 3].map(|()| subject.doorbells.create().unwrap());
    for (bell, token) in bells.iter().zip(0..) {
        poller.add(bell, Token(token)).unwrap();
    }
    assert!(subject.ready_now(&*poller).is_empty());
    for _ in 0..3 {
        // Nobody ever reads a doorbell: each ring is an edge of its own.
        subject.doorbells.open(&bells[2]).unwrap().ring();
        assert_eq!(subject.ready(&*poller), [Token(2)]);
        assert!(subject.ready_now(&*poller).is_empty());
    }
    for bell in &bells[..2] {
        subject.doorbells.open(bell).unwrap().ring();
    }
    let mut ready = subject.ready(&*poller);
    ready.sort();
    assert_eq!(ready, [Token(0), Token(1)]);
}

fn ring_before_watching(subject: &Subject) {
    let bell = subject.doorbells.create().unwrap();
    subject.doorbells.open(&bell).unwrap().ring();
    let poller = subject.poller();
    poller.add(&bell, Token(5)).unwrap();
    assert_eq!(subject.ready(&*poller), [Token(5)]);
}

fn ring_before_waiting(subject: &Subject) {
    let poller = subject.poller();
    let bell = subject.doorbells.create().unwrap();
    poller.add(&bell, Token(u64::MAX)).unwrap();
    let ringer = subject.doorbells.open(&bell).unwrap();
    ringer.ring();
    ringer.ring();
    assert_eq!(subject.ready(&*poller), [Token(u64::MAX)]);
}

fn ring_from_another_thread(subject: &Subject) {
    let poller = subject.poller();
    let bell = subject.doorbells.create().unwrap();
    poller.add(&bell, Token(1)).unwrap();
    let ringer = subject.doorbells.open(&bell).unwrap();
    for _ in 0..500 {
        thread::scope(|scope| {
            scope.spawn(|| ringer.ring());
            assert_eq!(subject.ready(&*poller), [Token(1)]);
        });
    }
}

fn waker(subject: &Subject) {
    let poller = subject.poller();
    let waker = poller.waker();
    waker.ring();
    let mut ready = Vec::new();
    // Without a deadline: if the waker is lost, this never returns.
    poller.wait(None, &mut ready);
    thread::scope(|scope| {
        scope.spawn(|| waker.ring());
        poller.wait(None, &mut ready);
    });
    assert!(ready.is_empty(), "the waker is no source");
}

fn removal(subject: &Subject) {
    let poller = subject.poller();
    let bells = [(); 2].map(|()| subject.doorbells.create().unwrap());
    for (bell, token) in bells.iter().zip(0..) {
        poller.add(bell, Token(token)).unwrap();
    }
    poller.remove(&bells[0]);
    poller.remove(&bells[0]);
    for bell in &bells {
        subject.doorbells.open(bell).unwrap().ring();
    }
    assert_eq!(subject.ready(&*poller), [Token(1)]);
    assert!(subject.ready_now(&*poller).is_empty());
}

fn added_again(subject: &Subject) {
    let poller = subject.poller();
    let bell = subject.doorbells.create().unwrap();
    poller.add(&bell, Token(1)).unwrap();
    poller.add(&bell, Token(2)).unwrap();
    subject.doorbells.open(&bell).unwrap().ring();
    assert_eq!(subject.ready(&*poller), [Token(2)]);
}

fn messages_and_hang_up(subject: &Subject) {
    let poller = subject.poller();
    let (ours, theirs) = subject.pair();
    poller.add(&ours.source(), Token(1)).unwrap();
    assert!(subject.ready_now(&*poller).is_empty());
    for _ in 0..2 {
        theirs.send(&packet(b"x")).unwrap();
        assert_eq!(subject.ready(&*poller), [Token(1)]);
        while ours.receive().unwrap().is_some() {}
        assert!(subject.ready_now(&*poller).is_empty());
    }
    drop(theirs);
    assert_eq!(subject.ready(&*poller), [Token(1)]);
    assert!(ours.receive().is_err());
}

fn deadline(subject: &Subject) {
    let poller = subject.poller();
    let deadline = subject.waiting.now().after_ns(1_500_000);
    let mut ready = Vec::new();
    while subject.waiting.now() < deadline {
        // A wait may end early, by a signal for example, but never late without end.
        poller.wait(Some(deadline), &mut ready);
    }
    assert!(ready.is_empty());
}

fn wrong_descriptors(subject: &Subject) {
    let poller = subject.poller();
    let foreign = Arc::new("another platform's") as dataplane::Descriptor;
    let refused = Err(MemoryError::WrongDescriptor);
    assert_eq!(poller.add(&foreign, Token(1)), refused);
    let region = subject.memory.create(1, Writer::Client).unwrap();
    assert_eq!(poller.add(&region.writable, Token(1)), refused);
    let (channel, _other) = subject.pair();
    for no_bell in [&foreign, &region.writable, &channel.source()] {
        assert_eq!(subject.doorbells.open(no_bell).err(), refused.err());
    }
    let bell = subject.doorbells.create().unwrap();
    for no_region in [&foreign, &bell, &channel.source()] {
        let mapped = subject.memory.map(no_region, Access::ReadOnly);
        assert_eq!(mapped.err(), refused.err());
    }
}
