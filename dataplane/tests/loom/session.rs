//! A client on another thread, through a whole reactor that parks the session and sleeps.

use crate::machine::{Bell, ModelWaiting, check, reactor};
use crate::memory::region;
use dataplane::entry::{Cqe, Handle, Opcode, Sqe};
use dataplane::platform::{Doorbell, Token, Waiting};
use dataplane::service::SessionParts;
use dataplane::{
    Arena, Credentials, Owner, Quota, SessionId, SessionInfo, SessionRights, WaitMode, ledger,
};
use loom::thread;
use rings::{ClientQueue, Completion, Geometry};
use std::sync::Arc;

const SESSION: u64 = 1;

/// What the reactor takes up, and the client's end of its queue.
fn session() -> (SessionParts, ClientQueue<Owner>) {
    let geometry = Geometry::new(2, 2).unwrap();
    let client_blocks = region(geometry.client_bytes());
    let service_blocks = region(geometry.service_bytes());
    let client = ClientQueue::new(&client_blocks, &service_blocks, geometry).unwrap();
    let info = SessionInfo {
        id: SessionId(SESSION),
        epoch: 1,
        badge: 0,
        rights: SessionRights::all(),
        quota: Quota::default(),
        credentials: vec![Credentials { uid: 0, gid: 0, groups: Vec::new() }],
        queues: 1,
        geometry,
        waiting: WaitMode::Sleeping,
        arena: Arena::new(region(8)),
    };
    let ledgers = region(ledger::bytes(geometry));
    let doorbell = Arc::new(());
    (SessionParts { info, client_blocks, service_blocks, ledgers, doorbell }, client)
}

/// Submits, sleeps until it is answered, and consumes.
fn ask(client: &mut ClientQueue<Owner>, user_data: u64, waiting: &ModelWaiting, bell: &Bell) {
    let sqe = Sqe { user_data, ..Sqe::new(Opcode::Nop, Handle::NONE) };
    client.submit(&sqe.to_words()).unwrap();
    loop {
        if let Some(words) = client.peek().unwrap() {
            assert_eq!(Cqe::from_words(words).user_data, user_data);
            client.consume(&words, Completion::Last).unwrap();
            return;
        }
        if client.must_ring() {
            bell.ring();
        }
        let sequence = client.arm();
        if !client.is_ready() {
            waiting.sleep_on(&[(client.wake_sequence(), sequence)], None);
        }
        client.disarm();
    }
}

/// `REQUESTS` requests, one after the other.
fn requests<const REQUESTS: u64>() {
    let waiting = ModelWaiting::new();
    let (mut reactor, bell, started) = reactor(&waiting);
    let (parts, mut client) = session();
    reactor.open(parts).unwrap();
    started.set(true);
    let asking = thread::spawn({
        let (waiting, bell) = (Arc::clone(&waiting), bell.of(Token(SESSION)));
        move || {
            (0..REQUESTS).for_each(|request| ask(&mut client, request, &waiting, &bell));
        }
    });
    let mut others = Vec::new();
    while reactor.counters().completed < REQUESTS {
        assert_eq!(reactor.turn(&mut others), []);
    }
    asking.join().unwrap();
}

/// One request.
pub(crate) fn one_request() {
    requests::<1>();
}

/// The second finds the session parked, or about to be.
fn two_requests() {
    requests::<2>();
}

#[test]
fn a_request_is_answered_though_both_sides_sleep() {
    check(4, one_request);
}

#[test]
fn a_session_parks_and_comes_back() {
    check(2, two_requests);
}
