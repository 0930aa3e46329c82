//! Advisory locks as clients see them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::{Errno, Handle};
use dataplane::file::{LockFlags, LockRecord, OpenFlags, Request};
use dataplane::service::{Answer, Completion};
use dataplane::{ArenaRange, Quota};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use support::System;
use support::client::{BOTH, Client, Outcome, READ, RECORD, Terms, WRITE, finish, session};
use vfs::PinnedPages;
use zerocopy::FromBytes;

const SHARED: LockFlags = LockFlags::SHARED;
const EXCLUSIVE: LockFlags = LockFlags::EXCLUSIVE;
const UNLOCK: LockFlags = LockFlags::empty();
const OF_HANDLE: LockFlags = LockFlags::OF_HANDLE;
const NOTHING: ArenaRange = ArenaRange { offset: 0, len: 0 };

type Task = Pin<Box<dyn Future<Output = Completion<PinnedPages>>>>;

fn request(handle: Handle, span: (u64, u64), flags: LockFlags, owner: u64) -> Request {
    Request::Lock { handle, first: span.0, len: span.1, flags, owner, into: NOTHING }
}

fn lock(
    client: &Client,
    handle: Handle,
    span: (u64, u64),
    flags: LockFlags,
    owner: u64,
) -> Outcome<()> {
    client.run(&request(handle, span, flags, owner)).map(drop)
}

fn test(
    client: &Client,
    handle: Handle,
    first: u64,
    flags: LockFlags,
    owner: u64,
) -> Outcome<LockRecord> {
    let into = ArenaRange { offset: RECORD, len: 32 };
    let flags = flags | LockFlags::TEST;
    client.run(&Request::Lock { handle, first, len: 1, flags, owner, into })?;
    let mut bytes = [0; LockRecord::BYTES];
    client.arena.read(RECORD as usize, &mut bytes).unwrap();
    Ok(LockRecord::read_from_bytes(&bytes).unwrap())
}

fn wait(client: &Client, handle: Handle, span: (u64, u64), owner: u64) -> Task {
    match client.submit_request(&request(handle, span, EXCLUSIVE | LockFlags::WAIT, owner)) {
        Answer::Later(task) => task,
        Answer::Now(done) => panic!("it does not wait: {done:?}"),
        Answer::Many(_) => panic!("it has one answer"),
    }
}

fn poll(task: &mut Task) -> Option<Outcome<u32>> {
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done.status.result()),
        Poll::Pending => None,
    }
}

fn two() -> (System, Client, Client) {
    let system = System::new(1 << 20);
    // As many handles as make for 1,024 locks.
    let quota = Quota { handles: 16 << 10, ..Quota::default() };
    let client = || Client::new(&system, Terms { quota, ..session(0, 0) });
    let (a, b) = (client(), client());
    let file = a.create("f", 0o666).unwrap();
    a.close(file).unwrap();
    (system, a, b)
}

#[test]
fn locks_keep_other_owners_out_and_say_who_is_there() {
    let (_system, a, b) = two();
    let (mine, yours) = (a.open("f", BOTH).unwrap(), b.open("f", BOTH).unwrap());
    assert_eq!(lock(&a, mine, (10, 10), EXCLUSIVE, 7), Ok(()));
    assert_eq!(lock(&b, yours, (19, 0), SHARED, 7), Err(Errno::EAGAIN));
    assert_eq!(lock(&b, yours, (20, 0), EXCLUSIVE, 7), Ok(()));
    // Another owner of the same session is another.
    assert_eq!(lock(&a, mine, (15, 1), SHARED, 8), Err(Errno::EAGAIN));
    assert_eq!(lock(&a, mine, (15, 1), SHARED, 7), Ok(()));
    assert_eq!(lock(&b, yours, (15, 1), SHARED, 7), Ok(()));
    let found = test(&a, mine, 10, SHARED, 8).unwrap();
    let expected = LockRecord { kind: 2, of_handle: 0, first: 10, len: 5, owner: 7 };
    assert_eq!(found, expected);
    // Whose it is, is nobody's business in another session.
    assert_eq!(test(&b, yours, 10, SHARED, 8), Ok(LockRecord { owner: 0, ..expected }));
    let to_the_end = LockRecord { kind: 2, of_handle: 0, first: 20, len: 0, owner: 0 };
    assert_eq!(test(&a, mine, 1 << 40, SHARED, 7), Ok(to_the_end));
    assert_eq!(test(&a, mine, 3, EXCLUSIVE, 9), Ok(LockRecord::default()));
    assert_eq!(lock(&a, mine, (0, 0), UNLOCK, 7), Ok(()));
    assert_eq!(lock(&b, yours, (0, 20), EXCLUSIVE, 1), Err(Errno::EAGAIN));
    assert_eq!(lock(&b, yours, (0, 20), EXCLUSIVE, 7), Ok(()));
}

#[test]
fn what_means_nothing_is_refused() {
    let (_system, a, _b) = two();
    let both = a.open("f", BOTH).unwrap();
    let (read, write) = (a.open("f", READ).unwrap(), a.open("f", WRITE).unwrap());
    assert_eq!(lock(&a, read, (0, 1), EXCLUSIVE, 1), Err(Errno::EBADF));
    assert_eq!(lock(&a, write, (0, 1), SHARED, 1), Err(Errno::EBADF));
    assert_eq!(lock(&a, read, (0, 1), UNLOCK, 1), Ok(()));
    assert_eq!(test(&a, read, 0, EXCLUSIVE, 1), Ok(LockRecord::default()));
    assert_eq!(test(&a, write, 0, SHARED, 1), Ok(LockRecord::default()));
    let path = a.open("f", OpenFlags::PATH).unwrap();
    assert_eq!(test(&a, path, 0, SHARED, 1), Err(Errno::EBADF));
    assert_eq!(lock(&a, both, (0, 1), SHARED | OF_HANDLE, 1), Err(Errno::EINVAL));
    assert_eq!(lock(&a, both, (0, 1), LockFlags::WAIT, 1), Err(Errno::EINVAL));
    assert_eq!(test(&a, both, 0, UNLOCK, 1), Err(Errno::EINVAL));
    assert_eq!(test(&a, both, 0, SHARED | LockFlags::WAIT, 1), Err(Errno::EINVAL));
    assert_eq!(lock(&a, both, (1 << 63, 1), SHARED, 1), Err(Errno::EINVAL));
    assert_eq!(lock(&a, both, (2, i64::MAX as u64), SHARED, 1), Err(Errno::EOVERFLOW));
    assert_eq!(lock(&a, both, (1, i64::MAX as u64), SHARED, 1), Ok(()));
    assert_eq!(lock(&a, a.root, (0, 1), UNLOCK, 1), Err(Errno::EISDIR));
    let into = ArenaRange { offset: RECORD, len: 32 };
    let ranged = Request::Lock { handle: both, first: 0, len: 1, flags: SHARED, owner: 1, into };
    assert_eq!(a.run(&ranged).map(drop), Err(Errno::EINVAL));
}

#[test]
fn closing_drops_the_locks_that_were_taken_through_the_handle() {
    let (_system, a, b) = two();
    let yours = b.open("f", BOTH).unwrap();
    let (one, two) = (a.open("f", BOTH).unwrap(), a.open("f", BOTH).unwrap());
    lock(&a, one, (0, 1), EXCLUSIVE, 1).unwrap();
    lock(&a, two, (1, 1), EXCLUSIVE, 1).unwrap();
    lock(&a, one, (2, 1), EXCLUSIVE, 2).unwrap();
    // Taken again through another handle, it is no longer the first one's.
    lock(&a, two, (2, 1), SHARED, 2).unwrap();
    lock(&a, one, (3, 1), EXCLUSIVE | OF_HANDLE, 0).unwrap();
    // A handle's locks are in the way of another handle of the session.
    assert_eq!(lock(&a, two, (3, 1), SHARED | OF_HANDLE, 0), Err(Errno::EAGAIN));
    assert_eq!(test(&b, yours, 3, SHARED, 0).unwrap().of_handle, 1);
    a.close(one).unwrap();
    for (byte, is_free) in [(0, true), (1, false), (2, false), (3, true)] {
        let free = test(&b, yours, byte, EXCLUSIVE, 0).unwrap() == LockRecord::default();
        assert_eq!(free, is_free, "{byte}");
    }
    a.disconnect();
    assert_eq!(lock(&b, yours, (0, 0), EXCLUSIVE, 0), Ok(()));
}

#[test]
fn waiting_locks_are_served_in_order_and_can_be_cancelled() {
    let (_system, a, b) = two();
    let (mine, yours) = (a.open("f", BOTH).unwrap(), b.open("f", BOTH).unwrap());
    lock(&a, mine, (0, 0), EXCLUSIVE, 0).unwrap();
    let mut first = wait(&b, yours, (0, 1), 1);
    let cancelled = wait(&b, yours, (0, 1), 2);
    let mut third = wait(&b, yours, (0, 1), 3);
    assert_eq!((poll(&mut first), poll(&mut third)), (None, None));
    drop(cancelled);
    lock(&a, mine, (0, 0), UNLOCK, 0).unwrap();
    assert_eq!((poll(&mut third), poll(&mut first)), (None, Some(Ok(0))));
    lock(&b, yours, (0, 0), UNLOCK, 1).unwrap();
    // It is had even if nobody has looked yet.
    assert_eq!(lock(&a, mine, (0, 1), SHARED, 0), Err(Errno::EAGAIN));
    assert_eq!(poll(&mut third), Some(Ok(0)));
    let mut left = wait(&a, mine, (0, 1), 4);
    a.close(mine).unwrap();
    assert_eq!(poll(&mut left), Some(Err(Errno::ECANCELED)));
    b.close(yours).unwrap();
    let mine = a.open("f", BOTH).unwrap();
    assert_eq!(lock(&a, mine, (0, 0), EXCLUSIVE, 0), Ok(()));
}

#[test]
fn a_circle_of_owners_is_refused_over_files() {
    let (_system, a, b) = two();
    let other = a.create("g", 0o666).unwrap();
    let (mine, yours) = (a.open("f", BOTH).unwrap(), b.open("f", BOTH).unwrap());
    let your_other = b.open("g", BOTH).unwrap();
    lock(&a, mine, (0, 1), EXCLUSIVE, 1).unwrap();
    lock(&b, your_other, (0, 1), EXCLUSIVE, 1).unwrap();
    let mut waits = wait(&a, other, (0, 1), 1);
    let circle = request(yours, (0, 1), SHARED | LockFlags::WAIT, 1);
    assert_eq!(b.run(&circle).map(drop), Err(Errno::EDEADLK));
    lock(&b, your_other, (0, 1), UNLOCK, 1).unwrap();
    assert_eq!(poll(&mut waits), Some(Ok(0)));
}

#[test]
fn what_a_session_can_lock_is_bounded() {
    let (_system, a, b) = two();
    let (mine, yours) = (a.open("f", BOTH).unwrap(), b.open("f", BOTH).unwrap());
    let mut had = 0;
    while lock(&a, mine, (2 * had, 1), EXCLUSIVE, 0).is_ok() {
        had += 1;
    }
    assert_eq!(had, 1023);
    assert_eq!(lock(&a, mine, (2 * had, 1), EXCLUSIVE, 0), Err(Errno::EDQUOT));
    assert_eq!(lock(&a, mine, (0, 1), SHARED, 1), Err(Errno::EAGAIN));
    assert_eq!(lock(&a, mine, (1, 1), SHARED, 1), Err(Errno::EDQUOT));
    // Not for others, nor by what makes it less.
    assert_eq!(lock(&b, yours, (1, 1), EXCLUSIVE, 0), Ok(()));
    assert_eq!(lock(&a, mine, (2, 2 * had), UNLOCK, 0), Ok(()));
    // Unlocking can leave more pieces, and so can be too much.
    lock(&a, mine, (10, 1 << 20), EXCLUSIVE, 0).unwrap();
    let holes = (0..had).take_while(|n| lock(&a, mine, (11 + 2 * n, 1), UNLOCK, 0).is_ok());
    assert_eq!(holes.count(), 1021);
    assert_eq!(lock(&a, mine, (0, 0), UNLOCK, 0), Ok(()));
    // Numbers that lock nothing leave nothing.
    for owner in 0..3000 {
        lock(&a, mine, (0, 1), EXCLUSIVE, owner).unwrap();
        lock(&a, mine, (0, 1), UNLOCK, owner).unwrap();
    }
    let waiting = client_waits(&a, mine, yours, &b);
    drop(waiting);
}

/// A wait beyond what the session may have ends with EDQUOT when its turn comes.
fn client_waits(a: &Client, mine: Handle, yours: Handle, b: &Client) -> Vec<Task> {
    lock(b, yours, (0, 0), EXCLUSIVE, 0).unwrap();
    let mut tasks: Vec<Task> = (0..600).map(|owner| wait(a, mine, (2 * owner, 1), owner)).collect();
    lock(b, yours, (0, 0), UNLOCK, 0).unwrap();
    let had = tasks.iter_mut().filter_map(poll).filter(Result::is_ok).count();
    assert_eq!(had, 512);
    tasks
}

#[test]
fn a_test_of_a_lock_takes_nothing() {
    let (_system, a, b) = two();
    let (mine, yours) = (a.open("f", BOTH).unwrap(), b.open("f", BOTH).unwrap());
    assert_eq!(test(&a, mine, 0, EXCLUSIVE, 0), Ok(LockRecord::default()));
    let done = finish(b.submit_request(&request(yours, (0, 0), EXCLUSIVE, 0)));
    assert_eq!(done.status.result(), Ok(0));
}
