//! Peers that misuse what they share with us: sockets and doorbells.

use crate::subject::{LOST_NS, Report, Subject, packet, unit, with};
use crate::system;
use control::platform::{Channel, ChannelError, MAX_DESCRIPTORS, MAX_MESSAGE};
use dataplane::platform::{Token, Wake};
use platform::linux;
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::IoSlice;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("a vandal blocks nobody", vandal);
    check("messages that are too long are dropped", too_long);
    check("too many descriptors are closed", too_many);
    check("other users' descriptors are not taken", outsider);
    check("an empty message ends the channel", empty);
    check("a pipe is no doorbell", pipe);
    check("a message is dropped if its descriptors do not fit", none_left);
    check("clients are turned away when descriptors run out", turned_away);
    check("a signal ends a sleep", signal);
}

fn vandal(subject: &Subject) {
    let poller = subject.poller();
    let bell = subject.doorbells.create().unwrap();
    poller.add(&bell, Token(1)).unwrap();
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("vandal")).unwrap();
    poller.add(&started.channel.source(), Token(2)).unwrap();
    started.channel.send(&with(b"yours", &[&bell])).unwrap();
    // Both sources are ready, and looking at them does not block, however often.
    let mut seen = Vec::new();
    while !(seen.contains(&Token(1)) && seen.contains(&Token(2))) {
        seen.extend(subject.ready(&*poller));
    }
    for _ in 0..100 {
        subject.ready_now(&*poller);
        let received = started.channel.receive().unwrap();
        assert!(received.is_none_or(|message| message.bytes == b"done"));
    }
    spawner.kill(started.pid);
    subject.reaped(&*spawner, &started);
    poller.remove(&started.channel.source());
}

/// Sends what no channel of ours would.
fn send_raw(channel: &dyn Channel, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let source = channel.source();
    let socket = linux::as_fd(&source).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
}

fn too_long(subject: &Subject) {
    let (one, other) = subject.pair();
    let before = system::open_descriptors();
    let source = one.source();
    let socket = linux::as_fd(&source).unwrap();
    send_raw(&*one, &[1; MAX_MESSAGE + 1], &[socket]);
    one.send(&packet(b"an honest one")).unwrap();
    assert!(matches!(other.receive(), Err(ChannelError::TooLarge)));
    assert_eq!(system::open_descriptors(), before);
    assert_eq!(other.receive().unwrap().unwrap().bytes, b"an honest one");
}

fn too_many(subject: &Subject) {
    let (one, other) = subject.pair();
    let before = system::open_descriptors();
    let source = one.source();
    let socket = linux::as_fd(&source).unwrap();
    for count in [MAX_DESCRIPTORS + 1, 64] {
        send_raw(&*one, b"x", &vec![socket; count]);
        assert!(matches!(other.receive(), Err(ChannelError::TooLarge)));
        assert_eq!(system::open_descriptors(), before);
    }
    one.send(&packet(b"an honest one")).unwrap();
    assert_eq!(other.receive().unwrap().unwrap().bytes, b"an honest one");
}

fn outsider(subject: &Subject) {
    if !rustix::process::geteuid().is_root() {
        println!("    not observed: it takes root to become another user");
        return;
    }
    let address = format!("@conformance-{}-outsider", std::process::id());
    let listener = subject.listen(&address).unwrap();
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("outsider")).unwrap();
    started.channel.send(&packet(address.as_bytes())).unwrap();
    assert_eq!(started.channel.receive_within(Some(LOST_NS)).unwrap().bytes, b"sent");
    let server = listener.accept().unwrap();
    let before = system::open_descriptors();
    assert!(matches!(server.receive(), Err(ChannelError::TooLarge)));
    assert_eq!(system::open_descriptors(), before);
    assert_eq!(server.receive().unwrap().unwrap().bytes, b"an honest one");
    spawner.kill(started.pid);
    subject.reaped(&*spawner, &started);
}

fn empty(subject: &Subject) {
    let (one, other) = subject.pair();
    send_raw(&*one, b"", &[]);
    assert!(matches!(other.receive(), Err(ChannelError::Closed)));
}

fn pipe(subject: &Subject) {
    let (one, other) = subject.pair();
    let (_reader, writer) = std::io::pipe().unwrap();
    one.send(&with(b"a bell", &[&linux::descriptor(writer.into())])).unwrap();
    let received = other.receive_within(Some(LOST_NS)).unwrap();
    assert!(subject.doorbells.open(&received.descriptors[0]).is_err());
}

fn turned_away(subject: &Subject) {
    let address = format!("@conformance-{}-full", std::process::id());
    let listener = subject.listen(&address).unwrap();
    let clients = [(); 3].map(|()| subject.connect(&address).unwrap());
    let accepted = without_descriptors(|| listener.accept());
    assert!(accepted.is_none());
    for client in &clients {
        assert!(!client.is_connected());
    }
    let _late = subject.connect(&address).unwrap();
    assert!(listener.accept().is_some(), "it goes on");
}

fn none_left(subject: &Subject) {
    let (one, other) = subject.pair();
    one.send(&with(b"two", &[&one.source(), &one.source()])).unwrap();
    let received = without_descriptors(|| other.receive());
    assert!(matches!(received, Err(ChannelError::TooLarge)), "a message without its descriptors");
    one.send(&packet(b"next")).unwrap();
    assert_eq!(other.receive().unwrap().unwrap().bytes, b"next");
}

/// Does something while this process can open no descriptor.
fn without_descriptors<T>(act: impl FnOnce() -> T) -> T {
    let limits = getrlimit(Resource::Nofile);
    let highest = std::fs::read_dir("/proc/self/fd").unwrap();
    let highest = highest.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let highest: i32 = highest.map(|number| number.parse().unwrap()).max().unwrap();
    // All numbers up to one above the highest are taken, and the limit is set there.
    let mut filler: Vec<OwnedFd> = Vec::new();
    while filler.last().is_none_or(|last| last.as_raw_fd() <= highest) {
        filler.push(File::open("/dev/null").unwrap().into());
    }
    let current = filler.last().map(|last| u64::from(last.as_raw_fd().unsigned_abs()) + 1);
    setrlimit(Resource::Nofile, Rlimit { current, ..limits }).unwrap();
    let result = act();
    setrlimit(Resource::Nofile, limits).unwrap();
    result
}

fn signal(subject: &Subject) {
    let made = subject.memory.create(16, dataplane::platform::Writer::Client).unwrap();
    let region = subject.memory.map(&made.writable, dataplane::platform::Access::ReadWrite);
    let region = region.unwrap();
    let words = [region.word(0).unwrap(), region.word(8).unwrap()];
    let all = [(&words[0], 0), (&words[1], 0)];
    // Also if the handler asks for calls to be resumed, where the kernel can be kept from it.
    let cases = [(&all[..0], libc::SA_RESTART), (&all[..1], libc::SA_RESTART), (&all[..], 0)];
    for (words, flags) in cases {
        system::handle_signal(flags);
        let over = Arc::new(AtomicBool::new(false));
        let sleeping = system::this_thread();
        let ended = Arc::clone(&over);
        let signaller = thread::spawn(move || {
            // Again and again, as the first may come before the sleep.
            while !ended.load(Ordering::Relaxed) {
                system::signal(sleeping);
                thread::yield_now();
            }
        });
        while subject.waiting.sleep_on(words, None) != Wake::Signal {}
        over.store(true, Ordering::Relaxed);
        signaller.join().unwrap();
    }
}
