//! Real processes: what they are started with, what they share, and that they do not outlive us.

use crate::subject::{EXIT_CODE, LOST_NS, Report, Subject, packet, unit, with};
use control::message::{Message, ServiceMessage};
use control::platform::Spawning;
use dataplane::platform::{Access, Token, Writer};
use platform::{ConnectError, ListenError, linux};
use rings::sync::Ordering;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use std::fs::File;
use std::io::Read;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("a service has nothing but its channel", inventory);
    check("its output goes where it is told", output);
    check("its memory is known", resident);
    check("a peer's word is slept on through a read-only mapping", sleeper);
    check("services do not outlive their parent", orphan);
    check("the wish to end reaches a poller", termination);
    check("services do not outlive their spawner", spawner_dropped);
    check("a service that hangs says where", interrogated);
    check("a socket file that was left behind is replaced", stale_socket);
}

fn inventory(subject: &Subject) {
    // Something to inherit, also for those who forget to say that it must not be.
    let (_reader, writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::empty()).unwrap();
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("inventory")).unwrap();
    let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
    let expected = "descriptors 0 1 2 3\ninput /dev/null\nvariables 0\ndirectory /\n\
                    session true\nno_new_privs true\ntaken true";
    assert_eq!(String::from_utf8(answer.bytes).unwrap(), expected);
    assert_eq!(subject.reaped(&*spawner, &started), 0);
}

fn output(subject: &Subject) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let program = linux::Program {
        output: linux::Output::File(File::from(std::os::fd::OwnedFd::from(writer))),
        ..linux::Program::default()
    };
    let spawner = linux::Platform::new().spawning(program).unwrap();
    let started = spawner.spawn(&unit("no such role")).unwrap();
    assert_eq!(subject.reaped(&spawner, &started), 101);
    drop(spawner);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "role: no such role\n");
}

fn resident(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("echo")).unwrap();
    started.channel.send(&packet(b"up?")).unwrap();
    started.channel.receive_within(Some(LOST_NS)).unwrap();
    let bytes = spawner.resident_bytes(started.pid);
    assert!(bytes > 0 && bytes.is_multiple_of(4096), "{bytes}");
    assert_eq!(spawner.resident_bytes(1), 0, "not one of ours");
}

fn sleeper(subject: &Subject) {
    for writer in [Writer::Client, Writer::Service] {
        let made = subject.memory.create(4096, writer).unwrap();
        let region = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
        let spawner = subject.spawner();
        let started = spawner.spawn(&unit("sleeper")).unwrap();
        started.channel.send(&with(b"read", &[&made.read_only])).unwrap();
        let soon = started.channel.receive_within(Some(LOST_NS)).unwrap();
        assert_eq!(soon.bytes, b"asleep soon");
        let word = region.word(64).unwrap();
        word.store(1, Ordering::Release);
        subject.waiting.wake(&word);
        let awake = started.channel.receive_within(Some(LOST_NS)).unwrap();
        assert_eq!(awake.bytes, b"awake");
        assert_eq!(subject.reaped(&*spawner, &started), 0);
    }
}

fn orphan(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("parent")).unwrap();
    let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
    let grandchild = i32::from_ne_bytes(answer.bytes.try_into().unwrap());
    let pid = Pid::from_raw(grandchild).unwrap();
    let end = linux::descriptor(pidfd_open(pid, PidfdFlags::empty()).unwrap());
    let poller = subject.poller();
    poller.add(&end, Token(9)).unwrap();
    assert!(subject.ready_now(&*poller).is_empty(), "it lives");
    spawner.kill(started.pid);
    assert_eq!(subject.reaped(&*spawner, &started), -9);
    assert_eq!(subject.ready(&*poller), [Token(9)], "it outlived its parent");
}

fn termination(subject: &Subject) {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let spawner = subject.spawner();
        let started = spawner.spawn(&unit("patient")).unwrap();
        started.channel.receive_within(Some(LOST_NS)).unwrap();
        let pid = Pid::from_raw(i32::try_from(started.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(subject.reaped(&*spawner, &started), EXIT_CODE);
    }
}

fn spawner_dropped(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("stubborn")).unwrap();
    started.channel.receive_within(Some(LOST_NS)).unwrap();
    drop(spawner);
    assert!(!started.channel.is_connected());
    let pid = Pid::from_raw(i32::try_from(started.pid).unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(pid).is_err(), "it was not reaped");
}

fn stale_socket(subject: &Subject) {
    let name = format!("conformance-{}.socket", std::process::id());
    let path = std::env::temp_dir().join(name);
    let address = path.to_str().unwrap();
    let nobody = subject.connect(address).err();
    assert_eq!(nobody, Some(ConnectError::NotListening));
    // What a listener that was killed leaves behind.
    let left = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(left);
    assert!(path.exists());
    assert_eq!(subject.connect(address).err(), Some(ConnectError::NotListening));
    let listener = subject.listen(address).unwrap();
    assert_eq!(subject.listen(address).err(), Some(ListenError::InUse));
    assert!(subject.connect(address).is_ok());
    drop(listener);
    assert!(!path.exists());
    std::fs::write(&path, "a file").unwrap();
    assert_eq!(subject.listen(address).err(), Some(ListenError::BadAddress));
    assert!(path.exists(), "a file that is no socket is left alone");
    std::fs::remove_file(&path).unwrap();
    let nowhere = subject.listen("/nonexistent/socket").err();
    assert_eq!(nowhere, Some(ListenError::BadAddress));
}

fn interrogated(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("hang")).unwrap();
    assert_eq!(started.channel.receive_within(Some(LOST_NS)).unwrap().bytes, b"hanging");
    // At first it may still be on its way from telling so.
    let mut words = String::new();
    for _ in 0..100 {
        spawner.interrogate(started.pid);
        let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
        let frames = match ServiceMessage::decode(&answer.bytes).unwrap() {
            (_, ServiceMessage::Stack(stack)) => stack.frames.into_vec(),
            _ => Vec::new(),
        };
        words = spawner.describe(&frames);
        if words.contains("hang_for_ever") {
            break;
        }
    }
    assert!(words.contains("hang_for_ever"), "{words}");
    assert_eq!(spawner.reap(started.pid), None, "it goes on hanging");
    spawner.kill(started.pid);
    assert_eq!(subject.reaped(&*spawner, &started), -9);

    // Who does not know the signal does not notice it.
    let started = spawner.spawn(&unit("echo")).unwrap();
    spawner.interrogate(started.pid);
    started.channel.send(&packet(b"still there?")).unwrap();
    let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
    assert_eq!(answer.bytes, b"still there?");
}
