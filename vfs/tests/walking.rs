//! Symbolic links, mounts, and long or deep paths.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::Errno;
use dataplane::file::{FileKind, OpenFlags, RenameFlags};
use support::client::{BOTH, READ};
use support::fake::{FakeFileSystem, Pace};
use support::fake_rules::ROOT;
use support::{System, block_on};
use vfs::Writability::ReadWrite;

fn with_links(pace: Pace, links: &[(&str, &str)]) -> System {
    let fake = FakeFileSystem::new(pace);
    for (name, target) in links {
        fake.symlink(ROOT, name, target);
    }
    System::over(4 << 20, Box::new(fake))
}

#[test]
fn links_are_followed() {
    for pace in [Pace::Now, Pace::Later(9)] {
        let system = with_links(
            pace,
            &[
                ("to_file", "d/f"),
                ("to_dir", "d"),
                ("to_dir_slash", "d/"),
                ("absolute", "/d/f"),
                ("up", "../../d"),
                ("chain", "to_dir"),
                ("dangling", "d/none"),
                ("top", "/"),
                ("file_slash", "d/f/"),
                ("empty_file", ""),
            ],
        );
        let client = system.root_client();
        client.mkdir("d", 0o755).unwrap();
        let file = client.create("d/f", 0o600).unwrap();
        client.write(file, 0, b"text").unwrap();
        for path in [
            "to_file",
            "absolute",
            "to_dir/f",
            "to_dir_slash/f",
            "up/f",
            "chain/f",
            "chain/../d/f",
            "top/d/f",
            "top/top/to_file",
        ] {
            let found = client.open(path, READ).unwrap();
            assert_eq!(client.read(found, 0, 9), Ok(b"text".to_vec()), "{path}");
        }
        let link = client.stat_at(client.root, "to_dir", false).unwrap();
        assert_eq!(link.kind(), FileKind::Symlink);
        let through = client.stat_at(client.root, "to_dir/", false).unwrap();
        assert_eq!(through.kind(), FileKind::Directory);
        assert_eq!(client.stat("to_dir").unwrap().inode, through.inode);
        for path in ["to_file/", "file_slash", "to_file/x"] {
            assert_eq!(client.stat(path).unwrap_err(), Errno::ENOTDIR, "{path}");
        }
        assert_eq!(client.stat("empty_file").unwrap_err(), Errno::ENOENT);
        assert_eq!(client.stat("dangling").unwrap_err(), Errno::ENOENT);
        let no_follow = READ | OpenFlags::NO_FOLLOW;
        assert_eq!(client.open("to_file", no_follow), Err(Errno::ELOOP));
        assert!(client.open("to_dir/f", no_follow).is_ok());
        assert!(client.open("to_file", OpenFlags::PATH | OpenFlags::NO_FOLLOW).is_ok());
        let create = BOTH | OpenFlags::CREATE;
        assert_eq!(client.open("dangling", create | OpenFlags::EXCLUSIVE), Err(Errno::EEXIST));
        client.open_at(client.root, "dangling", create, 0o600).unwrap();
        assert!(client.stat("d/none").is_ok(), "made where the link points to");
        assert_eq!(client.mkdir("to_dir", 0o700), Err(Errno::EEXIST));
        assert_eq!(client.rmdir("to_dir"), Err(Errno::ENOTDIR));
        assert_eq!(client.unlink("to_dir/"), Err(Errno::ENOTDIR));
        assert_eq!(client.unlink("to_dir"), Ok(()));
        assert_eq!(client.rename("chain", "to_file"), Ok(()));
        assert!(client.stat("d/f").is_ok());
    }
}

#[test]
fn links_end_somewhere() {
    let mut links = vec![("a".to_owned(), "b".to_owned()), ("b".into(), "a".into())];
    for n in 1..=41 {
        links.push((format!("l{n}"), format!("l{}", n - 1)));
    }
    let links: Vec<_> = links.iter().map(|(a, b)| (&**a, &**b)).collect();
    let system = with_links(Pace::Now, &links);
    let client = system.root_client();
    client.create("l0", 0o600).unwrap();
    assert_eq!(client.stat("a").unwrap_err(), Errno::ELOOP);
    assert_eq!(client.open("a/x", READ), Err(Errno::ELOOP));
    assert!(client.stat("l40").is_ok());
    assert_eq!(client.stat("l41").unwrap_err(), Errno::ELOOP);
}

#[test]
fn mounts_are_crossed_both_ways() {
    for pace in [Pace::Now, Pace::Later(3)] {
        let system = System::new(4 << 20);
        let client = system.root_client();
        client.mkdir("mnt", 0o755).unwrap();
        client.create("mnt/hidden", 0o600).unwrap();
        let fake = FakeFileSystem::new(pace);
        fake.symlink(ROOT, "out", "/top");
        block_on(system.service.mount(b"mnt", Box::new(fake.clone()), ReadWrite)).unwrap();
        client.create("top", 0o600).unwrap();
        assert_eq!(client.list("mnt"), Ok(vec!["out".into()]));
        client.mkdir("mnt/d", 0o755).unwrap();
        let file = client.create("mnt/d/f", 0o600).unwrap();
        client.write(file, 0, b"there").unwrap();
        client.sync(file).unwrap();
        assert_eq!(fake.state.borrow().writes, 1);
        let device = |path: &str| client.stat(path).unwrap().device;
        assert_ne!(device("mnt"), device("/"));
        assert_eq!(device("mnt/.."), device("/"));
        assert_eq!(device("mnt/d/../../mnt/d/f"), device("mnt"));
        assert_eq!(client.stat("mnt/out").unwrap().inode, client.stat("top").unwrap().inode);
        assert_eq!(client.rename("mnt/d/f", "f"), Err(Errno::EXDEV));
        assert_eq!(client.rename("mnt", "elsewhere"), Err(Errno::EBUSY));
        client.mkdir("other", 0o755).unwrap();
        let exchange = RenameFlags::EXCHANGE;
        assert_eq!(client.rename_with("other", "mnt", exchange), Err(Errno::EBUSY));
        assert_eq!(client.rmdir("mnt"), Err(Errno::EBUSY));
        let again = system.service.tmpfs();
        assert_eq!(block_on(system.service.mount(b"mnt", again, ReadWrite)), Err(Errno::EBUSY));
        let again = system.service.tmpfs();
        assert_eq!(block_on(system.service.mount(b"top", again, ReadWrite)), Err(Errno::ENOTDIR));
        let again = system.service.tmpfs();
        block_on(system.service.mount(b"other", again, ReadWrite)).unwrap();
        client.create("other/x", 0o600).unwrap();
        assert_eq!(client.list("other"), Ok(vec!["x".into()]));
    }
}

#[test]
fn depth_is_not_recursion() {
    let system = System::new(64 << 20);
    let client = system.root_client();
    let mut at = client.root;
    for _ in 0..20_000 {
        let path = client.path("d", 0);
        let request = dataplane::file::Request::MkdirAt { directory: at, path, mode: 0o700 };
        client.run(&request).unwrap();
        let next = client.open_at(at, "d", READ, 0).unwrap();
        if at != client.root {
            client.close(at).unwrap();
        }
        at = next;
    }
    assert!(client.stat_at(at, &"../".repeat(1300), true).is_ok());
    client.close(at).unwrap();
    system.service.drop_dentries();
    assert_eq!(system.service.usage().inodes, 1);
}
