//! Capabilities, sessions and their ends.

use crate::{Open, System};
use capability::Rights;
use control::client::{ConnectError, SessionOptions};
use control::message::{Credentials, List};
use dataplane::client::ClientError;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::file::{AttributeChange, AttributeMask, OpenFlags};

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);

fn nop() -> Sqe {
    Sqe::new(Opcode::Nop, Handle::NONE)
}

pub(crate) fn a_read_only_capability_makes_a_read_only_session(system: &System) {
    let mut full = system.session();
    let file = full.queue.open(full.root, b"f", CREATE, 0o644).unwrap();
    full.queue.write(file, 0, b"text").unwrap();
    let held = full.connection.capability("vfs").unwrap();
    let rights = Rights::CONNECT | Rights::READ;
    let derived = full.connection.derive(held, rights, 0).unwrap();
    let options = SessionOptions::default();
    let mut session = full.connection.connect_by(derived, "vfs", options).unwrap();
    assert_eq!(session.rights(), rights);
    let mut queue = session.take_queue().unwrap();
    let root = session.root();
    let read = queue.open(root, b"f", OpenFlags::default(), 0).unwrap();
    let mut text = [0; 4];
    assert_eq!(queue.read(read, 0, &mut text), Ok(4));
    assert_eq!(&text, b"text");
    let refused = |result: Result<(), ClientError>| {
        let errno = result.unwrap_err().errno();
        assert!([Errno::EACCES, Errno::EPERM, Errno::EROFS].contains(&errno), "{errno:?}");
    };
    refused(queue.open(root, b"f", OpenFlags::READ_WRITE, 0).map(|_| ()));
    refused(queue.open(root, b"new", CREATE, 0o644).map(|_| ()));
    refused(queue.mkdir(root, b"d", 0o755));
    // No more rights can be had back from it, and it may not derive.
    assert!(full.connection.derive(derived, rights | Rights::WRITE, 0).is_err());
    assert!(full.connection.derive(derived, rights, 0).is_err());
}

/// Whom the tests' own process can have requests act as: anybody if it is root, else itself
/// without its supplementary groups.
fn somebody() -> Credentials {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let (uid, gid) = if uid == 0 { (1_001, 1_002) } else { (uid, gid) };
    Credentials { uid, gid, groups: List::default() }
}

fn refused_with(result: Result<(), ConnectError>) -> Errno {
    match result {
        Err(ConnectError::Refused { errno, .. }) => errno,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn requests_act_as_others_where_that_is_allowed(system: &System) {
    let mut open = system.session();
    let who = somebody();
    for index in [0, 2, 1_024, u16::MAX] {
        let refused = open.session.set_credential(index, who.clone());
        assert_eq!(refused_with(refused), Errno::EINVAL, "index {index}");
    }
    let nobody = open.queue.call(Sqe { credential: 1, ..nop() });
    assert_eq!(nobody.unwrap_err(), ClientError::Service(Errno::EPERM));
    open.session.set_credential(1, who.clone()).unwrap();
    open.queue.mkdir(open.root, b"open", 0o1777).unwrap();
    let open_to_all = AttributeChange {
        mask: AttributeMask::PERMISSIONS.bits(),
        permissions: 0o1777,
        ..AttributeChange::default()
    };
    open.queue.set_link_attributes((open.root, b"open"), &open_to_all).unwrap();
    open.queue.mkdir(open.root, b"closed", 0o700).unwrap();
    open.queue.act_as(1);
    let made = open.queue.open(open.root, b"open/f", CREATE, 0o600).unwrap();
    let status = open.queue.stat(made, b"").unwrap();
    assert_eq!((status.uid, status.gid), (who.uid, who.gid));
    if rustix::process::getuid().is_root() {
        let closed = open.queue.open(open.root, b"closed/f", CREATE, 0o600);
        assert_eq!(closed.unwrap_err(), ClientError::Service(Errno::EACCES));
        let other = Credentials { uid: 1_003, ..who };
        open.session.set_credential(1, other.clone()).unwrap();
        let theirs = open.queue.open(open.root, b"open/f", OpenFlags::default(), 0);
        assert_eq!(theirs.unwrap_err(), ClientError::Service(Errno::EACCES));
        open.session.set_credential(2, other).unwrap();
    } else {
        let root = Credentials { uid: 0, ..who };
        assert_eq!(refused_with(open.session.set_credential(1, root)), Errno::EPERM);
    }
    open.queue.act_as(0);
    open.queue.mkdir(open.root, b"closed/d", 0o700).unwrap();
}

pub(crate) fn acting_as_others_takes_the_right(system: &System) {
    let full = system.session();
    let held = full.connection.capability("vfs").unwrap();
    let rights = Rights::CONNECT | Rights::READ | Rights::WRITE | Rights::CREATE | Rights::MOUNT;
    let derived = full.connection.derive(held, rights, 0).unwrap();
    let options = SessionOptions::default();
    let session = full.connection.connect_by(derived, "vfs", options).unwrap();
    assert_eq!(refused_with(session.set_credential(1, somebody())), Errno::EPERM);
}

pub(crate) fn revoking_ends_the_sessions_below(system: &System) {
    let full = system.session();
    let held = full.connection.capability("vfs").unwrap();
    let rights = Rights::CONNECT | Rights::READ | Rights::WRITE;
    let derived = full.connection.derive(held, rights, 0).unwrap();
    let options = SessionOptions::default();
    let mut session = full.connection.connect_by(derived, "vfs", options).unwrap();
    let mut queue = session.take_queue().unwrap();
    queue.call(nop()).unwrap();
    let timeout = Sqe { arg0: u64::MAX / 2, ..Sqe::new(Opcode::Timeout, Handle::NONE) };
    let pending = queue.submit(timeout).unwrap();
    full.connection.revoke(derived).unwrap();
    let late = queue.submit(nop());
    let answer = queue.wait_for(pending).unwrap();
    assert!(
        [Errno::EKEYREVOKED.into(), Errno::ETIME.into()].contains(&answer.status)
            && answer.status != Errno::ETIME.into(),
        "{answer:?}"
    );
    // What was submitted after the revoke has returned is never executed.
    match late.and_then(|ticket| queue.wait_for(ticket).map(|done| done.status)) {
        Ok(status) => assert_eq!(status, Errno::EKEYREVOKED.into()),
        Err(error) => assert_eq!(error, ClientError::Ended(Errno::EKEYREVOKED)),
    }
    let again = full.connection.connect_by(derived, "vfs", options).map(|_| ());
    assert!(matches!(again, Err(ConnectError::Refused { errno: Errno::EPERM, .. })));
    // The capability that it was derived from is as good as before.
    assert!(full.connection.connect_by(held, "vfs", options).is_ok());
}

pub(crate) fn a_closed_session_answers_no_more(system: &System) {
    let Open { connection, session, mut queue, .. } = system.session();
    queue.call(nop()).unwrap();
    session.close().unwrap();
    let after = queue.call(nop()).map(|_| ());
    assert_eq!(after, Err(ClientError::Ended(Errno::ENOTCONN)));
    assert_eq!(connection.status().unwrap().counts.sessions, 0);
}

pub(crate) fn sessions_leave_nothing_behind(system: &System) {
    let observer = system.connect();
    let before = observer.status().unwrap().counts;
    for _ in 0..50 {
        let mut open = system.session();
        let file = open.queue.open(open.root, b"left", CREATE, 0o644).unwrap();
        open.queue.write(file, 0, &[7; 5000]).unwrap();
        let seen = open.queue.read_grant(file, 0, 5000, |view| view.len()).unwrap();
        assert_eq!(seen, 5000);
        open.session.close().unwrap();
        drop(open.queue);
        drop(open.connection);
    }
    let mut open = system.session();
    open.queue.unlink(open.root, b"left", dataplane::file::UnlinkKind::File).unwrap();
    open.session.close().unwrap();
    drop(open.queue);
    drop(open.connection);
    // The broker hears of a hang-up a moment later.
    for _ in 0..1000 {
        if observer.status().unwrap().counts == before {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(observer.status().unwrap().counts, before);
}

pub(crate) fn wishes_beyond_the_limits_are_refused(system: &System) {
    let connection = system.connect();
    let options = SessionOptions::default();
    let wishes = [
        (SessionOptions { queues: 0, ..options }, Errno::EINVAL),
        (SessionOptions { sq_entries: 3, ..options }, Errno::EINVAL),
        (SessionOptions { cq_entries: 1 << 31, ..options }, Errno::EINVAL),
        (SessionOptions { cq_entries: 1 << 14, ..options }, Errno::EDQUOT),
        (SessionOptions { queues: u16::MAX, ..options }, Errno::EDQUOT),
        (SessionOptions { arena_bytes: u64::MAX, ..options }, Errno::EDQUOT),
        (SessionOptions { arena_bytes: 0, ..options }, Errno::EINVAL),
    ];
    for (wish, errno) in wishes {
        match connection.connect("vfs", wish) {
            Err(ConnectError::Refused { errno: found, reason }) => {
                assert_eq!(found, errno, "{wish:?}");
                assert!(!reason.is_empty());
            }
            Err(other) => panic!("{wish:?}: {other:?}"),
            Ok(_) => panic!("{wish:?} was granted"),
        }
    }
    let unknown = connection.connect("nobody", options).map(|_| ());
    assert!(matches!(unknown, Err(ConnectError::NoCapability { .. })));
}
