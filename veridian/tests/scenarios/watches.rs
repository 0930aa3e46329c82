//! Change events between sessions: seen while awake and asleep, through more changes than slots,
//! beside other requests, and until the end.

use crate::{Open, System};
use control::client::SessionOptions;
use dataplane::client::{Change, ClientError, Queue, Watch};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{OpenFlags, UnlinkKind, WatchEvents};
use std::collections::BTreeSet;
use std::thread;

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);

fn begin(queue: &mut Queue, root: Handle, path: &[u8]) -> (Handle, Watch) {
    queue.mkdir(root, path, 0o777).unwrap();
    let directory = queue.open(root, path, OpenFlags::DIRECTORY, 0).unwrap();
    let watch = queue.watch(directory, WatchEvents::CHANGES).unwrap();
    (directory, watch)
}

fn next(queue: &mut Queue, watch: &mut Watch) -> Option<Change> {
    let (index, change) = queue.next_change(std::slice::from_mut(watch), None).unwrap();
    assert_eq!(index, 0);
    change
}

pub(crate) fn every_change_of_others_is_seen_or_said_to_be_lost(system: &System) {
    let Open { mut queue, root, connection: _connection, session: _session } = system.session();
    let (_, mut watch) = begin(&mut queue, root, b"seen");
    let names: BTreeSet<Vec<u8>> = (0..2_000).map(|n| format!("n{n}").into_bytes()).collect();
    let mut other = system.session();
    let changed = names.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            let directory = other.queue.open(other.root, b"seen", OpenFlags::DIRECTORY, 0).unwrap();
            for name in &changed {
                let file = other.queue.open(directory, name, CREATE, 0o600).unwrap();
                other.queue.close(file).unwrap();
            }
            other.queue.mkdir(directory, b"last", 0o700).unwrap();
        });
        let (mut seen, mut has_lost) = (BTreeSet::new(), false);
        loop {
            let change = next(&mut queue, &mut watch).unwrap();
            has_lost |= change.events.contains(WatchEvents::LOST);
            if change.name == b"last" {
                break;
            }
            // The queue is used for something else meanwhile.
            queue.stat(root, b"seen").unwrap();
            seen.insert(change.name);
            if has_lost && queue.stat(root, b"seen/last").is_ok() {
                break;
            }
        }
        assert!(has_lost || seen == names, "{} of {} seen", seen.len(), names.len());
    });
    queue.end_watch(watch).unwrap();
    assert_eq!(queue.in_flight(), 0);
}

pub(crate) fn a_watch_that_sleeps_is_woken_by_each_change(system: &System) {
    let Open { mut queue, root, connection: _connection, session: _session } = system.session();
    let (_, mut watch) = begin(&mut queue, root, b"woken");
    let mut other = system.session();
    let file = other.queue.open(other.root, b"woken/file", CREATE, 0o600).unwrap();
    assert_eq!(next(&mut queue, &mut watch).unwrap().events, WatchEvents::NAMES);
    for round in 0..50u64 {
        other.queue.write(file, round, b"x").unwrap();
        let change = next(&mut queue, &mut watch).unwrap();
        assert_eq!((change.events, &*change.name), (WatchEvents::CONTENTS, &b"file"[..]));
    }
    assert_eq!(queue.safety_wakes(), 0, "a wake-up was lost");
}

pub(crate) fn watches_end_with_handle_and_object(system: &System) {
    let Open { mut queue, root, connection: _connection, session: _session } = system.session();
    let (closed, watch) = begin(&mut queue, root, b"closed");
    let (_, gone) = begin(&mut queue, root, b"gone");
    let mut both = [watch, gone];
    queue.close(closed).unwrap();
    let refused = queue.next_change(&mut both, None);
    assert_eq!(refused, Err(ClientError::Service(Errno::ECANCELED)));
    let mut other = system.session();
    other.queue.unlink(other.root, b"gone", UnlinkKind::Directory).unwrap();
    loop {
        match queue.next_change(&mut both, None).unwrap() {
            (1, None) => break,
            (1, Some(change)) => assert_eq!(change.events, WatchEvents::ATTRIBUTES),
            other => panic!("{other:?}"),
        }
    }
    for watch in both {
        queue.end_watch(watch).unwrap();
    }
    assert_eq!(queue.in_flight(), 0);
    let path = queue.open(root, b"closed", OpenFlags::PATH, 0).unwrap();
    let refused = queue.watch(path, WatchEvents::NAMES).err();
    assert_eq!(refused, Some(ClientError::Service(Errno::EBADF)));
    assert_eq!(queue.in_flight(), 0);
}

pub(crate) fn watches_never_take_the_last_place(system: &System) {
    let options = SessionOptions { sq_entries: 8, cq_entries: 8, ..SessionOptions::default() };
    let open = Open::new(system.connect(), options);
    let Open { mut queue, root, connection: _connection, session: _session } = open;
    queue.mkdir(root, b"many", 0o777).unwrap();
    let directory = queue.open(root, b"many", OpenFlags::DIRECTORY, 0).unwrap();
    let watches: Vec<_> =
        (0..7).map(|_| queue.watch(directory, WatchEvents::NAMES).unwrap()).collect();
    let refused = queue.watch(directory, WatchEvents::NAMES).err();
    assert_eq!(refused, Some(ClientError::Full));
    // What else there is to do, and to end them, finds a place.
    queue.stat(directory, b"").unwrap();
    for watch in watches {
        queue.end_watch(watch).unwrap();
    }
    assert_eq!(queue.in_flight(), 0);
}
