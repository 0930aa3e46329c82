//! A service that does not acknowledge a revocation is killed at the deadline, and the revoke returns
//! then.

use crate::faulty::{Fault, FaultySystem};
use capability::{Handle, Rights};
use control::client::{Connection, SessionOptions};
use control::message::{
    BrokerReply, ClientMessage, Derive, Header, Message, ServiceState, ServiceStatus, Tell,
};
use control::platform::Packet;
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use veridian::system::{Embedded, connect};

/// Longest wait for anything that must come.
const WITHIN: Duration = Duration::from_secs(60);
const WITHIN_NS: u64 = 60_000_000_000;
const RIGHTS: Rights = Rights::CONNECT.union(Rights::READ).union(Rights::AUDIT);
/// How a service has ended that was killed: by the signal, negated.
const KILLED: i32 = -9;

fn vfs(connection: &Connection) -> ServiceStatus {
    let report = connection.status().unwrap();
    *report.services.iter().find(|service| service.name.as_str() == "vfs").unwrap()
}

fn derived(connection: &Connection) -> Handle {
    let vfs = connection.capability("vfs").unwrap();
    connection.derive(vfs, RIGHTS, 0).unwrap()
}

/// Waits until the vfs has been started so often again.
fn is_back(connection: &Connection, restarts: u32) -> ServiceStatus {
    let deadline = Instant::now() + WITHIN;
    loop {
        let status = vfs(connection);
        if status.restarts == restarts && status.state == ServiceState::Ready {
            return status;
        }
        assert!(Instant::now() < deadline, "the vfs is not back: {status:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Revokes what a session stands on, which a service then must not serve, alive or dead.
fn revoke_in_time(connection: &Connection) {
    let capability = derived(connection);
    let options = SessionOptions::default();
    let mut session = connection.connect_by(capability, "vfs", options).unwrap();
    let mut queue = session.take_queue().unwrap();
    assert!(queue.stat(session.root(), b"").is_ok());
    let began = Instant::now();
    connection.revoke(capability).unwrap();
    println!("the revoke returned after {:.2} s", began.elapsed().as_secs_f64());
    let over = queue.stat(session.root(), b"").unwrap_err();
    assert!(matches!(over, ClientError::Ended(_)), "{over:?}");
}

#[test]
fn a_stopped_process_is_killed() {
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).expect("the system starts");
    let connection = connect(&system.address).unwrap();
    let before = vfs(&connection);
    let pid = Pid::from_raw(before.pid.try_into().unwrap()).unwrap();
    let capability = derived(&connection);
    let options = SessionOptions::default();
    let mut session = connection.connect_by(capability, "vfs", options).unwrap();
    let mut queue = session.take_queue().unwrap();
    assert!(queue.stat(session.root(), b"").is_ok());
    kill_process(pid, Signal::STOP).unwrap();
    let began = Instant::now();
    connection.revoke(capability).unwrap();
    println!("the revoke returned after {:.2} s", began.elapsed().as_secs_f64());
    let over = queue.stat(session.root(), b"").unwrap_err();
    assert!(matches!(over, ClientError::Ended(_)), "{over:?}");
    let after = is_back(&connection, before.restarts + 1);
    assert_eq!(after.last_end, KILLED);
    assert_ne!(after.pid, before.pid);
    system.stop().expect("stops in order");
}

#[test]
fn a_service_that_does_not_hear_is_ended() {
    let system = FaultySystem::start(Fault::IsDeaf);
    let connection = system.connect();
    let before = vfs(&connection);
    revoke_in_time(&connection);
    assert_eq!(system.unheard.load(Ordering::Acquire), 1);
    is_back(&connection, before.restarts + 1);
}

/// What a service has begun on other threads for requests that were given up is waited for.
#[test]
fn what_goes_on_elsewhere_is_waited_for() {
    let system = FaultySystem::start(Fault::HasLeftovers);
    let connection = system.connect();
    let before = vfs(&connection);
    let capability = derived(&connection);
    let _session = connection.connect_by(capability, "vfs", SessionOptions::default()).unwrap();
    thread::scope(|scope| {
        let revoking = scope.spawn(|| connection.revoke(capability));
        // Long enough for a revoke that waits for nothing, and not until the deadline.
        thread::sleep(Duration::from_millis(300));
        assert!(!revoking.is_finished(), "the revoke has returned too early");
        system.gate.store(true, Ordering::Release);
        revoking.join().unwrap().unwrap();
    });
    assert_eq!(vfs(&connection).restarts, before.restarts);
}

/// And if that takes too long, the service is ended.
#[test]
fn what_goes_on_elsewhere_for_too_long_ends_the_service() {
    let system = FaultySystem::start(Fault::HasLeftovers);
    let connection = system.connect();
    let before = vfs(&connection);
    revoke_in_time(&connection);
    is_back(&connection, before.restarts + 1);
}

/// A message that a service works on does something, too: its revocation waits for it. The client
/// asks two things at a time, so it speaks for itself.
#[test]
fn a_message_that_is_not_answered_ends_its_service() {
    let system = FaultySystem::start(Fault::AnswersNobody);
    let observer = system.connect();
    let before = vfs(&observer);
    let channel = system.channel();
    let send = |request, capability, message: &ClientMessage| {
        let bytes = message.encode(Header { request, capability });
        channel.send(&Packet { bytes, descriptors: Vec::new() }).unwrap();
    };
    let receive = || {
        let packet = channel.receive_within(Some(WITHIN_NS)).unwrap();
        let (header, reply) = BrokerReply::decode(&packet.bytes).unwrap();
        (header.request, reply)
    };
    send(1, None, &ClientMessage::Hello);
    let (_, BrokerReply::Welcome(welcome)) = receive() else { panic!("no welcome") };
    let held = welcome.capabilities.iter().find(|held| held.service.as_str() == "vfs").unwrap();
    let derive = Derive { rights: RIGHTS, badge: 0 };
    send(2, Some(held.handle), &ClientMessage::Derive(derive));
    let (_, BrokerReply::Derived(derived)) = receive() else { panic!("not derived") };
    let text = b"usage".to_vec().try_into().unwrap();
    send(3, Some(derived.handle), &ClientMessage::Tell(Tell { text }));
    let deadline = Instant::now() + WITHIN;
    while system.unheard.load(Ordering::Acquire) == 0 {
        assert!(Instant::now() < deadline, "the message does not arrive");
        thread::yield_now();
    }
    send(4, Some(derived.handle), &ClientMessage::Revoke);
    let (told, BrokerReply::Failed(failed)) = receive() else { panic!("the message is answered") };
    assert_eq!((told, failed.errno), (3, Errno::ENOTCONN));
    assert_eq!(receive(), (4, BrokerReply::Done));
    is_back(&observer, before.restarts + 1);
}
