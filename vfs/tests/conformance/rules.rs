//! The rules of POSIX that hold over every file system. Included by the test of each crate that has
//! some; `each` is its own.

use crate::each;
use crate::support::client::{BOTH, READ, WRITE};
use dataplane::entry::Errno;
use dataplane::file::{FileKind, OpenFlags, RenameFlags};

#[test]
fn what_is_written_is_read() {
    each(|_, client| {
        let file = client.create("a", 0o644).unwrap();
        assert_eq!(client.read(file, 0, 10), Ok(vec![]));
        assert_eq!(client.write(file, 0, b"hello"), Ok(5));
        assert_eq!(client.read(file, 0, 100), Ok(b"hello".to_vec()));
        assert_eq!(client.read(file, 3, 1), Ok(b"l".to_vec()));
        assert_eq!(client.read(file, 5, 1), Ok(vec![]));
        let data: Vec<u8> = (0..100_000u32).map(|n| (n / 7 % 251) as u8).collect();
        client.write_all(file, 1, &data).unwrap();
        assert_eq!(client.read(file, 1, 100_000), Ok(data.clone()));
        assert_eq!(client.read(file, 4094, 5), Ok(data[4093..4098].to_vec()));
        assert_eq!(client.read(file, 0, 1), Ok(b"h".to_vec()));
        client.close(file).unwrap();
        assert_eq!(client.close(file), Err(Errno::EBADF));
        let again = client.open("a", READ).unwrap();
        assert_eq!(client.read(again, 1, 100_000), Ok(data));
        assert_eq!(client.write(again, 0, b"x"), Err(Errno::EBADF));
        assert_eq!(client.truncate(again, 0), Err(Errno::EINVAL));
        assert_eq!(client.sync(again), Ok(()));
    });
}

#[test]
fn holes_and_sizes() {
    each(|_, client| {
        let file = client.create("sparse", 0o600).unwrap();
        client.write(file, 100_000, b"end").unwrap();
        assert_eq!(client.stat("sparse").unwrap().size, 100_003);
        assert_eq!(client.read(file, 50_000, 10), Ok(vec![0; 10]));
        assert_eq!(client.read(file, 99_998, 10), Ok(b"\0\0end".to_vec()));
        client.truncate(file, 100_001).unwrap();
        client.truncate(file, 200_000).unwrap();
        assert_eq!(client.read(file, 99_999, 5), Ok(b"\0e\0\0\0".to_vec()));
        client.truncate(file, 3).unwrap();
        assert_eq!(client.read(file, 0, 10), Ok(vec![0; 3]));
        client.write(file, 0, b"abc").unwrap();
        client.truncate(file, 1).unwrap();
        client.write(file, 4, b"e").unwrap();
        assert_eq!(client.read(file, 0, 10), Ok(b"a\0\0\0e".to_vec()));
        let most = i64::MAX as u64;
        assert_eq!(client.truncate(file, most), Ok(()));
        assert_eq!(client.write(file, most, b"x"), Err(Errno::EFBIG));
        assert_eq!(client.truncate(file, most + 1), Err(Errno::EFBIG));
        assert_eq!(client.write(file, most + 1, b"x"), Err(Errno::EINVAL));
        assert_eq!(client.read(file, most - 1, 8), Ok(vec![0]));
        assert_eq!(client.write(file, most - 2, b"xyz"), Ok(2));
        assert_eq!(client.read(file, most - 3, 8), Ok(b"\0xy".to_vec()));
    });
}

#[test]
fn opening() {
    each(|_, client| {
        let create = BOTH | OpenFlags::CREATE;
        let open = |path: &str, flags| {
            let opened = client.open_at(client.root, path, flags, 0o644);
            opened.inspect(|handle| client.close(*handle).unwrap()).map(drop)
        };
        client.mkdir("d", 0o755).unwrap();
        assert_eq!(open("a", READ), Err(Errno::ENOENT));
        assert_eq!(open("", READ), Err(Errno::ENOENT));
        assert_eq!(open("a/", create), Err(Errno::EISDIR));
        assert_eq!(open("a", create | OpenFlags::EXCLUSIVE), Ok(()));
        assert_eq!(open("a", create | OpenFlags::EXCLUSIVE), Err(Errno::EEXIST));
        assert_eq!(open("a", create), Ok(()));
        assert_eq!(open("a/", READ), Err(Errno::ENOTDIR));
        assert_eq!(open("a/b", READ), Err(Errno::ENOTDIR));
        assert_eq!(open("a", OpenFlags::DIRECTORY), Err(Errno::ENOTDIR));
        for writing in [WRITE, BOTH, create, OpenFlags::TRUNCATE] {
            assert_eq!(open("d", writing), Err(Errno::EISDIR));
        }
        for fine in [READ, OpenFlags::DIRECTORY, OpenFlags::PATH] {
            assert_eq!(open("d//", fine), Ok(()));
        }
        assert_eq!(open("a", WRITE | BOTH), Err(Errno::EINVAL));
        assert_eq!(open("d", create | OpenFlags::DIRECTORY), Err(Errno::EINVAL));
        assert_eq!(open("d", OpenFlags::TEMPORARY), Err(Errno::EINVAL));
        assert_eq!(open("/d/../d/./../a", READ), Ok(()));
        assert_eq!(open("../../a", READ), Ok(()));
        assert_eq!(open(&"x".repeat(256), READ), Err(Errno::ENAMETOOLONG));
        assert_eq!(open(&"x/".repeat(2049), READ), Err(Errno::ENAMETOOLONG));
        assert_eq!(open(&"./".repeat(2047), READ), Ok(()));
        assert_eq!(open("a\0b", READ), Err(Errno::EINVAL));
        let file = client.open("a", WRITE).unwrap();
        client.write(file, 0, b"12345").unwrap();
        assert_eq!(client.read(file, 0, 1), Err(Errno::EBADF));
        assert_eq!(open("a", WRITE | OpenFlags::TRUNCATE), Ok(()));
        assert_eq!(client.stat("a").unwrap().size, 0);
        let path = client.open("a", OpenFlags::PATH).unwrap();
        assert_eq!(client.read(path, 0, 1), Err(Errno::EBADF));
        assert_eq!(client.sync(path), Err(Errno::EBADF));
        assert!(client.stat_at(path, "", true).is_ok());
        let directory = client.open("d", READ).unwrap();
        assert_eq!(client.read(directory, 0, 1), Err(Errno::EISDIR));
        assert_eq!(client.list_part(path, 0, 99), Err(Errno::EBADF));
        assert_eq!(client.list_part(file, 0, 99), Err(Errno::ENOTDIR));
        assert_eq!(client.open_at(file, "x", READ, 0), Err(Errno::ENOTDIR));
    });
}

#[test]
fn appending() {
    each(|_, client| {
        let file = client.create("log", 0o644).unwrap();
        let appending = client.open("log", WRITE | OpenFlags::APPEND).unwrap();
        client.write(appending, 0, b"one").unwrap();
        client.write(file, 3, b"two").unwrap();
        client.write(appending, 0, b"three").unwrap();
        assert_eq!(client.read(file, 0, 99), Ok(b"onetwothree".to_vec()));
    });
}

#[test]
fn directories() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        client.mkdir("d/e/", 0o755).unwrap();
        for there in ["d", "d/", ".", "..", "/", "d/.", "d/e/.."] {
            assert_eq!(client.mkdir(there, 0o755), Err(Errno::EEXIST), "{there}");
        }
        assert_eq!(client.mkdir("x/y", 0o755), Err(Errno::ENOENT));
        assert_eq!(client.stat("d").unwrap().links, 3);
        assert_eq!(client.stat("d").unwrap().kind(), FileKind::Directory);
        client.create("d/f", 0o600).unwrap();
        assert_eq!(client.rmdir("d"), Err(Errno::ENOTEMPTY));
        assert_eq!(client.rmdir("d/f"), Err(Errno::ENOTDIR));
        assert_eq!(client.unlink("d/e"), Err(Errno::EISDIR));
        assert_eq!(client.unlink("d/f/"), Err(Errno::ENOTDIR));
        assert_eq!(client.rmdir("d/."), Err(Errno::EINVAL));
        assert_eq!(client.rmdir("d/.."), Err(Errno::ENOTEMPTY));
        assert_eq!(client.rmdir("/"), Err(Errno::EBUSY));
        assert_eq!(client.unlink("d/nothing"), Err(Errno::ENOENT));
        assert_eq!(client.list("d"), Ok(vec!["e".into(), "f".into()]));
        let removed = client.open("d/e", READ).unwrap();
        client.rmdir("d/e/").unwrap();
        assert_eq!(client.stat("d").unwrap().links, 2);
        assert_eq!(client.stat_at(removed, "", true).unwrap().links, 0);
        let create = WRITE | OpenFlags::CREATE;
        assert_eq!(client.open_at(removed, "x", create, 0o600), Err(Errno::ENOENT));
        client.unlink("d/f").unwrap();
        client.rmdir("d").unwrap();
        assert_eq!(client.list("/"), Ok(vec![]));
    });
}

#[test]
fn a_listing_goes_on_where_it_was() {
    each(|_, client| {
        for n in 0..50 {
            client.create(&format!("f{n:02}"), 0o600).unwrap();
        }
        let directory = client.open("/", READ).unwrap();
        assert_eq!(client.list_part(directory, 0, 16), Err(Errno::EINVAL));
        let mut seen = vec![];
        let mut cookie = 0;
        loop {
            let part = client.list_part(directory, cookie, 200).unwrap();
            let Some((last, _)) = part.last() else { break };
            cookie = *last;
            seen.extend(part.into_iter().map(|(_, name)| name));
            // What was listed goes, something else comes: the rest is listed once all the same.
            let gone = seen.last().filter(|name| name.starts_with('f'));
            if let Some(gone) = gone {
                client.unlink(gone).unwrap();
            }
            if seen.len() < 30 {
                client.create(&format!("new{cookie}"), 0o600).unwrap();
            }
        }
        for n in 0..50 {
            let name = format!("f{n:02}");
            assert_eq!(seen.iter().filter(|seen| **seen == name).count(), 1, "{name}");
        }
    });
}

#[test]
fn an_open_file_outlives_its_name() {
    each(|system, client| {
        let before = system.service.usage();
        let file = client.create("a", 0o644).unwrap();
        client.write(file, 0, &[7; 10_000]).unwrap();
        client.unlink("a").unwrap();
        assert_eq!(client.stat("a").unwrap_err(), Errno::ENOENT);
        assert_eq!(client.stat_at(file, "", true).unwrap().links, 0);
        let other = client.create("a", 0o644).unwrap();
        client.write(other, 0, b"other").unwrap();
        client.write(file, 10_000, b"more").unwrap();
        assert_eq!(client.read(file, 9_999, 99), Ok(b"\x07more".to_vec()));
        client.close(file).unwrap();
        client.close(other).unwrap();
        client.unlink("a").unwrap();
        let after = system.service.usage();
        assert_eq!((after.pages, after.inodes), (before.pages, before.inodes));
        assert_eq!(after.used_bytes, before.used_bytes);
    });
}

#[test]
fn renaming() {
    each(|_, client| {
        let write = |path: &str| {
            let file = client.create(path, 0o644).unwrap();
            client.write(file, 0, path.as_bytes()).unwrap();
            client.close(file).unwrap();
        };
        let read = |path: &str| {
            let file = client.open(path, READ).unwrap();
            let bytes = client.read(file, 0, 99).unwrap();
            client.close(file).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        client.mkdir("d", 0o755).unwrap();
        client.mkdir("d/sub", 0o755).unwrap();
        client.mkdir("e", 0o755).unwrap();
        write("a");
        write("b");
        assert_eq!(client.rename("a", "a"), Ok(()));
        assert_eq!(client.rename("none", "b"), Err(Errno::ENOENT));
        assert_eq!(client.rename("a", "d"), Err(Errno::EISDIR));
        assert_eq!(client.rename("d", "a"), Err(Errno::ENOTDIR));
        assert_eq!(client.rename("e", "d"), Err(Errno::ENOTEMPTY));
        assert_eq!(client.rename("d", "d/sub/x"), Err(Errno::EINVAL));
        assert_eq!(client.rename("d/sub", "d"), Err(Errno::ENOTEMPTY));
        assert_eq!(client.rename("a/", "x"), Err(Errno::ENOTDIR));
        assert_eq!(client.rename("a", "x/"), Err(Errno::ENOTDIR));
        assert_eq!(client.rename(".", "x"), Err(Errno::EBUSY));
        assert_eq!(client.rename("a", ".."), Err(Errno::EBUSY));
        let no_replace = RenameFlags::NO_REPLACE;
        let exchange = RenameFlags::EXCHANGE;
        assert_eq!(client.rename_with("a", "b", no_replace), Err(Errno::EEXIST));
        assert_eq!(client.rename_with("a", "x", exchange), Err(Errno::ENOENT));
        let both = no_replace | exchange;
        assert_eq!(client.rename_with("a", "b", both), Err(Errno::EINVAL));
        client.rename_with("a", "c", no_replace).unwrap();
        client.rename("c", "b").unwrap();
        assert_eq!(read("b"), "a");
        assert_eq!(client.stat("c").unwrap_err(), Errno::ENOENT);
        client.rename_with("b", "d", exchange).unwrap();
        assert_eq!(read("d"), "a");
        assert_eq!(client.list("b"), Ok(vec!["sub".into()]));
        assert_eq!(client.rename_with("b/sub", "b", exchange), Err(Errno::EINVAL));
        client.rename("b/sub", "e/moved").unwrap();
        assert_eq!(client.stat("b").unwrap().links, 2);
        assert_eq!(client.stat("e").unwrap().links, 3);
        assert_eq!(client.stat("e/moved/..").unwrap().inode, client.stat("e").unwrap().inode);
        client.mkdir("empty", 0o755).unwrap();
        client.rename("e", "empty/").unwrap();
        assert_eq!(client.list("empty"), Ok(vec!["moved".into()]));
        client.rename_with("d", "empty/moved", exchange).unwrap();
        assert_eq!(client.stat("empty").unwrap().links, 2);
        assert_eq!(client.list("/"), Ok(vec!["b".into(), "d".into(), "empty".into()]));
        assert_eq!(client.stat("d/..").unwrap().inode, client.stat("/").unwrap().inode);
    });
}
