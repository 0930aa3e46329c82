//! A client that dies at one step of a request, by a signal.

use crate::common::raw::{RawClient, RawSession, Wish};
use control::message::{ClientMessage, Header, Message, Tell};

use dataplane::entry::{Handle, Opcode, Sqe};
use dataplane::file::{OpenFlags, Request};
use dataplane::grant::GrantId;
use dataplane::platform::Access;
use platform::linux;
use rings::SQE_WORDS;
use rings::layout::CLIENT_SLOTS;
use rings::sync::Ordering;
use rustix::io::IoSlice;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Signal, getpid, kill_process};
use std::mem::MaybeUninit;

/// A step of a request, taken before death.
type Step = fn(&str);

/// All steps, by name.
pub(crate) const STEPS: [(&str, Step); 22] = [
    ("connected", |address| forget(RawClient::connect(address).unwrap())),
    ("asked who it is", |address| asked(address, &ClientMessage::Hello)),
    ("asked for a session", asked_for_session),
    ("descriptors on their way", descriptors_on_their_way),
    ("mapped", |address| forget(open(address))),
    ("half a slot written", |address| half_a_slot(address, SQE_WORDS - 1)),
    ("a slot written to the last word", |address| half_a_slot(address, SQE_WORDS)),
    ("published, not rung", |address| published(address, Ring::Not)),
    ("published and rung", |address| published(address, Ring::Once)),
    ("requests in flight", in_flight),
    ("completions not taken", completions_not_taken),
    ("holding handles", holding_handles),
    ("holding grants", |address| holding_grants(address, Mapped::Yes)),
    ("holding grants, not mapped", |address| holding_grants(address, Mapped::No)),
    ("a grant asked for", grant_asked_for),
    ("writing a file", writing),
    ("half a message", half_a_message),
    ("half a message and descriptors", descriptors_sent),
    ("asked how things are", |address| asked(address, &ClientMessage::Status)),
    ("asked a service", asked_service),
    ("revoking its own session", revoking),
    ("leaving", leaving),
];

/// Takes a step, and dies.
pub(crate) fn run(address: &str, step: usize) {
    let (_, take) = STEPS[step];
    take(address);
    kill_process(getpid(), Signal::KILL).unwrap();
}

/// What is forgotten here stays open until death.
fn forget<T>(kept: T) {
    std::mem::forget(kept);
}

fn open(address: &str) -> (RawClient, RawSession) {
    let mut client = RawClient::greet(address).unwrap();
    let session = client.open(&Wish::default()).unwrap();
    (client, session)
}

fn asked(address: &str, question: &ClientMessage) {
    let mut client = RawClient::greet(address).unwrap();
    client.send(None, question).unwrap();
    forget(client);
}

fn asked_for_session(address: &str) {
    let mut client = RawClient::greet(address).unwrap();
    client.send(client.vfs(), &Wish::default().message()).unwrap();
    forget(client);
}

/// The answer, with its descriptors, lies in the channel and is never taken.
fn descriptors_on_their_way(address: &str) {
    let mut client = RawClient::greet(address).unwrap();
    client.send(client.vfs(), &Wish::default().message()).unwrap();
    let source = client.channel.source();
    let mut ready = Vec::new();
    let poller = linux::poller().unwrap();
    poller.add(&source, dataplane::platform::Token(1)).unwrap();
    while ready.is_empty() {
        poller.wait(None, &mut ready);
    }
    forget(client);
}

fn half_a_slot(address: &str, words: usize) {
    let (client, session) = open(address);
    for word in 0..words {
        // The last word's upper half is the lap: 2, where 1 would be next.
        let value = if word == SQE_WORDS - 1 { 2 << 32 } else { u64::MAX };
        session.client.region.store(CLIENT_SLOTS + word * 8, value, Ordering::Release).unwrap();
    }
    session.doorbell.ring();
    forget((client, session));
}

#[derive(PartialEq, Eq)]
enum Ring {
    Not,
    Once,
}

fn published(address: &str, ring: Ring) {
    let (client, mut session) = open(address);
    let path = session.put(0, b"playground/mortal");
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let open = Request::OpenAt { directory: session.root, path, flags, mode: 0o600 };
    while session.publish(0, &open.to_sqe()) {}
    if ring == Ring::Once {
        session.doorbell.ring();
    }
    forget((client, session));
}

fn in_flight(address: &str) {
    let (client, mut session) = open(address);
    let forever = Sqe { arg0: u64::MAX / 2, ..Sqe::new(Opcode::Timeout, Handle::NONE) };
    for _ in 1..session.terms.sq_entries {
        assert!(session.publish(0, &forever));
    }
    // Behind those, so when it is answered they have been accepted.
    assert!(session.publish(0, &Sqe::new(Opcode::Nop, Handle::NONE)));
    session.doorbell.ring();
    while session.reap(0).is_empty() {
        std::thread::yield_now();
    }
    forget((client, session));
}

fn completions_not_taken(address: &str) {
    let (client, mut session) = open(address);
    while session.publish(0, &Sqe::new(Opcode::Nop, Handle::NONE)) {}
    session.doorbell.ring();
    while session.queues[0].peek().unwrap().is_none() {
        std::thread::yield_now();
    }
    forget((client, session));
}

fn holding_handles(address: &str) {
    let (client, mut session) = open(address);
    for number in 0..64 {
        let path = format!("playground/mortal-{}", number % 8);
        session.open(path.as_bytes(), OpenFlags::READ_WRITE | OpenFlags::CREATE);
    }
    forget((client, session));
}

/// A file of its own with something in it.
fn file(session: &mut RawSession) -> Handle {
    let path = format!("mortal-{}", getpid().as_raw_nonzero());
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let handle = session.open(path.as_bytes(), flags).unwrap();
    assert_eq!(session.write(handle, 0, &[7; 10_000]), Some(10_000));
    handle
}

fn granted(session: &mut RawSession, handle: Handle) -> GrantId {
    let read = Request::ReadGrant { handle, offset: 0, len: 10_000, hold: true };
    let cqe = session.call(&read).unwrap();
    assert_eq!(cqe.status, 10_000);
    GrantId::from_word(cqe.aux)
}

#[derive(PartialEq, Eq)]
enum Mapped {
    Yes,
    No,
}

fn holding_grants(address: &str, mapped: Mapped) {
    let (mut client, mut session) = open(address);
    let handle = file(&mut session);
    let grant = granted(&mut session, handle);
    if mapped == Mapped::Yes {
        let region = client.map_grant(session.terms.session, grant.grant).unwrap();
        forget(client.map(&region, Access::ReadOnly).unwrap());
        forget(region);
    }
    forget((client, session));
}

fn grant_asked_for(address: &str) {
    let (mut client, mut session) = open(address);
    let handle = file(&mut session);
    let grant = granted(&mut session, handle).grant;
    let session_id = session.terms.session;
    let ask = control::message::MapGrant { session: session_id, grant };
    client.send(None, &ClientMessage::MapGrant(ask)).unwrap();
    forget((client, session));
}

fn writing(address: &str) {
    let (client, mut session) = open(address);
    let handle = file(&mut session);
    let from = session.put(4096, &[9; 20_000]);
    for offset in 0..8 {
        let write = Request::Write { handle, offset: offset * 1000, from };
        session.publish(0, &write.to_sqe());
    }
    session.doorbell.ring();
    forget((client, session));
}

/// The first bytes of a message, with descriptors beside it.
fn send_half(client: &RawClient, descriptors: usize) {
    let bytes = ClientMessage::Hello.encode(Header::new(9));
    let source = client.channel.source();
    let socket = linux::as_fd(&source).unwrap();
    let sockets = vec![socket; descriptors];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(sockets.is_empty() || control.push(SendAncillaryMessage::ScmRights(&sockets)));
    sendmsg(socket, &[IoSlice::new(&bytes[..20])], &mut control, SendFlags::NOSIGNAL).unwrap();
}

fn half_a_message(address: &str) {
    let client = RawClient::greet(address).unwrap();
    send_half(&client, 0);
    forget(client);
}

fn descriptors_sent(address: &str) {
    for descriptors in [1, 8, 64] {
        let client = RawClient::greet(address).unwrap();
        send_half(&client, descriptors);
        forget(client);
    }
}

fn asked_service(address: &str) {
    let mut client = RawClient::greet(address).unwrap();
    let text = b"usage".to_vec().try_into().unwrap();
    client.send(client.vfs(), &ClientMessage::Tell(Tell { text })).unwrap();
    forget(client);
}

fn revoking(address: &str) {
    let (mut client, session) = open(address);
    client.send(client.vfs(), &ClientMessage::Revoke).unwrap();
    forget((client, session));
}

fn leaving(address: &str) {
    let (mut client, mut session) = open(address);
    while session.publish(0, &Sqe::new(Opcode::Nop, Handle::NONE)) {}
    let named = control::message::SessionNamed { session: session.terms.session };
    client.send(None, &ClientMessage::Disconnect(named)).unwrap();
    forget((client, session));
}
