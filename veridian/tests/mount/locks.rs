//! Locks by fcntl(2) of programs on the mount, and those of clients of the rings: each is in the
//! way of the other.

use crate::life::front_end;
use crate::locker::{Locker, error};
use crate::mounted::{Client, Mounted};
use dataplane::client::{ClientError, LockRange};
use dataplane::entry::{Errno as ServiceErrno, Handle};
use dataplane::file::{LockFlags, LockRecord, OpenFlags};
use rustix::io::Errno;
use rustix::process::{Signal, kill_process};
use std::fs;
use std::path::PathBuf;

const SHARED: LockFlags = LockFlags::SHARED;
const EXCLUSIVE: LockFlags = LockFlags::EXCLUSIVE;
const UNLOCK: LockFlags = LockFlags::empty();

/// More than the locks that a session of somebody else may have.
const MANY: usize = 5_000;

/// A mount with a file that a client of the rings has open.
pub(crate) struct Stage {
    pub(crate) mounted: Mounted,
    pub(crate) path: PathBuf,
    pub(crate) client: Client,
    pub(crate) handle: Handle,
}

impl Stage {
    /// Nothing where nothing can be mounted.
    pub(crate) fn new() -> Option<Self> {
        let mounted = Mounted::new()?;
        let path = file(&mounted);
        let mut client = mounted.client();
        let handle = client.file();
        Some(Self { mounted, path, client, handle })
    }
}

impl Client {
    /// The handle of the file that [`file`] makes.
    pub(crate) fn file(&mut self) -> Handle {
        self.queue.open(self.root, b"file", OpenFlags::READ_WRITE, 0).unwrap()
    }

    /// Locks or unlocks if it can be done at once.
    pub(crate) fn set(&mut self, file: Handle, flags: LockFlags, first: u64, len: u64) -> bool {
        let done = self.queue.lock(file, LockRange { first, len }, flags, 1);
        let is_free = done != Err(ClientError::Service(ServiceErrno::EAGAIN));
        if is_free {
            done.unwrap();
        }
        is_free
    }

    fn way(&mut self, file: Handle, flags: LockFlags, first: u64) -> Option<LockRecord> {
        self.queue.test_lock(file, LockRange { first, len: 1 }, flags, 1).unwrap()
    }
}

/// Makes the file that is locked.
pub(crate) fn file(mounted: &Mounted) -> PathBuf {
    let path = mounted.path("file");
    fs::write(&path, b"locked").unwrap();
    path
}

#[test]
fn programs_and_clients_of_the_rings_are_in_each_others_way() {
    let Some(Stage { mounted: _mounted, path, mut client, handle }) = Stage::new() else { return };
    let (mut program, fd) = Locker::with(&path);
    let refused = error(Errno::AGAIN);

    assert_eq!(program.ask(&format!("set {fd} w 10 10")), "ok");
    assert!(!client.set(handle, SHARED, 19, 0) && client.set(handle, EXCLUSIVE, 20, 5));
    let way = LockRecord { kind: 2, of_handle: 0, first: 10, len: 10, owner: 0 };
    assert_eq!(client.way(handle, SHARED, 12), Some(way));
    assert_eq!(client.way(handle, EXCLUSIVE, 9), None);

    assert_eq!(program.ask(&format!("set {fd} r 24 1")), refused);
    assert_eq!(program.ask(&format!("get {fd} r 0 0")), "w 20 5 0", "no process of the mount");
    assert!(client.set(handle, SHARED, 20, 3), "in place of the exclusive one");
    assert_eq!(program.ask(&format!("set {fd} r 20 1")), "ok");
    assert_eq!(program.ask(&format!("set {fd} w 20 1")), refused);
    assert_eq!(program.ask(&format!("get {fd} w 20 0")), "r 20 3 0");
    assert_eq!(program.ask(&format!("get {fd} r 20 0")), "w 23 2 0");

    // Unlocked in the middle.
    assert_eq!(program.ask(&format!("set {fd} u 13 2")), "ok");
    assert!(client.set(handle, EXCLUSIVE, 13, 2) && !client.set(handle, EXCLUSIVE, 12, 1));
    assert!(!client.set(handle, EXCLUSIVE, 15, 1) && client.set(handle, UNLOCK, 0, 0));
    // To the end, wherever it is.
    assert_eq!(program.ask(&format!("set {fd} w 1000 0")), "ok");
    assert!(!client.set(handle, SHARED, 1 << 40, 1));
    let to_the_end = LockRecord { first: 1000, len: 0, ..way };
    assert_eq!(client.way(handle, SHARED, i64::MAX as u64), Some(to_the_end));
}

#[test]
fn programs_are_in_each_others_way_and_know_whose_lock_it_is() {
    let Some(mounted) = Mounted::new() else { return };
    let path = file(&mounted);
    let ((mut one, fd), (mut other, other_fd)) = (Locker::with(&path), Locker::with(&path));
    assert_eq!(one.ask(&format!("set {fd} w 0 4")), "ok");
    assert_eq!(other.ask(&format!("set {other_fd} r 3 1")), error(Errno::AGAIN));
    let told = format!("w 0 4 {}", one.id());
    assert_eq!(other.ask(&format!("get {other_fd} r 0 0")), told);
    // A process has its locks through any of its descriptors.
    let again = one.open(&path, "rw");
    assert_eq!(one.ask(&format!("set {again} w 0 4")), "ok");
    assert_eq!(one.ask(&format!("get {again} w 0 0")), "free");
    // What is open for reading alone takes no exclusive lock, and may ask for one.
    let reads = other.open(&path, "r");
    assert_eq!(other.ask(&format!("set {reads} w 10 1")), error(Errno::BADF));
    assert_eq!(other.ask(&format!("get {reads} w 0 0")), told);
    assert_eq!(other.ask(&format!("set {reads} r 10 1")), "ok");
    assert_eq!(one.ask(&format!("set {fd} w 10 1")), error(Errno::AGAIN));
    let writes = other.open(&path, "w");
    assert_eq!(other.ask(&format!("set {writes} w 10 1")), "ok");
    // Another file is another's.
    fs::write(mounted.path("second"), b"").unwrap();
    let second = other.open(&mounted.path("second"), "rw");
    assert_eq!(other.ask(&format!("set {second} w 0 0")), "ok");
    assert_eq!(one.ask(&format!("set {fd} w 4 2")), "ok");
}

#[test]
fn what_a_process_has_locked_goes_when_it_closes_the_file() {
    let Some(Stage { mounted: _mounted, path, mut client, handle }) = Stage::new() else { return };
    let (mut program, first) = Locker::with(&path);
    let second = program.open(&path, "rw");
    for closed in [first, second] {
        let kept = first + second - closed;
        assert_eq!(program.ask(&format!("set {first} w 0 1")), "ok");
        // A child's closing is not its parent's.
        assert_eq!(program.ask("fork"), "ok");
        assert!(!client.set(handle, SHARED, 0, 1));
        let copy: i32 = program.ask(&format!("dup {closed}")).parse().unwrap();
        assert_eq!(program.ask(&format!("close {copy}")), "ok");
        assert!(client.set(handle, EXCLUSIVE, 0, 1), "closed {closed}");
        assert!(client.set(handle, UNLOCK, 0, 0));
        assert_eq!(program.ask(&format!("set {kept} w 0 1")), "ok");
        assert!(!client.set(handle, SHARED, 0, 1), "locked anew");
    }
    drop(program);
    assert!(client.set(handle, EXCLUSIVE, 0, 1), "killed");
}

#[test]
fn what_an_open_file_has_locked_goes_when_it_is_closed_everywhere() {
    let Some(Stage { mounted: _mounted, path, mut client, handle }) = Stage::new() else { return };
    let (mut program, first) = Locker::with(&path);
    let second = program.open(&path, "rw");
    let refused = error(Errno::AGAIN);
    assert_eq!(program.ask(&format!("oset {first} w 0 2")), "ok");
    assert_eq!(program.ask(&format!("oset {second} r 0 1")), refused, "another open file");
    assert_eq!(program.ask(&format!("set {first} r 0 1")), refused, "the process's own");
    assert_eq!(program.ask(&format!("oget {second} r 0 1")), "w 0 2 -1");
    let copy: i32 = program.ask(&format!("dup {first}")).parse().unwrap();
    assert_eq!(program.ask(&format!("close {first}")), "ok");
    assert!(!client.set(handle, SHARED, 0, 1), "a copy is open");
    assert_eq!(program.ask(&format!("close {copy}")), "ok");
    // The kernel tells that an open file is gone some time after it is.
    while !client.set(handle, EXCLUSIVE, 0, 1) {}
    assert!(client.set(handle, UNLOCK, 0, 0));
}

#[test]
fn many_locks_can_be_had() {
    let Some(Stage { mounted: _mounted, path, mut client, handle }) = Stage::new() else { return };
    let (mut program, fd) = Locker::with(&path);
    for place in 0..MANY {
        assert_eq!(program.ask(&format!("set {fd} w {} 1", 2 * place)), "ok", "{place}");
    }
    assert!(!client.set(handle, SHARED, 2 * MANY as u64 - 2, 1));
    assert_eq!(program.ask(&format!("close {fd}")), "ok");
    assert!(client.set(handle, EXCLUSIVE, 0, 0));
}

#[test]
fn flock_stays_within_the_kernel() {
    let Some(Stage { mounted: _mounted, path, mut client, handle }) = Stage::new() else { return };
    let ((mut one, fd), (mut other, other_fd)) = (Locker::with(&path), Locker::with(&path));
    assert_eq!(one.ask(&format!("flock {fd}")), "ok");
    assert_eq!(other.ask(&format!("flock {other_fd}")), error(Errno::AGAIN));
    assert!(client.set(handle, EXCLUSIVE, 0, 0));
    drop(one);
    assert_eq!(other.ask(&format!("flock {other_fd}")), "ok");
}

#[test]
fn locks_go_when_the_front_end_dies() {
    let Some(Stage { mounted, path, mut client, handle }) = Stage::new() else { return };
    let (mut program, fd) = Locker::with(&path);
    assert_eq!(program.ask(&format!("set {fd} w 0 0")), "ok");
    assert!(!client.set(handle, SHARED, 0, 1));
    kill_process(front_end(&mounted.point()), Signal::KILL).unwrap();
    // The system notices some time after it is.
    while !client.set(handle, EXCLUSIVE, 0, 1) {}
    assert_ne!(program.ask(&format!("set {fd} r 0 1")), "ok");
    drop(program);
    let umount = mounted.command(&["umount", "--lazy"]).arg(mounted.point()).status();
    assert!(umount.unwrap().success());
}
