//! Zero-copy reads: what a client's mapping shows, and what it never shows. Mappings are kept, as
//! a hostile client keeps them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::Region;
use dataplane::entry::Errno;
use dataplane::file::OpenFlags;
use dataplane::grant::{CONTENTS, GENERATION, RETIRED, ROOM};
use dataplane::service::Answer;
use std::sync::atomic::Ordering::Relaxed;
use support::System;
use support::client::{self, Client, READ, Terms, finish};
use support::fake::{FakeFileSystem, Pace};
use vfs::Usage;

const PAGE: usize = 4096;

fn word(region: &Region, offset: usize) -> u64 {
    region.load(offset, Relaxed).unwrap()
}

fn bytes(region: &Region, offset: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    region.read(CONTENTS + offset, &mut bytes).unwrap();
    bytes
}

/// A file of so many pages, each full of its number plus one.
fn numbered(client: &Client, path: &str, pages: usize) -> dataplane::entry::Handle {
    let file = client.create(path, 0o644).unwrap();
    for page in 0..pages {
        let byte = u8::try_from(page + 1).unwrap();
        client.write_all(file, (page * PAGE) as u64, &[byte; PAGE]).unwrap();
    }
    file
}

fn systems() -> Vec<(&'static str, System)> {
    let over = |pace| System::over(4 << 20, Box::new(FakeFileSystem::new(pace)));
    vec![
        ("tmpfs", System::new(4 << 20)),
        ("fake", over(Pace::Now)),
        ("late fake", over(Pace::Later(77))),
    ]
}

#[test]
fn a_grant_shows_the_file_and_follows_it() {
    for (name, system) in systems() {
        println!("over {name}");
        let client = system.root_client();
        let file = numbered(&client, "f", 3);
        let (count, id) = client.read_grant(file, 4000, 200, false).unwrap();
        assert_eq!(count, 200);
        let map = system.broker.map(client.id, id.grant).unwrap();
        assert!(word(&map, ROOM) >= 3 * PAGE as u64);
        assert_eq!(u64::from(id.generation), word(&map, GENERATION));
        assert_eq!(bytes(&map, 4000, 96), [1; 96]);
        assert_eq!(bytes(&map, 4096, 104), [2; 104]);
        assert_eq!(system.service.usage().pinned_pages, 2);
        client.write(file, 4090, b"live and well").unwrap();
        assert_eq!(bytes(&map, 4090, 13), b"live and well");
        assert_eq!(word(&map, GENERATION) % 2, 0);
        assert!(word(&map, GENERATION) > u64::from(id.generation));
        assert_eq!(client.read(file, 4090, 13), Ok(b"live and well".to_vec()));
        client.consume();
        assert_eq!(system.service.usage().pinned_pages, 0);
        // Warm: at once, by the same grant; to the end of the file and no further.
        let request = Client::grant_request(file, 2 * PAGE as u64 - 1, u32::MAX, false);
        client.run(&request).unwrap();
        let Answer::Now(completion) = client.submit_request(&request) else {
            panic!("a warm page is granted at once")
        };
        assert_eq!(completion.status.result(), Ok(4097));
        assert_eq!(client.read_grant(file, 3 * PAGE as u64, 1, false).unwrap().0, 0);
        assert_eq!(client.read_grant(file, 0, 0, false).unwrap().0, 0);
        assert_eq!(system.broker.made(), 1);
        drop(completion);
    }
}

#[test]
fn truncated_pages_read_zeros_punched_or_not() {
    for denies in [false, true] {
        for (name, system) in systems() {
            println!("over {name}, punching denied: {denies}");
            system.memory.denies_punch.store(denies, Relaxed);
            let client = system.root_client();
            let file = numbered(&client, "f", 4);
            let (_, id) = client.read_grant(file, 0, 4 * 4096, true).unwrap();
            let map = system.broker.map(client.id, id.grant).unwrap();
            client.truncate(file, 5000).unwrap();
            assert!(word(&map, GENERATION) > u64::from(id.generation));
            assert_eq!(bytes(&map, 0, PAGE), [1; PAGE]);
            assert_eq!(bytes(&map, PAGE, 904), [2; 904]);
            assert_eq!(bytes(&map, 5000, 4 * PAGE - 5000), vec![0; 4 * PAGE - 5000]);
            client.write(file, 3 * PAGE as u64, b"again").unwrap();
            assert_eq!(client.read(file, 5000, 1), Ok(vec![0]));
            client.read_grant(file, 3 * PAGE as u64, 5, false).unwrap();
            assert_eq!(bytes(&map, 3 * PAGE, 6), b"again\0");
            client.release(id.grant, 1).unwrap();
            client.consume();
            assert_eq!(system.service.usage().pinned_pages, 0);
            system.broker.committed();
        }
    }
}

#[test]
fn a_file_that_is_gone_takes_its_region_along() {
    for (name, system) in systems() {
        println!("over {name}");
        let client = system.root_client();
        let empty = system.service.usage();
        let secret = numbered(&client, "f", 2);
        let (_, id) = client.read_grant(secret, 0, 8192, false).unwrap();
        let stale = system.broker.map(client.id, id.grant).unwrap();
        client.unlink("f").unwrap();
        let other = client.create("f", 0o600).unwrap();
        client.write(other, 0, &[0xaa; 8192]).unwrap();
        assert_eq!(bytes(&stale, 0, 4), [1; 4], "still open");
        client.close(secret).unwrap();
        client.consume();
        let (_, other_id) = client.read_grant(other, 0, 8192, false).unwrap();
        assert_ne!(other_id.grant, id.grant);
        assert!(system.broker.map(client.id, id.grant).is_none());
        assert_eq!(bytes(&stale, 0, 8192), [0; 8192], "no byte of the other file");
        client.consume();
        client.close(other).unwrap();
        client.unlink("f").unwrap();
        assert_eq!(system.broker.counts(), (0, 0));
        let headers = usize::try_from(system.broker.made()).unwrap();
        assert_eq!(system.broker.committed(), headers, "no contents");
        let usage = system.service.usage();
        assert_eq!(Usage { dentries: 0, ..usage }, Usage { dentries: 0, ..empty });
    }
}

#[test]
fn without_a_handle_nothing_new_is_seen() {
    for (name, system) in systems() {
        println!("over {name}");
        let (writer, reader) = (system.root_client(), system.root_client());
        let file = numbered(&writer, "f", 2);
        let handle = reader.open("f", READ).unwrap();
        let again = reader.open("f", READ).unwrap();
        let (_, id) = reader.read_grant(handle, 0, 8192, false).unwrap();
        assert_eq!(reader.read_grant(again, 0, 1, false).unwrap().1.grant, id.grant);
        let (_, kept) = writer.read_grant(file, 0, 4096, true).unwrap();
        let stale = system.broker.map(reader.id, id.grant).unwrap();
        let before = system.broker.map(writer.id, kept.grant).unwrap();
        reader.close(handle).unwrap();
        writer.write(file, 0, b"both").unwrap();
        assert_eq!(bytes(&stale, 0, 4), b"both", "one handle is left");
        reader.disconnect();
        assert!(system.broker.counts().1 == 1);
        assert_eq!(word(&stale, RETIRED), 0, "nothing has changed yet");
        writer.write(file, 0, b"NEWS").unwrap();
        writer.write(file, 4096, b"MORE").unwrap();
        assert_eq!(word(&stale, RETIRED), 1);
        assert_eq!(bytes(&stale, 0, 4), b"both", "pinned by the writer: as it was");
        assert_eq!(bytes(&stale, 4096, 4), [0; 4], "not pinned: gone");
        assert_eq!(bytes(&before, 0, 4), b"both");
        let (_, id) = writer.read_grant(file, 0, 8192, false).unwrap();
        assert_ne!(id.grant, kept.grant);
        let map = system.broker.map(writer.id, id.grant).unwrap();
        assert_eq!(bytes(&map, 0, 5), b"NEWS\x01");
        assert_eq!(bytes(&map, 4096, 5), b"MORE\x02");
        writer.release(kept.grant, 1).unwrap();
        assert_eq!(writer.release(kept.grant, 1), Err(Errno::EBADF));
        assert_eq!(bytes(&before, 0, 4), [0; 4], "the old region is gone");
        assert_eq!(system.broker.counts(), (1, 1));
    }
}

#[test]
fn a_file_that_outgrows_its_region_moves() {
    for denies in [false, true] {
        for (name, system) in systems() {
            println!("over {name}, punching denied: {denies}");
            system.memory.denies_punch.store(denies, Relaxed);
            let client = system.root_client();
            let file = numbered(&client, "f", 1);
            let (_, first) = client.read_grant(file, 0, 1, true).unwrap();
            let map = system.broker.map(client.id, first.grant).unwrap();
            let room = word(&map, ROOM);
            client.write(file, room, b"beyond").unwrap();
            assert_eq!(client.read_grant(file, 0, 1, false).unwrap().1.grant, first.grant);
            let (count, second) = client.read_grant(file, room, 99, false).unwrap();
            assert_eq!(count, 6);
            assert_ne!(second.grant, first.grant);
            assert_eq!(word(&map, RETIRED), 1);
            assert_eq!(bytes(&map, 0, 4), [1; 4], "held pages stay readable");
            let moved = system.broker.map(client.id, second.grant).unwrap();
            let beyond = usize::try_from(room).unwrap();
            assert_eq!(bytes(&moved, beyond, 7), b"beyond\0");
            client.write(file, 0, b"new").unwrap();
            assert_eq!(bytes(&map, 0, 4), [1; 4], "but never change again");
            client.release(first.grant, 1).unwrap();
            client.consume();
            assert_eq!(system.broker.counts(), (1, 1));
            client.close(file).unwrap();
            client.unlink("f").unwrap();
            assert_eq!(system.broker.counts(), (0, 0));
            assert_eq!(system.service.usage().pages, 0);
        }
    }
}

#[test]
fn holes_are_zeros_and_cost_only_while_there_is_memory() {
    let system = System::new(1 << 20);
    let client = system.root_client();
    let file = client.create("sparse", 0o600).unwrap();
    client.truncate(file, 1 << 20).unwrap();
    let before = client.stat("sparse").unwrap().blocks;
    for page in 0..200u64 {
        let (_, id) = client.read_grant(file, page * 4096, 4096, false).unwrap();
        let map = system.broker.map(client.id, id.grant).unwrap();
        assert_eq!(bytes(&map, 0, PAGE), [0; PAGE]);
        client.consume();
    }
    assert_eq!(client.stat("sparse").unwrap().blocks, before);
    let other = client.create("full", 0o600).unwrap();
    client.write_all(other, 0, &[1; 900 << 10]).unwrap();
    // The budget is full of the other file: the holes went for it.
    let usage = system.service.usage();
    assert!(usage.used_bytes <= usage.limit_bytes);
    client.write(file, 0, b"x").unwrap();
    assert_eq!(client.read(file, 0, 2), Ok(b"x\0".to_vec()));
}

#[test]
fn pinned_pages_are_not_evicted_and_others_are() {
    for pace in [Pace::Now, Pace::Later(5)] {
        let system = System::over(1 << 20, Box::new(FakeFileSystem::new(pace)));
        let client = system.root_client();
        let file = numbered(&client, "f", 100);
        client.sync(file).unwrap();
        let (_, held) = client.read_grant(file, 0, 4096, true).unwrap();
        let (_, loose) = client.read_grant(file, 4096, 4096, false).unwrap();
        client.consume();
        let map = system.broker.map(client.id, held.grant).unwrap();
        assert_eq!(bytes(&map, 4096, 4), [2; 4]);
        let other = client.create("other", 0o600).unwrap();
        for page in 0..500u64 {
            client.write_all(other, page * 4096, &[9; PAGE]).unwrap();
        }
        assert_eq!(bytes(&map, 0, PAGE), [1; PAGE], "pinned");
        assert_eq!(bytes(&map, PAGE, PAGE), [0; PAGE], "evicted");
        assert!(word(&map, GENERATION) > u64::from(loose.generation));
        let usage = system.service.usage();
        assert!(usage.used_bytes <= usage.limit_bytes);
        assert_eq!(client.read(file, 4095, 2), Ok(vec![1, 2]));
        assert_eq!(client.read_grant(file, 4096, 9, false).unwrap().1.grant, held.grant);
        assert_eq!(bytes(&map, PAGE, PAGE), [2; PAGE]);
        for page in [0u64, 250, 499] {
            assert_eq!(client.read(other, page * 4096, 2), Ok(vec![9, 9]));
        }
    }
}

#[test]
fn pins_are_charged_to_the_session() {
    let system = System::new(4 << 20);
    let mut terms: Terms = client::session(0, 0);
    terms.quota.pinned_pages = 4;
    let client = Client::new(&system, terms);
    let file = numbered(&client, "f", 8);
    assert_eq!(client.read_grant(file, 0, 5 * 4096, false), Err(Errno::EDQUOT));
    let (_, id) = client.read_grant(file, 0, 2 * 4096, true).unwrap();
    client.read_grant(file, 0, 2 * 4096, true).unwrap();
    assert_eq!(client.read_grant(file, 0, 1, false), Err(Errno::EDQUOT));
    assert_eq!(client.release(id.grant, 3), Err(Errno::EINVAL));
    assert_eq!(client.release(id.grant + 1, 1), Err(Errno::EBADF));
    client.release(id.grant, 1).unwrap();
    client.read_grant(file, 0, 1, false).unwrap();
    client.consume();
    let others = system.root_client();
    let handle = others.open("f", READ).unwrap();
    others.read_grant(handle, 0, 8 * 4096, true).unwrap();
    client.disconnect();
    assert_eq!(system.service.usage().pinned_pages, 8);
    others.close(handle).unwrap();
    assert_eq!(system.service.usage().pinned_pages, 0);
}

#[test]
fn a_session_leaves_nothing_behind() {
    for (name, system) in systems() {
        println!("over {name}");
        let steady = system.root_client();
        steady.close(numbered(&steady, "kept", 3)).unwrap();
        steady.sync(steady.open("kept", READ).unwrap()).unwrap();
        let counts = |system: &System| {
            let usage = system.service.usage();
            (usage.grants, usage.pinned_pages, system.broker.counts().1)
        };
        let before = counts(&system);
        let guest = system.root_client();
        let kept = guest.open("kept", READ).unwrap();
        guest.read_grant(kept, 0, 9999, true).unwrap();
        let own = numbered(&guest, "own", 2);
        guest.read_grant(own, 0, 9999, false).unwrap();
        guest.unlink("own").unwrap();
        // One is cut off in the middle.
        let fresh = numbered(&guest, "fresh", 1);
        let cut = guest.submit_request(&Client::grant_request(fresh, 0, 1, true));
        assert!(matches!(cut, Answer::Later(_)), "a region is not made at once");
        drop(cut);
        guest.unlink("fresh").unwrap();
        guest.disconnect();
        assert_eq!(counts(&system), before);
        assert!(system.broker.counts().0 <= 1, "of the kept file alone");
        assert_eq!(system.service.usage().pages, 3);
    }
}

#[test]
fn failures_leave_the_file_readable() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    let file = numbered(&client, "f", 20);
    system.broker.exhausted.set(true);
    assert_eq!(client.read_grant(file, 0, 1, false), Err(Errno::ENOMEM));
    system.broker.exhausted.set(false);
    system.memory.denies_commit.store(true, Relaxed);
    assert_eq!(client.read_grant(file, 0, 1, false), Err(Errno::ENOMEM));
    assert_eq!(system.broker.counts(), (0, 0));
    system.memory.denies_commit.store(false, Relaxed);
    client.read_grant(file, 0, 1, false).unwrap();
    system.memory.denies_commit.store(true, Relaxed);
    assert_eq!(client.read_grant(file, 17 * 4096, 1, false), Err(Errno::ENOMEM));
    assert_eq!(client.read(file, 4095, 2), Ok(vec![1, 2]));
    let directory = client.open("/", READ).unwrap();
    assert_eq!(client.read_grant(directory, 0, 1, false), Err(Errno::EISDIR));
    let path = client.open("f", OpenFlags::PATH).unwrap();
    assert_eq!(client.read_grant(path, 0, 1, false), Err(Errno::EBADF));
    client.truncate(file, 1 << 40).unwrap();
    assert_eq!(client.read_grant(file, 1 << 39, 1, false), Err(Errno::EOPNOTSUPP));
}

#[test]
fn two_first_grants_at_once_agree() {
    let system = System::new(4 << 20);
    let (one, two) = (system.root_client(), system.root_client());
    let file = numbered(&one, "f", 2);
    let other = two.open("f", READ).unwrap();
    let first = one.submit_request(&Client::grant_request(file, 0, 1, false));
    let second = two.submit_request(&Client::grant_request(other, 4096, 1, false));
    let (first, second) = (finish(first), finish(second));
    assert_eq!(first.status.result(), Ok(1));
    assert_eq!(second.status.result(), Ok(1));
    assert_eq!(system.broker.counts(), (1, 2));
    assert_eq!(system.service.usage().pinned_pages, 2);
    drop((first, second));
    assert_eq!(system.service.usage().pinned_pages, 0);
}
