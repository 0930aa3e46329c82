//! Advisory locks between sessions: waited for, cancelled, bounded, gone with their session.

use crate::{Open, System};
use dataplane::ArenaRange;
use dataplane::client::{ClientError, LockRange};
use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::file::{LockFlags, OpenFlags, Request};

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);
const ALL: LockRange = LockRange { first: 0, len: 0 };

fn wait(handle: Handle, owner: u64) -> Sqe {
    let flags = LockFlags::EXCLUSIVE | LockFlags::WAIT;
    let into = ArenaRange { offset: 0, len: 0 };
    Request::Lock { handle, first: 0, len: 0, flags, owner, into }.to_sqe()
}

pub(crate) fn locks_are_waited_for_and_go_with_their_session(system: &System) {
    let mut holder = system.session();
    let Open { mut queue, root, .. } = system.session();
    let held = holder.queue.open(holder.root, b"lock", CREATE, 0o600).unwrap();
    let file = queue.open(root, b"lock", CREATE, 0o600).unwrap();
    holder.queue.lock(held, ALL, LockFlags::EXCLUSIVE, 1).unwrap();
    let refused = queue.lock(file, ALL, LockFlags::SHARED, 1);
    assert_eq!(refused, Err(ClientError::Service(Errno::EAGAIN)));
    let found = queue.test_lock(file, ALL, LockFlags::SHARED, 1).unwrap().unwrap();
    assert_eq!((found.kind, found.first, found.len, found.owner), (2, 0, 0, 0));

    let cancelled = queue.submit(wait(file, 1)).unwrap();
    let waiting = queue.submit(wait(file, 2)).unwrap();
    let cancel = Sqe { arg0: cancelled.user_data(), ..Sqe::new(Opcode::Cancel, Handle::NONE) };
    assert_eq!(queue.call(cancel).unwrap().status, Status::count(1));
    assert_eq!(queue.wait_for(cancelled).unwrap().status, Errno::ECANCELED.into());
    drop(holder);
    assert_eq!(queue.wait_for(waiting).unwrap().status, Status::OK);
    // It waits for owner 2, who never waits for it.
    let last = queue.submit(wait(file, 3)).unwrap();
    queue.close(file).unwrap();
    assert_eq!(queue.wait_for(last).unwrap().status, Errno::ECANCELED.into());
}

pub(crate) fn waiting_locks_are_bounded_by_the_slots(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    let file = queue.open(root, b"bounded", CREATE, 0o600).unwrap();
    let mut hostile = system.session();
    let seen = hostile.queue.open(hostile.root, b"bounded", CREATE, 0o600).unwrap();
    queue.lock(file, ALL, LockFlags::EXCLUSIVE, 0).unwrap();
    let mut waits = 0;
    while hostile.queue.submit(wait(seen, waits)).is_ok() {
        waits += 1;
    }
    assert_eq!(hostile.queue.in_flight(), waits);
    // All others are served as before, and get the lock when it is their turn.
    queue.lock(file, ALL, LockFlags::SHARED, 0).unwrap();
    assert_eq!(queue.lock(file, ALL, LockFlags::SHARED, 1), Ok(()));
    drop(hostile);
    queue.lock(file, ALL, LockFlags::empty(), 1).unwrap();
    assert_eq!(queue.lock(file, ALL, LockFlags::EXCLUSIVE, 0), Ok(()));
}
