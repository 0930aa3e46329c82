//! What a session may have: whoever uses it up hears so, and nobody else is the poorer. Pinned pages are
//! in vfs/tests/grants.rs, capabilities and tickets in `rights`.

use crate::{Open, System};
use control::client::{ConnectError, SessionOptions};
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use dataplane::file::OpenFlags;

/// Another client, who can open, read, write and be granted.
fn works(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    let file = queue.open(root, b"of-another", CREATE, 0o600).unwrap();
    queue.write(file, 0, &[7; 4096]).unwrap();
    assert_eq!(queue.read_grant(file, 0, 4096, |view| view.len()).unwrap(), 4096);
    queue.close(file).unwrap();
}

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);

pub(crate) fn handles_are_charged_to_their_session(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    let mut last = root;
    let mut opened = 0u32;
    let full = loop {
        match queue.open(root, b".", OpenFlags::empty(), 0) {
            Ok(handle) => (last, opened) = (handle, opened + 1),
            Err(error) => break error,
        }
        assert!(opened <= 1 << 20, "there is no end");
    };
    assert_eq!(full, ClientError::Service(Errno::EMFILE), "after {opened}");
    works(system);
    // One that is given back can be had again.
    queue.close(last).unwrap();
    queue.open(root, b".", OpenFlags::empty(), 0).unwrap();
}

pub(crate) fn memory_of_sessions_is_charged_to_their_client(system: &System) {
    let (greedy, other) = (system.connect(), system.connect());
    let options = SessionOptions { arena_bytes: 64 << 20, ..SessionOptions::default() };
    let mut held = Vec::new();
    let full = loop {
        match greedy.connect("vfs", options) {
            Ok(session) => held.push(session),
            Err(error) => break error,
        }
        assert!(held.len() < 1000, "there is no end");
    };
    let is_quota =
        |error: &ConnectError| matches!(error, ConnectError::Refused { errno: Errno::EDQUOT, .. });
    assert!(is_quota(&full) && held.len() > 2, "{full} after {}", held.len());
    assert!(other.connect("vfs", options).is_ok(), "another one has its own");
    held.pop().unwrap().close().unwrap();
    assert!(greedy.connect("vfs", options).is_ok(), "what is given back can be had again");
}

/// As many requests as there are slots in its completion rings; those are bounded together.
pub(crate) fn requests_in_flight_are_charged_to_their_session(system: &System) {
    let connection = system.connect();
    let most = dataplane::Quota::default().in_flight;
    let slots = 8192;
    let queues = u16::try_from(most / slots).unwrap();
    let fits = SessionOptions { cq_entries: slots, queues, ..SessionOptions::default() };
    drop(connection.connect("vfs", fits).unwrap());
    let more = connection.connect("vfs", SessionOptions { queues: queues + 1, ..fits });
    match more.map(drop) {
        Err(ConnectError::Refused { errno, .. }) => assert_eq!(errno, Errno::EDQUOT),
        other => panic!("{other:?}"),
    }
    works(system);
}
