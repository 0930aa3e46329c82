//! What the processes that the checks start do. Those named in `subject` also run as threads.

use crate::limits;
use crate::subject::{EXIT_CODE, LOST_NS, packet, unit, with};
use crate::system;
use control::platform::{Channel, Packet, Spawning};
use dataplane::platform::{Access, Token, Wake};
use platform::linux;
use rings::sync::Ordering;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use std::sync::Arc;

/// Runs a role until it is done; returns its exit code.
pub(crate) fn run(role: &str, channel: &Arc<dyn Channel>) -> i32 {
    match role {
        "echo" => echo(&**channel),
        "exit" => EXIT_CODE,
        "inventory" => inventory(&**channel),
        "sleeper" => sleeper(&**channel),
        "intruder" => intruder(&**channel),
        "nobody" => {
            system::become_nobody();
            intruder(&**channel)
        }
        "outsider" => {
            system::become_nobody();
            outsider(&**channel)
        }
        "vandal" => vandal(&**channel),
        "patient" => patient(&**channel),
        "stubborn" => stubborn(&**channel),
        "parent" => parent(&**channel),
        "taker" => limits::taker(&**channel),
        "poor spawner" => limits::poor_spawner(),
        "hang" => {
            linux::answer_where().unwrap();
            channel.send(&packet(b"hanging")).unwrap();
            hang_for_ever()
        }
        _ => system::fail("no such role"),
    }
}

fn received(channel: &dyn Channel) -> Packet {
    channel.receive_within(Some(LOST_NS)).unwrap()
}

fn echo(channel: &dyn Channel) -> i32 {
    while let Ok(message) = channel.receive_within(None) {
        if channel.send(&message).is_err() {
            break;
        }
    }
    0
}

/// Tells what the process was started with.
fn inventory(channel: &dyn Channel) -> i32 {
    let pid = rustix::process::getpid();
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut descriptors: Vec<String> =
        descriptors.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    descriptors.sort();
    // The last is of the directory that was read.
    descriptors.pop();
    let lines = [
        format!("descriptors {}", descriptors.join(" ")),
        format!("input {}", std::fs::read_link("/proc/self/fd/0").unwrap().display()),
        format!("variables {}", std::env::vars_os().count()),
        format!("directory {}", std::env::current_dir().unwrap().display()),
        format!("session {}", rustix::process::getsid(None) == Ok(pid)),
        format!("no_new_privs {}", rustix::thread::no_new_privs().unwrap()),
        format!("taken {}", linux::service_channel().is_none()),
    ];
    channel.send(&packet(lines.join("\n").as_bytes())).unwrap();
    0
}

/// Sleeps on a word of a region that it can only read.
fn sleeper(channel: &dyn Channel) -> i32 {
    let platform = linux::Platform::new();
    let message = received(channel);
    let region = platform.memory().map(&message.descriptors[0], Access::ReadOnly).unwrap();
    let word = region.word(64).unwrap();
    channel.send(&packet(b"asleep soon")).unwrap();
    let waiting = platform.waiting();
    let lost = waiting.now().after_ns(LOST_NS);
    while word.load(Ordering::Acquire) == 0 {
        if waiting.sleep_on(&[(&word, 0)], Some(lost)) == Wake::Deadline {
            system::fail("nobody woke me");
        }
    }
    channel.send(&packet(b"awake")).unwrap();
    0
}

/// Tries to get at a region for writing, of which it has a read-only descriptor. Answers with the
/// names of what it managed to do, and of the errors otherwise.
fn intruder(channel: &dyn Channel) -> i32 {
    let message = received(channel);
    let file = linux::as_fd(&message.descriptors[0]).unwrap();
    let attempts: [(&str, Result<(), Errno>); 8] = [
        ("map", system::maps_writable(&file)),
        ("reopen and map", reopened(file, |file| system::maps_writable(&file))),
        ("reopen and write", reopened(file, |file| rustix::io::pwrite(file, b"x", 0).map(drop))),
        ("reopen and shrink", reopened(file, |file| rustix::fs::ftruncate(file, 0))),
        ("reopen and punch", reopened(file, punch)),
        ("write", rustix::io::pwrite(file, b"x", 0).map(drop)),
        ("shrink", rustix::fs::ftruncate(file, 0)),
        ("punch", punch(file)),
    ];
    let chmod = rustix::fs::fchmod(file, Mode::RWXU | Mode::RWXG | Mode::RWXO);
    let outcome = |name: &str, outcome: Result<(), Errno>| match outcome {
        Ok(()) => format!("{name}: done"),
        Err(error) => format!("{name}: {error}"),
    };
    let mut lines: Vec<_> = attempts.map(|(name, result)| outcome(name, result)).into();
    lines.push(outcome("chmod", chmod));
    // Once more, with what the mode allows now.
    let again = reopened(file, |file| system::maps_writable(&file));
    lines.push(outcome("chmod, reopen and map", again));
    channel.send(&packet(lines.join("\n").as_bytes())).unwrap();
    0
}

fn reopened(
    file: BorrowedFd<'_>,
    attempt: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let writable = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    attempt(writable.as_fd())
}

fn punch(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, 0, 4096)
}

/// Connects where it is told to, and sends a message with a descriptor and one without.
fn outsider(channel: &dyn Channel) -> i32 {
    let address = String::from_utf8(received(channel).bytes).unwrap();
    let client = linux::Platform::new().connect(&address, LOST_NS).unwrap();
    client.send(&with(b"take this", &[&client.source()])).unwrap();
    client.send(&packet(b"an honest one")).unwrap();
    channel.send(&packet(b"sent")).unwrap();
    // It ends with whoever started it, so that the messages are not the last of it.
    let _ = channel.receive_within(None);
    0
}

/// Makes a doorbell, and the channel itself, blocking, fills the doorbell's counter, and floods the
/// channel.
fn vandal(channel: &dyn Channel) -> i32 {
    let message = received(channel);
    for descriptor in [&message.descriptors[0], &channel.source()] {
        let file = linux::as_fd(descriptor).unwrap();
        let flags = rustix::fs::fcntl_getfl(file).unwrap();
        rustix::fs::fcntl_setfl(file, flags - OFlags::NONBLOCK).unwrap();
    }
    let most = (u64::MAX - 1).to_ne_bytes();
    let bell = linux::as_fd(&message.descriptors[0]).unwrap();
    rustix::io::write(bell, &most).unwrap();
    while channel.send(&packet(b"done")).is_ok() {}
    echo(channel)
}

/// Ends in order when it is asked to by a signal.
fn patient(channel: &dyn Channel) -> i32 {
    let end = linux::termination().unwrap();
    let poller = linux::poller().unwrap();
    poller.add(&end, Token(1)).unwrap();
    channel.send(&packet(b"ready")).unwrap();
    let mut ready = Vec::new();
    while ready.is_empty() {
        poller.wait(None, &mut ready);
    }
    EXIT_CODE
}

/// Says that it is there, and stays whatever happens to its channel.
fn stubborn(channel: &dyn Channel) -> i32 {
    channel.send(&packet(b"alive")).unwrap();
    loop {
        std::thread::park();
    }
}

/// Starts a service of its own, tells its number, and waits to be killed.
fn parent(channel: &dyn Channel) -> i32 {
    let spawner = linux::Platform::new().spawning(linux::Program::default()).unwrap();
    let child = spawner.spawn(&unit("stubborn")).unwrap();
    assert_eq!(received(&*child.channel).bytes, b"alive");
    channel.send(&packet(&child.pid.to_ne_bytes())).unwrap();
    // Does not come: it is killed before.
    let _ = channel.receive_within(None);
    0
}

#[inline(never)]
fn hang_for_ever() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
