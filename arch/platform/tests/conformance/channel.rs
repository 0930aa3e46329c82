//! Channels: order, boundaries, descriptors, limits, and ends.

use crate::subject::{LOST_NS, Report, Subject, packet, with};
use control::platform::{Channel, ChannelError, MAX_DESCRIPTORS, MAX_MESSAGE, Packet};
use dataplane::platform::{Access, Token, Writer};
use rings::sync::Ordering;
use std::sync::Arc;
use std::thread;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("messages keep order and boundaries", order_and_boundaries);
    check("a region passes, and is the same", region_passes);
    check("a doorbell passes, and rings", doorbell_passes);
    check("a channel's end passes along", many_descriptors);
    check("too large is refused, and nothing is sent", too_large);
    check("a peer that does not read fills its queue", full);
    check("a dropped end closes the other, behind its messages", closed);
    check("a closed end that left messages unread", closed_unread);
    check("waiting for a message", receive_within);
    check("the peer is known", peer);
    check("another platform's descriptor is not sent", foreign);
}

fn received(channel: &dyn Channel) -> Packet {
    channel.receive_within(Some(LOST_NS)).unwrap()
}

fn order_and_boundaries(subject: &Subject) {
    let (one, other) = subject.pair();
    assert!(matches!(other.receive(), Ok(None)));
    let sizes = [1, 2, 100, MAX_MESSAGE, 7];
    for (size, byte) in sizes.into_iter().zip(1..) {
        one.send(&packet(&vec![byte; size])).unwrap();
    }
    other.send(&packet(b"the other way")).unwrap();
    for (size, byte) in sizes.into_iter().zip(1..) {
        assert_eq!(received(&*other).bytes, vec![byte; size]);
    }
    assert_eq!(received(&*one).bytes, b"the other way");
    assert!(matches!(other.receive(), Ok(None)));
}

fn region_passes(subject: &Subject) {
    let (one, other) = subject.pair();
    let made = subject.memory.create(4096, Writer::Client).unwrap();
    let ours = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
    one.send(&with(b"rw, ro", &[&made.writable, &made.read_only])).unwrap();
    drop(made);
    let [writable, read_only] = received(&*other).descriptors.try_into().ok().unwrap();
    let theirs = subject.memory.map(&writable, Access::ReadWrite).unwrap();
    theirs.store(8, 6, Ordering::Release).unwrap();
    assert_eq!(ours.load(8, Ordering::Acquire), Ok(6));
    assert!(subject.memory.map(&read_only, Access::ReadWrite).is_err());
}

fn doorbell_passes(subject: &Subject) {
    let (one, other) = subject.pair();
    let bell = subject.doorbells.create().unwrap();
    let poller = subject.poller();
    poller.add(&bell, Token(3)).unwrap();
    one.send(&with(b"bell", &[&bell])).unwrap();
    let theirs = received(&*other).descriptors.remove(0);
    subject.doorbells.open(&theirs).unwrap().ring();
    assert_eq!(subject.ready(&*poller), [Token(3)]);
}

fn many_descriptors(subject: &Subject) {
    let (one, other) = subject.pair();
    let sources: Vec<_> = (0..MAX_DESCRIPTORS).map(|_| one.source()).collect();
    let sources: Vec<_> = sources.iter().collect();
    one.send(&with(b"x", &sources)).unwrap();
    assert_eq!(received(&*other).descriptors.len(), MAX_DESCRIPTORS);
}

fn too_large(subject: &Subject) {
    let (one, other) = subject.pair();
    let bell = subject.doorbells.create().unwrap();
    let refused = Err(ChannelError::TooLarge);
    assert_eq!(one.send(&packet(&[0; MAX_MESSAGE + 1])), refused);
    assert_eq!(one.send(&packet(b"")), refused);
    assert_eq!(one.send(&with(b"x", &[&bell; MAX_DESCRIPTORS + 1])), refused);
    assert!(matches!(other.receive(), Ok(None)));
}

fn full(subject: &Subject) {
    let (one, other) = subject.pair();
    let bell = subject.doorbells.create().unwrap();
    let message = with(&[7; 64], &[&bell]);
    let mut sent = 0u32;
    let refusal = loop {
        match one.send(&message) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 100_000, "a queue without end");
    };
    assert_eq!(refusal, ChannelError::Full);
    for _ in 0..sent {
        assert_eq!(received(&*other).bytes, [7; 64]);
    }
    assert_eq!(one.send(&message), Ok(()), "there is room again");
}

fn closed(subject: &Subject) {
    let (one, other) = subject.pair();
    assert!(other.is_connected());
    one.send(&packet(b"last words")).unwrap();
    drop(one);
    assert!(!other.is_connected());
    assert_eq!(received(&*other).bytes, b"last words");
    assert!(matches!(other.receive(), Err(ChannelError::Closed)));
    assert_eq!(other.send(&packet(b"x")), Err(ChannelError::Closed));
    let waited = other.receive_within(None);
    assert!(matches!(waited, Err(ChannelError::Closed)));
}

fn closed_unread(subject: &Subject) {
    let (one, other) = subject.pair();
    other.send(&packet(b"never read")).unwrap();
    one.send(&packet(b"last words")).unwrap();
    drop(one);
    assert_eq!(received(&*other).bytes, b"last words");
    assert!(matches!(other.receive(), Err(ChannelError::Closed)));
}

fn receive_within(subject: &Subject) {
    let (one, other) = subject.pair();
    let timed_out = other.receive_within(Some(1_000_000));
    assert!(matches!(timed_out, Err(ChannelError::TimedOut)));
    let timed_out = other.receive_within(Some(0));
    assert!(matches!(timed_out, Err(ChannelError::TimedOut)));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| other.receive_within(None).unwrap().bytes);
        one.send(&packet(b"now")).unwrap();
        assert_eq!(waiter.join().unwrap(), b"now");
        // The end of a peer ends a wait, too.
        let waiter = scope.spawn(|| other.receive_within(None).err());
        drop(one);
        assert_eq!(waiter.join().unwrap(), Some(ChannelError::Closed));
    });
}

fn peer(subject: &Subject) {
    let (one, other) = subject.pair();
    assert_eq!(one.peer().pid, std::process::id());
    assert_eq!(one.peer(), other.peer());
}

fn foreign(subject: &Subject) {
    let (one, other) = subject.pair();
    let foreign = Arc::new(0u8) as dataplane::Descriptor;
    let sent = one.send(&with(b"x", &[&foreign]));
    assert_eq!(sent, Err(ChannelError::WrongDescriptor));
    assert!(matches!(other.receive(), Ok(None)));
}
