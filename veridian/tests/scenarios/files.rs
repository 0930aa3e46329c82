//! Files, directories, and many clients of them at once.

use crate::{Open, System};
use control::client::SessionOptions;
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, OpenFlags, RenameFlags, SyncKind, UnlinkKind};
use std::thread;

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);

fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(step).collect()
}

pub(crate) fn a_file_reads_back_through_read_and_grant(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    for len in [0, 1, 7, 8, 4095, 4096, 4097, 300_001] {
        let data = pattern(len, 7);
        let file = queue.open(root, b"file", CREATE | OpenFlags::TRUNCATE, 0o600).unwrap();
        assert_eq!(queue.write(file, 0, &data), Ok(len));
        queue.fsync(file, SyncKind::All).unwrap();
        assert_eq!(queue.stat(file, b"").unwrap().size, len as u64);
        let mut copy = vec![0; len + 9];
        assert_eq!(queue.read(file, 0, &mut copy), Ok(len));
        assert_eq!(copy[..len], data[..]);
        let mut granted = vec![0; len];
        let mut at = 0;
        while at < len {
            let into = &mut granted[at..];
            at += queue.read_grant(file, at as u64, 65_536, |view| view.read(0, into)).unwrap();
        }
        assert_eq!(granted, data);
        queue.close(file).unwrap();
    }
}

pub(crate) fn directories_list_rename_and_remove(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    queue.mkdir(root, b"d", 0o755).unwrap();
    for index in 0..500 {
        let name = format!("d/entry-{index:03}");
        let file = queue.open(root, name.as_bytes(), CREATE, 0o644).unwrap();
        queue.close(file).unwrap();
    }
    let directory = queue.open(root, b"d", OpenFlags::DIRECTORY, 0).unwrap();
    let mut names = Vec::new();
    queue
        .read_directory(directory, |entry| {
            assert_eq!(entry.kind, Some(FileKind::Regular));
            names.push(String::from_utf8(entry.name.to_vec()).unwrap());
        })
        .unwrap();
    names.sort();
    assert_eq!(names, (0..500).map(|i| format!("entry-{i:03}")).collect::<Vec<_>>());
    let refused = queue.unlink(root, b"d", UnlinkKind::Directory);
    assert_eq!(refused, Err(ClientError::Service(Errno::ENOTEMPTY)));
    let taken =
        queue.rename((directory, b"entry-000"), (directory, b"entry-001"), RenameFlags::NO_REPLACE);
    assert_eq!(taken, Err(ClientError::Service(Errno::EEXIST)));
    queue.rename((directory, b"entry-000"), (root, b"moved"), RenameFlags::empty()).unwrap();
    queue.unlink(root, b"moved", UnlinkKind::File).unwrap();
    for name in &names[1..] {
        queue.unlink(directory, name.as_bytes(), UnlinkKind::File).unwrap();
    }
    queue.close(directory).unwrap();
    queue.unlink(root, b"d", UnlinkKind::Directory).unwrap();
    let gone = queue.stat(root, b"d").map(|_| ());
    assert_eq!(gone, Err(ClientError::Service(Errno::ENOENT)));
}

pub(crate) fn paths_stay_below_the_root(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    let top = queue.stat(root, b"").unwrap().inode;
    assert_eq!(queue.stat(root, b"../../..").unwrap().inode, top);
    assert_eq!(queue.stat(root, b"/").unwrap().inode, top);
    let long = vec![b'x'; 4097];
    let refused = queue.stat(root, &long).map(|_| ());
    assert_eq!(refused, Err(ClientError::Service(Errno::ENAMETOOLONG)));
}

/// Writes and reads back files of its own for a while.
fn work(open: &mut Open, me: u64) {
    let name = format!("client-{me}");
    for round in 0..30 {
        let data = pattern(20_000, me * 1000 + round);
        let file = open.queue.open(open.root, name.as_bytes(), CREATE, 0o600).unwrap();
        assert_eq!(open.queue.write(file, round * 100, &data), Ok(data.len()));
        let mut back = vec![0; data.len()];
        assert_eq!(open.queue.read(file, round * 100, &mut back), Ok(data.len()));
        assert_eq!(back, data);
        open.queue.close(file).unwrap();
    }
    assert_eq!(open.queue.safety_wakes(), 0, "a wake-up was lost");
}

pub(crate) fn many_clients_write_at_once(system: &System) {
    thread::scope(|scope| {
        for me in 0..8 {
            scope.spawn(move || work(&mut system.session(), me));
        }
    });
}

pub(crate) fn two_threads_drive_two_queues_of_one_session(system: &System) {
    let connection = system.connect();
    let options = SessionOptions { queues: 2, ..SessionOptions::default() };
    let mut session = connection.connect("vfs", options).unwrap();
    let root = session.root();
    thread::scope(|scope| {
        for me in 0..2u8 {
            let mut queue = session.take_queue().unwrap();
            scope.spawn(move || {
                let file = queue.open(root, &[b'q', b'0' + me], CREATE, 0o600).unwrap();
                for at in 0..2000u64 {
                    assert_eq!(queue.write(file, at * 8, &at.to_le_bytes()), Ok(8));
                }
                let mut back = vec![0; 16_000];
                assert_eq!(queue.read(file, 0, &mut back), Ok(16_000));
                for (at, word) in back.chunks(8).enumerate() {
                    assert_eq!(word, (at as u64).to_le_bytes());
                }
            });
        }
    });
    assert!(session.take_queue().is_none());
}
