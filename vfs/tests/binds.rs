//! Directories that are seen in a second place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::Errno;
use dataplane::file::{FilesystemStatus, LinkFlags, OpenFlags, RenameFlags, XattrMode};
use support::client::{BOTH, Client, READ, WRITE};
use support::{System, block_on, each};
use vfs::Writability::{self, ReadOnly, ReadWrite};

fn bind(system: &System, from: &str, to: &str, how: Writability) -> Result<(), Errno> {
    block_on(system.service.bind(from.as_bytes(), to.as_bytes(), how))
}

fn unmount(system: &System, path: &str) -> Result<(), Errno> {
    block_on(system.service.unmount(path.as_bytes()))
}

fn inode(client: &Client, path: &str) -> u64 {
    client.stat(path).unwrap().inode
}

fn make(client: &Client, path: &str) {
    client.close(client.create(path, 0o644).unwrap()).unwrap();
}

#[test]
fn both_places_show_the_same() {
    each(|system, client| {
        for path in ["a", "a/d", "b"] {
            client.mkdir(path, 0o755).unwrap();
        }
        make(client, "b/hidden");
        bind(system, "a", "b", ReadWrite).unwrap();
        let file = client.create("b/f", 0o600).unwrap();
        client.write(file, 0, b"here").unwrap();
        let there = client.open("a/f", READ).unwrap();
        assert_eq!(client.read(there, 0, 9), Ok(b"here".to_vec()));
        assert_eq!(client.list("b"), Ok(vec!["d".into(), "f".into()]));
        assert_eq!(inode(client, "b/d"), inode(client, "a/d"));
        // `..` leads back by the way that one came.
        assert_eq!(inode(client, "b/d/.."), inode(client, "a"));
        client.mkdir("top", 0o755).unwrap();
        assert_eq!(inode(client, "b/d/../../top"), inode(client, "top"));
        let handle = client.open("b/d", READ).unwrap();
        client.mkdir("x", 0o755).unwrap();
        client.rename("a", "x/a").unwrap();
        assert_eq!(inode(client, "x/a/../../top"), inode(client, "top"));
        let up = client.stat_at(handle, "../../top", true).unwrap().inode;
        assert_eq!(up, inode(client, "top"), "beside the place that it was bound to");
        assert_eq!(unmount(system, "b"), Err(Errno::EBUSY));
        for handle in [handle, file, there] {
            client.close(handle).unwrap();
        }
        unmount(system, "b").unwrap();
        assert_eq!(client.list("b"), Ok(vec!["hidden".into()]));
        assert_eq!(unmount(system, "b"), Err(Errno::EINVAL));
    });
}

#[test]
fn what_is_covered_cannot_be_taken_away() {
    each(|system, client| {
        for path in ["a", "b", "c"] {
            client.mkdir(path, 0o755).unwrap();
        }
        assert_eq!(bind(system, "a", "missing", ReadWrite), Err(Errno::ENOENT));
        make(client, "file");
        assert_eq!(bind(system, "a", "file", ReadWrite), Err(Errno::ENOTDIR));
        assert_eq!(bind(system, "file", "b", ReadWrite), Err(Errno::ENOTDIR));
        assert_eq!(bind(system, "a", "/", ReadWrite), Err(Errno::EBUSY));
        bind(system, "a", "b", ReadWrite).unwrap();
        assert_eq!(bind(system, "c", "b", ReadWrite), Err(Errno::EBUSY));
        assert_eq!(client.rmdir("b"), Err(Errno::EBUSY));
        assert_eq!(client.rename("b", "x"), Err(Errno::EBUSY));
        assert_eq!(client.rename("c", "b"), Err(Errno::EBUSY));
        assert_eq!(client.rename_with("c", "b", RenameFlags::EXCHANGE), Err(Errno::EBUSY));
        // The source is a directory like others.
        client.rmdir("a").unwrap();
        assert_eq!(client.create("b/late", 0o600), Err(Errno::ENOENT));
        unmount(system, "b").unwrap();
        client.rmdir("b").unwrap();
    });
}

#[test]
fn through_a_read_only_bind_nothing_changes() {
    each(|system, client| {
        client.mkdir("a", 0o755).unwrap();
        client.mkdir("a/d", 0o755).unwrap();
        make(client, "a/f");
        for path in ["b", "c", "e"] {
            client.mkdir(path, 0o755).unwrap();
        }
        bind(system, "a", "b", ReadOnly).unwrap();
        // What is bound from there stays what it was.
        bind(system, "b/d", "c", ReadWrite).unwrap();
        let refused = Errno::EROFS;
        let rofs = Err(refused);
        assert_eq!(client.open("b/f", WRITE), Err(refused));
        assert_eq!(client.open("b/f", READ | OpenFlags::TRUNCATE), Err(refused));
        assert_eq!(client.create("b/new", 0o600), Err(refused));
        assert_eq!(client.create("c/new", 0o600), Err(refused));
        assert_eq!(client.mkdir("b/d/new", 0o700), rofs);
        assert_eq!(client.unlink("b/f"), rofs);
        assert_eq!(client.rename("b/f", "b/g"), rofs);
        assert_eq!(client.rename("b/f", "e/f"), rofs);
        assert_eq!(client.rename("a/f", "b/g"), rofs);
        assert_eq!(client.link("a/f", "b/g"), rofs);
        assert_eq!(client.chmod("b/f", 0o777), rofs);
        let directory = client.open("b/d", READ).unwrap();
        let through = client.open_at(directory, "new", BOTH | OpenFlags::CREATE, 0o600);
        assert_eq!(through, Err(refused));
        let set = client.set_xattr(directory, ("user.a", b"1"), XattrMode::Any);
        assert_eq!(set, rofs);
        let flags = client.filesystem_status(directory).unwrap().flags;
        assert_eq!(flags, FilesystemStatus::READ_ONLY);
        // By the other way, all is as it was.
        client.rename("a/f", "a/g").unwrap();
        make(client, "a/d/new");
        assert_eq!(client.list("c"), Ok(vec!["new".into()]));
        let up = client.open_at(directory, "../../e/new", BOTH | OpenFlags::CREATE, 0o600);
        assert!(up.is_ok(), "`..` leads out of it");
    });
}

#[test]
fn no_name_leads_out_of_a_read_only_bind() {
    each(|system, client| {
        client.mkdir("hidden", 0o700).unwrap();
        client.mkdir("hidden/a", 0o755).unwrap();
        client.close(client.create("hidden/a/f", 0o666).unwrap()).unwrap();
        client.mkdir("b", 0o755).unwrap();
        client.mkdir("open", 0o1777).unwrap();
        bind(system, "hidden/a", "b", ReadOnly).unwrap();
        // He may write the file, if he comes to it by a way that lets him.
        let user = system.client(7, 7);
        let path = user.open("b/f", OpenFlags::PATH).unwrap();
        assert_eq!(user.link("b/f", "open/f"), Err(Errno::EROFS));
        let by_handle = user.link_at(path, "", "open/f", LinkFlags::EMPTY_PATH);
        assert_eq!(by_handle, Err(Errno::EROFS));
        assert_eq!(user.open("open/f", WRITE), Err(Errno::ENOENT));
        assert_eq!(client.stat("hidden/a/f").unwrap().links, 1);
        client.link("hidden/a/f", "open/f").unwrap();
    });
}

#[test]
fn a_directory_below_itself_ends() {
    each(|system, client| {
        client.mkdir("a", 0o755).unwrap();
        client.mkdir("a/b", 0o755).unwrap();
        make(client, "a/f");
        bind(system, "a", "a/b", ReadWrite).unwrap();
        assert_eq!(client.list("a/b"), Ok(vec!["b".into(), "f".into()]));
        assert_eq!(client.list("a/b/b"), Ok(vec![]));
        assert_eq!(inode(client, "a/b/b/../.."), inode(client, "a"));
        // A mount is seen by the way that it was mounted, and no other.
        let tmpfs = system.service.tmpfs();
        block_on(system.service.mount(b"a/b/b", tmpfs, ReadWrite)).unwrap();
        make(client, "a/b/b/x");
        assert_eq!(client.list("a/b/b"), Ok(vec!["x".into()]));
        assert_eq!(inode(client, "a/b/b/../f"), inode(client, "a/f"));
        assert_eq!(unmount(system, "a/b"), Err(Errno::EBUSY));
        unmount(system, "a/b/b").unwrap();
        unmount(system, "a/b").unwrap();
        assert_eq!(client.list("a/b"), Ok(vec![]));
    });
}

#[test]
fn nothing_is_left_of_binds() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    client.mkdir("a", 0o755).unwrap();
    client.mkdir("b", 0o755).unwrap();
    let before = system.service.usage();
    for _ in 0..10 {
        bind(&system, "a", "b", ReadWrite).unwrap();
        assert!(client.stat("b/..").is_ok());
        unmount(&system, "b").unwrap();
    }
    assert_eq!(system.service.usage().inodes, before.inodes);
    bind(&system, "a", "b", ReadWrite).unwrap();
    let broker = std::rc::Rc::downgrade(&system.broker);
    drop(client);
    drop(system);
    assert!(broker.upgrade().is_none(), "a circle keeps the vfs");
}
