//! Memory of Linux: who cannot write what, and who can still shrink or inherit what.

use crate::subject::{LOST_NS, Report, Subject, unit, with};
use crate::system;
use dataplane::Descriptor;
use dataplane::platform::{Access, MemoryError, NewRegion, Writer};
use platform::linux;
use rings::sync::Ordering;
use rustix::fs::{FallocateFlags, MemfdFlags};
use rustix::io::Errno;
use std::sync::Arc;

const PAGE: u64 = 4096;
/// How a child ends that touches what it has not.
const SEGMENTATION_FAULT: i32 = -11;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("a client cannot write a service's region", intruder_of_our_user);
    if rustix::process::getuid().is_root() {
        check("nor as another user", intruder_of_another_user);
    }
    check("a service's successor may write, with a store", successor);
    check("a client's region cannot be resized", fixed_size);
    check("a stranger's region must have a fixed size", strangers_region);
    check("a forked child sees the guard wiped", fork_guard);
    check("a forked child does not inherit regions", no_inheritance);
    check("a store is in no mount table, a region in no directory", no_mount);
}

/// A service's region after the service has mapped it.
fn sealed(subject: &Subject) -> (NewRegion, dataplane::Region) {
    let made = subject.memory.create(PAGE, Writer::Service).unwrap();
    let service = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
    service.store(0, 42, Ordering::Release).unwrap();
    subject.memory.seal(&made.writable).unwrap();
    (made, service)
}

fn intruder_of_our_user(subject: &Subject) {
    intrude(subject, "intruder");
}

fn intruder_of_another_user(subject: &Subject) {
    intrude(subject, "nobody");
}

fn intrude(subject: &Subject, role: &str) {
    let (made, service) = sealed(subject);
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit(role)).unwrap();
    started.channel.send(&with(b"try", &[&made.read_only])).unwrap();
    let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
    let answer = String::from_utf8(answer.bytes).unwrap();
    for line in answer.lines() {
        println!("    {role} of {}: {line}", subject.name);
        let may_do = line.starts_with("chmod: ") && !subject.has_store();
        assert!(may_do || !line.ends_with(": done"), "{line}");
    }
    assert_eq!(answer.lines().count(), 10);
    if subject.has_store() && role == "intruder" {
        // What refuses is the mount, whoever asks.
        let refusal = Errno::ROFS;
        for attempt in ["reopen and map", "chmod", "chmod, reopen and map"] {
            assert!(answer.contains(&format!("{attempt}: {refusal}")), "{attempt}");
        }
    }
    assert_eq!(service.load(0, Ordering::Acquire), Ok(42));
}

fn successor(subject: &Subject) {
    let (made, _service) = sealed(subject);
    let successor = subject.memory.map(&made.writable, Access::ReadWrite);
    if subject.has_store() {
        assert_eq!(successor.unwrap().load(0, Ordering::Acquire), Ok(42));
    } else {
        assert_eq!(successor.err(), Some(MemoryError::Denied));
    }
}

fn fixed_size(subject: &Subject) {
    let made = subject.memory.create(2 * PAGE, Writer::Client).unwrap();
    let file = linux::as_fd(&made.writable).unwrap();
    for bytes in [0, PAGE, 3 * PAGE] {
        assert_eq!(rustix::fs::ftruncate(file, bytes), Err(Errno::PERM));
    }
    let longer = rustix::fs::fallocate(file, FallocateFlags::empty(), 0, 4 * PAGE);
    assert_eq!(longer, Err(Errno::PERM));
    let region = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
    // What its writer can do is to punch holes: they read as zeros, and fault nobody.
    region.store(0, 1, Ordering::Relaxed).unwrap();
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, hole, 0, 2 * PAGE).unwrap();
    assert_eq!(region.load(0, Ordering::Relaxed), Ok(0));
}

fn strangers_region(subject: &Subject) {
    let address = format!("@conformance-{}-stranger", std::process::id());
    let listener = subject.listen(&address).unwrap();
    let client = subject.connect(&address).unwrap();
    let server = listener.accept().unwrap();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let shrinkable = rustix::fs::memfd_create("shrinkable", flags).unwrap();
    rustix::fs::ftruncate(&shrinkable, PAGE).unwrap();
    let fixed = subject.memory.create(PAGE, Writer::Client).unwrap().writable;
    client.send(&with(b"map these", &[&linux::descriptor(shrinkable), &fixed])).unwrap();
    let received = server.receive_within(Some(LOST_NS)).unwrap().descriptors;
    let map = |descriptor: &Descriptor| subject.memory.map(descriptor, Access::ReadOnly).err();
    assert_eq!(map(&received[0]), Some(MemoryError::Denied));
    assert_eq!(map(&received[1]), None);
    // A client trusts the system.
    server.send(&with(b"back", &[&received[0]])).unwrap();
    let received = client.receive_within(Some(LOST_NS)).unwrap().descriptors;
    assert_eq!(map(&received[0]), None);
}

fn fork_guard(subject: &Subject) {
    let guard = subject.memory.fork_guard().unwrap();
    let seen = || i32::try_from(guard.load(Ordering::Relaxed)).unwrap_or(-1);
    assert_eq!(seen(), 1);
    assert_eq!(system::in_forked_child(seen), 0);
    assert_eq!(seen(), 1, "the parent keeps it");
}

fn no_inheritance(subject: &Subject) {
    for writer in [Writer::Client, Writer::Service] {
        let made = subject.memory.create(PAGE, writer).unwrap();
        let region = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
        let word = region.word(0).unwrap();
        let touch = || i32::from(word.load(Ordering::Relaxed) != 0);
        assert_eq!(system::in_forked_child(touch), SEGMENTATION_FAULT);
    }
}

fn no_mount(subject: &Subject) {
    let before = system::mounts();
    let platform = linux::Platform::for_init();
    assert_eq!(platform.has_store(), linux::Platform::for_init().has_store());
    let region = platform.memory().create(PAGE, Writer::Service).unwrap();
    assert_eq!(system::mounts(), before);
    // Nothing but its descriptors keeps a region's memory.
    for descriptor in [&region.writable, &region.read_only] {
        let file = linux::as_fd(descriptor).unwrap();
        assert_eq!(rustix::fs::fstat(file).unwrap().st_nlink, 0);
    }
    // Regions outlive the store: whoever has one keeps it.
    drop(platform);
    assert!(subject.memory.map(&Arc::clone(&region.writable), Access::ReadWrite).is_ok());
}
