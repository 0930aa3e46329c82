//! Files that begin without a name, in tmpfs.

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
use dataplane::file::{LinkFlags, OpenFlags};
use support::System;
use support::client::{BOTH, READ};
use support::fake::{FakeFileSystem, Pace};

const UNNAMED: OpenFlags = OpenFlags::TEMPORARY.union(BOTH);

#[test]
fn a_file_without_a_name_may_get_one() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    client.mkdir("d", 0o755).unwrap();
    let used = system.service.usage();
    let file = client.open_at(client.root, "d", UNNAMED, 0o640).unwrap();
    client.write_all(file, 0, &[5; 10_000]).unwrap();
    assert_eq!(client.list("d"), Ok(vec![]));
    // As a directory's flag, which Linux has beside it, means where to make it.
    let other = client.open_at(client.root, "d", UNNAMED | OpenFlags::DIRECTORY, 0o640).unwrap();
    client.close(other).unwrap();
    let status = client.stat_at(file, "", true).unwrap();
    assert_eq!((status.links, status.mode, status.size), (0, 0o100_640, 10_000));
    client.link_at(file, "", "d/named", LinkFlags::EMPTY_PATH).unwrap();
    client.close(file).unwrap();
    assert_eq!(client.stat("d/named").unwrap().links, 1);
    let named = client.open("d/named", READ).unwrap();
    assert_eq!(client.read(named, 9_999, 5), Ok(vec![5]));
    client.unlink("d/named").unwrap();
    let again = client.link_at(named, "", "d/again", LinkFlags::EMPTY_PATH);
    assert_eq!(again, Err(Errno::ENOENT), "it has had its name");
    client.close(named).unwrap();
    // One that never gets a name goes with its handle.
    let lost = client.open_at(client.root, "d", UNNAMED, 0o600).unwrap();
    client.write_all(lost, 0, &[5; 10_000]).unwrap();
    client.close(lost).unwrap();
    let after = system.service.usage();
    assert_eq!((after.used_bytes, after.inodes), (used.used_bytes, used.inodes));
}

#[test]
fn what_is_asked_for_must_make_sense_and_be_allowed() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    client.mkdir("d", 0o755).unwrap();
    client.create("file", 0o644).unwrap();
    let open = |path, flags| client.open_at(client.root, path, flags, 0o600).map(drop);
    assert_eq!(open("d", OpenFlags::TEMPORARY), Err(Errno::EINVAL), "it could not be written");
    for flag in [OpenFlags::CREATE, OpenFlags::EXCLUSIVE, OpenFlags::REOPEN] {
        assert_eq!(open("d", UNNAMED | flag), Err(Errno::EINVAL));
    }
    assert_eq!(open("file", UNNAMED), Err(Errno::ENOTDIR));
    assert_eq!(open("nothing", UNNAMED), Err(Errno::ENOENT));
    assert_eq!(open("", UNNAMED), Err(Errno::ENOENT));
    client.symlink("d", "link").unwrap();
    assert_eq!(open("link", UNNAMED), Ok(()));
    assert_eq!(open("link", UNNAMED | OpenFlags::NO_FOLLOW), Err(Errno::ENOTDIR));
    // It takes no name of the directory, so that may have gone.
    client.mkdir("removed", 0o755).unwrap();
    let removed = client.open("removed", READ).unwrap();
    client.rmdir("removed").unwrap();
    assert!(client.open_at(removed, ".", UNNAMED, 0o600).is_ok());
    let other = system.client(7, 7);
    let refused = other.open_at(other.root, "d", UNNAMED, 0o600);
    assert_eq!(refused, Err(Errno::EACCES));
    let fake = System::over(8 << 20, Box::new(FakeFileSystem::new(Pace::Now)));
    let client = fake.root_client();
    let none = client.open_at(client.root, ".", UNNAMED, 0o600);
    assert_eq!(none, Err(Errno::EOPNOTSUPP));
}
