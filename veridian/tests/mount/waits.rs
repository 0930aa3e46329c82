//! Locks that programs on the mount wait for: who gets them, and what ends a wait.

use crate::life::serving_by;
use crate::locker::{Locker, error};
use crate::locks::{Stage, file};
use crate::mounted::{Client, Mounted};
use crate::support::PROGRAM;
use dataplane::client::LockRange;
use dataplane::entry::Handle;
use dataplane::file::LockFlags;
use rustix::io::Errno;
use rustix::process::Signal;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Barrier;

const EXCLUSIVE: LockFlags = LockFlags::EXCLUSIVE;
const UNLOCK: LockFlags = LockFlags::empty();

/// More than the threads that answer the kernel.
const CROWD: usize = 10;

/// A mount on which a client of the rings has locked all of a file, and a program that has it open.
struct Locked {
    client: Client,
    handle: Handle,
    program: Locker,
    fd: i32,
    mounted: Mounted,
}

impl Locked {
    /// Nothing where nothing can be mounted.
    fn new() -> Option<Self> {
        let Stage { mounted, path, mut client, handle } = Stage::new()?;
        assert!(client.set(handle, EXCLUSIVE, 0, 0));
        let (program, fd) = Locker::with(&path);
        Some(Self { client, handle, program, fd, mounted })
    }

    fn begin_waiting(&mut self) {
        self.program.wait_for(&format!("wait {} w 0 1", self.fd));
    }

    fn unlock(&mut self) {
        assert!(self.client.set(self.handle, UNLOCK, 0, 0));
    }

    /// Nobody waits: who did would have the lock by now.
    #[track_caller]
    fn nobody_waits(&mut self) {
        self.unlock();
        assert!(self.client.set(self.handle, EXCLUSIVE, 0, 0), "somebody waits");
    }
}

#[test]
fn unlocking_on_one_side_wakes_who_waits_on_the_other() {
    let Some(mut locked) = Locked::new() else { return };
    locked.begin_waiting();
    locked.unlock();
    assert_eq!(locked.program.hear(), "ok");
    assert!(!locked.client.set(locked.handle, EXCLUSIVE, 0, 1));
    let wait = |client: &mut Client, handle| {
        let range = LockRange { first: 0, len: 0 };
        client.queue.lock(handle, range, EXCLUSIVE | LockFlags::WAIT, 1).unwrap();
    };
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| wait(&mut locked.client, locked.handle));
        let fd = locked.fd;
        // It has the next byte too when it is its turn.
        while locked.program.ask(&format!("set {fd} w 0 2")) != "ok" {}
        assert_eq!(locked.program.ask(&format!("set {fd} u 0 0")), "ok");
        waits.join().unwrap();
    });
    let refused = error(Errno::AGAIN);
    assert_eq!(locked.program.ask(&format!("set {} r 0 1", locked.fd)), refused);
}

#[test]
fn more_can_wait_than_threads_answer() {
    let Some(mut locked) = Locked::new() else { return };
    let path = locked.mounted.path("file");
    let mut crowd: Vec<_> = (0..CROWD).map(|_| Locker::with(&path)).collect();
    for (program, fd) in &mut crowd {
        program.wait_for(&format!("wait {fd} w 0 1"));
    }
    // Everybody else goes on.
    fs::write(locked.mounted.path("other"), b"x").unwrap();
    assert_eq!(fs::read_dir(locked.mounted.point()).unwrap().count(), 2);
    locked.unlock();
    // Each in its turn, when the one before it has closed the file.
    std::thread::scope(|scope| {
        for (mut program, fd) in crowd {
            scope.spawn(move || {
                assert_eq!(program.hear(), "ok");
                assert_eq!(program.ask(&format!("close {fd}")), "ok");
            });
        }
    });
    assert!(locked.client.set(locked.handle, EXCLUSIVE, 0, 0));
}

#[test]
fn a_circle_of_programs_is_refused() {
    let Some(mounted) = Mounted::new() else { return };
    let path = file(&mounted);
    let programs = [Locker::with(&path), Locker::with(&path)];
    let all_locked = Barrier::new(2);
    // The one that comes last is refused, and gives way.
    let run = |(own, (mut program, fd)): (usize, (Locker, i32))| {
        assert_eq!(program.ask(&format!("set {fd} w {own} 1")), "ok");
        all_locked.wait();
        let answer = program.ask(&format!("wait {fd} w {} 1", 1 - own));
        assert_eq!(program.ask(&format!("close {fd}")), "ok");
        answer
    };
    let mut answers = std::thread::scope(|scope| {
        let running = programs.into_iter().enumerate().map(|each| scope.spawn(|| run(each)));
        let running: Vec<_> = running.collect();
        running.into_iter().map(|running| running.join().unwrap()).collect::<Vec<_>>()
    });
    answers.sort();
    assert_eq!(answers, [error(Errno::DEADLK), "ok".to_owned()]);
}

#[test]
fn who_waits_can_be_killed() {
    let Some(mut locked) = Locked::new() else { return };
    // The first makes the kernel ask about interruptions, and learn that nobody answers.
    for signal in [Signal::TERM, Signal::KILL, Signal::TERM, Signal::INT] {
        locked.begin_waiting();
        locked.program.signal(signal);
        assert_eq!(locked.program.await_end().signal(), Some(signal.as_raw()));
        locked.nobody_waits();
        (locked.program, locked.fd) = Locker::with(&locked.mounted.path("file"));
    }
}

#[test]
fn who_waits_in_any_of_its_threads_can_be_killed() {
    let Some(mut locked) = Locked::new() else { return };
    for signal in [Signal::TERM, Signal::KILL] {
        let (program, fd) = (&mut locked.program, locked.fd);
        assert_eq!(program.ask(&format!("beside wait {fd} w 0 1")), "ok");
        let threads = program.other_threads();
        program.await_waiting(threads[0]);
        program.signal(signal);
        assert_eq!(program.await_end().signal(), Some(signal.as_raw()));
        locked.nobody_waits();
        (locked.program, locked.fd) = Locker::with(&locked.mounted.path("file"));
    }
}

#[test]
fn a_signal_that_is_handled_ends_the_call_or_begins_it_anew() {
    let Some(mut locked) = Locked::new() else { return };
    for _ in 0..3 {
        assert_eq!(locked.program.ask("handle break"), "ok");
        locked.begin_waiting();
        locked.program.signal(Signal::ALARM);
        assert_eq!(locked.program.hear(), "caught");
        assert_eq!(locked.program.hear(), error(Errno::INTR));
        locked.nobody_waits();
    }
    assert_eq!(locked.program.ask("handle restart"), "ok");
    locked.begin_waiting();
    for _ in 0..3 {
        locked.program.signal(Signal::ALARM);
        assert_eq!(locked.program.hear(), "caught");
        locked.program.await_waiting(locked.program.id());
    }
    locked.unlock();
    assert_eq!(locked.program.hear(), "ok");
}

#[test]
fn a_signal_that_another_thread_handles_is_not_heard_of() {
    let Some(mut locked) = Locked::new() else { return };
    assert_eq!(locked.program.ask("handle restart"), "ok");
    assert_eq!(locked.program.ask(&format!("beside wait {} w 0 1", locked.fd)), "ok");
    let threads = locked.program.other_threads();
    for _ in 0..3 {
        locked.program.await_waiting(threads[0]);
        locked.program.signal(Signal::ALARM);
        assert_eq!(locked.program.hear(), "caught");
    }
    locked.unlock();
    assert_eq!(locked.program.ask("join"), "ok");
}

#[test]
fn who_is_stopped_and_goes_on_still_waits() {
    let Some(mut locked) = Locked::new() else { return };
    locked.begin_waiting();
    locked.program.signal(Signal::STOP);
    let status = format!("/proc/{}/status", locked.program.id());
    while !fs::read_to_string(&status).unwrap().contains("State:\tT") {}
    locked.nobody_waits();
    locked.program.signal(Signal::CONT);
    locked.program.await_waiting(locked.program.id());
    locked.unlock();
    assert_eq!(locked.program.hear(), "ok");
}

#[test]
fn who_lives_in_another_namespace_of_processes_does_not_wait() {
    let Some(mut locked) = Locked::new() else { return };
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root makes such a namespace");
        return;
    }
    let point = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", PROGRAM]);
    unshare.env("VERIDIAN_ADDRESS", locked.mounted.address());
    let mut serving = serving_by(&mut unshare, point.path());
    let (mut program, fd) = Locker::with(&point.path().join("file"));
    assert_eq!(program.ask(&format!("wait {fd} w 0 1")), error(Errno::AGAIN));
    locked.unlock();
    assert_eq!(program.ask(&format!("wait {fd} w 0 1")), "ok");
    drop(program);
    let umount = locked.mounted.command(&["umount"]).arg(point.path()).status();
    assert!(umount.unwrap().success() && serving.wait().unwrap().success());
}
