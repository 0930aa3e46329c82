//! Capabilities that go from one client to another, are seen by a third, and are taken back.

use crate::stage::{System, held};
use capability::{Handle, Rights};
use control::client::{ConnectError, Connection, SessionOptions};
use control::message::{CapabilityNode, NodeNamed, Ticket};
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use std::time::{Duration, Instant};

const RIGHTS: Rights = Rights::CONNECT.union(Rights::READ);

fn refused<T>(outcome: Result<T, ConnectError>) -> Errno {
    match outcome {
        Err(ConnectError::Refused { errno, .. }) => errno,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was allowed"),
    }
}

fn vfs(client: &Connection) -> Handle {
    held(client, "vfs").0
}

pub(crate) fn a_ticket_counts_once(system: &System) {
    let (giver, taker) = (system.connect(), system.connect());
    let ticket = giver.hand(vfs(&giver), RIGHTS, 0).unwrap();
    let other = Ticket { first: ticket.first ^ 1, ..ticket };
    assert_eq!(refused(taker.take(other)), Errno::EPERM);
    taker.take(ticket).unwrap();
    assert_eq!(refused(taker.take(ticket)), Errno::EPERM);
    assert_eq!(refused(system.connect().take(ticket)), Errno::EPERM);
    let text = ticket.to_string();
    assert_eq!(text.parse(), Ok(ticket));
    assert_eq!(text.len(), 32);
}

pub(crate) fn what_is_taken_is_what_was_handed(system: &System) {
    let (giver, taker) = (system.connect(), system.connect());
    let few = giver.derive(vfs(&giver), RIGHTS | Rights::DERIVE, 0).unwrap();
    assert_eq!(refused(giver.hand(few, RIGHTS | Rights::WRITE, 0)), Errno::EPERM);
    let taken = taker.take(giver.hand(few, RIGHTS, 0).unwrap()).unwrap();
    assert_eq!((taken.rights, taken.service.as_str()), (RIGHTS, "vfs"));
    // What is handed without the right to derive is not handed on.
    assert_eq!(refused(taker.derive(taken.handle, RIGHTS, 0)), Errno::EPERM);
    assert_eq!(refused(taker.hand(taken.handle, RIGHTS, 0)), Errno::EPERM);
    let session = taker.connect_by(taken.handle, "vfs", SessionOptions::default()).unwrap();
    assert_eq!(session.rights(), RIGHTS);
}

pub(crate) fn revoking_reaches_what_was_taken(system: &System) {
    let (giver, taker) = (system.connect(), system.connect());
    let rights = RIGHTS | Rights::DERIVE | Rights::REVOKE;
    let given = giver.derive(vfs(&giver), rights, 0).unwrap();
    let taken = taker.take(giver.hand(given, RIGHTS, 0).unwrap()).unwrap();
    let not_yet = giver.hand(given, RIGHTS, 0).unwrap();
    let options = SessionOptions::default();
    let mut session = taker.connect_by(taken.handle, "vfs", options).unwrap();
    let mut queue = session.take_queue().unwrap();
    queue.stat(session.root(), b"").unwrap();
    giver.revoke(given).unwrap();
    let over = queue.stat(session.root(), b"").unwrap_err();
    assert_eq!(over, ClientError::Ended(Errno::EKEYREVOKED));
    assert_eq!(refused(taker.connect_by(taken.handle, "vfs", options)), Errno::EPERM);
    assert_eq!(refused(taker.take(not_yet)), Errno::EPERM);
}

pub(crate) fn revoking_takes_the_right_to(system: &System) {
    let (giver, taker) = (system.connect(), system.connect());
    let given = giver.derive(vfs(&giver), RIGHTS | Rights::DERIVE, 0).unwrap();
    let ticket = giver.hand(given, RIGHTS, 0).unwrap();
    assert_eq!(refused(giver.revoke(given)), Errno::EPERM, "a ticket is out");
    let taken = taker.take(ticket).unwrap();
    assert_eq!(refused(giver.revoke(given)), Errno::EPERM, "it was taken");
    let options = SessionOptions::default();
    assert!(taker.connect_by(taken.handle, "vfs", options).is_ok());
    taker.revoke(taken.handle).unwrap();
    giver.revoke(given).unwrap();
}

pub(crate) fn what_was_taken_outlives_its_giver(system: &System) {
    let (giver, taker) = (system.connect(), system.connect());
    let (first, second) = (vfs(&giver), giver.derive(vfs(&giver), RIGHTS | Rights::DERIVE, 0));
    let early = taker.take(giver.hand(first, RIGHTS, 0).unwrap()).unwrap();
    let ticket = giver.hand(second.unwrap(), RIGHTS, 0).unwrap();
    let observer = system.connect();
    let clients = || observer.status().unwrap().counts.clients;
    let before = clients();
    drop(giver);
    let deadline = Instant::now() + Duration::from_secs(60);
    while clients() == before {
        assert!(Instant::now() < deadline, "nobody hears that the giver has gone");
        std::thread::yield_now();
    }
    let late = taker.take(ticket).unwrap();
    for taken in [early, late] {
        assert!(taker.connect_by(taken.handle, "vfs", SessionOptions::default()).is_ok());
    }
}

pub(crate) fn tickets_are_bounded(system: &System) {
    let giver = system.connect();
    let tickets: Vec<_> = (0..64).map(|_| giver.hand(vfs(&giver), RIGHTS, 0).unwrap()).collect();
    assert_eq!(refused(giver.hand(vfs(&giver), RIGHTS, 0)), Errno::EDQUOT);
    // Nor with another connection: it is the user who is charged.
    let other = system.connect();
    assert_eq!(refused(other.hand(vfs(&other), RIGHTS, 0)), Errno::EDQUOT);
    other.take(tickets[0]).unwrap();
    giver.hand(vfs(&giver), RIGHTS, 0).unwrap();
}

pub(crate) fn capabilities_are_bounded(system: &System) {
    let (greedy, other) = (system.connect(), system.connect());
    let full = loop {
        if let Err(error) = greedy.derive(vfs(&greedy), RIGHTS, 0) {
            break error;
        }
    };
    assert_eq!(full.errno(), Errno::EDQUOT);
    // Nobody else is charged, and what is handed over is charged to who takes it.
    let ticket = other.hand(vfs(&other), RIGHTS, 0).unwrap();
    assert_eq!(refused(greedy.take(ticket)), Errno::EDQUOT);
    other.take(ticket).unwrap();
}

/// Where a capability is in a list.
fn find(nodes: &[CapabilityNode], handle: Handle, space: u64) -> CapabilityNode {
    let is_it = |node: &&CapabilityNode| node.handle == handle && node.space == space;
    *nodes.iter().find(is_it).expect("it is listed")
}

pub(crate) fn everybody_is_listed_and_can_be_revoked(system: &System) {
    let (giver, taker, owner) = (system.connect(), system.connect(), system.connect());
    // More than a page of them.
    let given = giver.derive(vfs(&giver), RIGHTS | Rights::DERIVE, 0).unwrap();
    for _ in 0..100 {
        giver.derive(vfs(&giver), RIGHTS, 0).unwrap();
    }
    let taken = taker.take(giver.hand(given, RIGHTS, 0).unwrap()).unwrap();
    let options = SessionOptions::default();
    let mut session = taker.connect_by(taken.handle, "vfs", options).unwrap();
    let mut queue = session.take_queue().unwrap();
    queue.stat(session.root(), b"").unwrap();

    let own = giver.list(None).unwrap();
    let space = own[0].space;
    assert!(own.len() > 100 && own.iter().all(|node| node.space == space));
    let (auditing, _) = held(&owner, "init");
    let all = owner.list(Some(auditing)).unwrap();
    assert!(own.iter().all(|node| all.contains(node)), "what a client sees is seen of it");
    let theirs = taker.list(None).unwrap()[0].space;
    let node = find(&all, taken.handle, theirs);
    assert_eq!((node.parent_space, node.parent_handle), (space, given.to_word()));
    assert_eq!((node.rights, node.sessions), (RIGHTS, 1));
    assert_eq!(node.object.as_str(), "vfs");
    assert_eq!(find(&all, given, space).badge, node.badge);
    let root = all.iter().find(|node| node.parent_space == 0).expect("init has roots");
    let roots = NodeNamed { space: root.space, handle: root.handle };
    assert_eq!(refused(owner.revoke_of(auditing, roots)), Errno::EPERM);

    owner.revoke_of(auditing, NodeNamed { space, handle: given }).unwrap();
    let over = queue.stat(session.root(), b"").unwrap_err();
    assert_eq!(over, ClientError::Ended(Errno::EKEYREVOKED));
    let again = owner.revoke_of(auditing, NodeNamed { space, handle: given });
    assert_eq!(refused(again), Errno::ENOENT);
    assert!(giver.connect_by(vfs(&giver), "vfs", options).is_ok());
}
