//! Extended attributes of files in tmpfs; of the fake, which has none.

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
use dataplane::file::{OpenFlags, XattrMode};
use support::System;
use support::client::READ;
use support::fake::{FakeFileSystem, Pace};

const ANY: XattrMode = XattrMode::Any;

#[test]
fn values_are_kept_replaced_listed_and_removed() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let file = client.create("file", 0o644).unwrap();
    let used = system.service.usage().used_bytes;
    assert_eq!(client.xattr(file, "user.a", 9), Err(Errno::ENODATA));
    client.set_xattr(file, ("user.a", b"one"), XattrMode::Create).unwrap();
    assert_eq!(client.set_xattr(file, ("user.a", b"x"), XattrMode::Create), Err(Errno::EEXIST));
    assert_eq!(client.set_xattr(file, ("user.b", b"x"), XattrMode::Replace), Err(Errno::ENODATA));
    assert_eq!(client.xattr(file, "user.a", 9), Ok((3, b"one".to_vec())));
    assert_eq!(client.xattr(file, "user.a", 0), Ok((3, vec![])));
    assert_eq!(client.xattr(file, "user.a", 2), Err(Errno::ERANGE));
    let before = client.stat("file").unwrap();
    client.set_xattr(file, ("user.a", b"longer"), XattrMode::Replace).unwrap();
    let after = client.stat("file").unwrap();
    assert!(after.changed != before.changed && after.modified == before.modified);
    client.set_xattr(file, ("trusted.t", b""), ANY).unwrap();
    client.set_xattr(file, ("security.s", b"1"), ANY).unwrap();
    assert_eq!(client.xattr_names(file).unwrap(), ["security.s", "trusted.t", "user.a"]);
    for name in ["security.s", "trusted.t", "user.a"] {
        client.remove_xattr(file, name).unwrap();
    }
    assert_eq!(client.remove_xattr(file, "user.a"), Err(Errno::ENODATA));
    assert_eq!(system.service.usage().used_bytes, used, "all that was charged is given back");
    // They go with the file.
    client.set_xattr(file, ("user.a", &[1; 60_000]), ANY).unwrap();
    client.unlink("file").unwrap();
    client.close(file).unwrap();
    assert!(system.service.usage().used_bytes < used);
}

#[test]
fn names_and_sizes_have_limits() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let file = client.create("file", 0o644).unwrap();
    let set = |name: &str, len: usize| client.set_xattr(file, (name, &vec![7; len]), ANY);
    assert_eq!(set("user.large", 65_537), Err(Errno::E2BIG));
    set("user.large", 65_536).unwrap();
    for (name, error) in [
        ("", Errno::ERANGE),
        ("user.", Errno::EINVAL),
        ("other.a", Errno::EOPNOTSUPP),
        ("system.posix_acl_access", Errno::EOPNOTSUPP),
        ("user.\0", Errno::EINVAL),
    ] {
        assert_eq!(set(name, 1), Err(error), "{name:?}");
    }
    assert_eq!(set(&format!("user.{}", "n".repeat(251)), 1), Err(Errno::ERANGE));
    let mut made = 0;
    while set(&format!("user.{:0>250}", made), 0).is_ok() {
        made += 1;
    }
    assert_eq!(set("user.one-more-with-a-long-name-of-its-own", 0), Ok(()));
    assert_eq!(set(&format!("user.{:0>250}", made), 0), Err(Errno::ENOSPC));
    assert!(made > 200);
    let small = System::new(256 << 10);
    let client = small.root_client();
    let file = client.create("file", 0o644).unwrap();
    let mut number = 0;
    let full = loop {
        match client.set_xattr(file, (&format!("user.{number}"), &[0; 10_000]), ANY) {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, Errno::ENOSPC);
    // What replaces another is charged for what it is larger.
    for len in [10_000, 9_000] {
        client.set_xattr(file, ("user.0", &vec![1; len]), XattrMode::Replace).unwrap();
        assert_eq!(client.xattr(file, "user.0", 10_000), Ok((len as u32, vec![1; len])));
    }
    let larger = client.set_xattr(file, ("user.0", &[2; 60_000]), XattrMode::Replace);
    assert_eq!(larger, Err(Errno::ENOSPC));
    assert_eq!(client.xattr(file, "user.0", 10_000), Ok((9_000, vec![1; 9_000])));
}

#[test]
fn who_may_see_and_change_which() {
    let system = System::new(8 << 20);
    let root = system.root_client();
    root.mkdir("sticky", 0o1777).unwrap();
    let file = root.create("file", 0o646).unwrap();
    for name in ["user.u", "trusted.t", "security.s"] {
        root.set_xattr(file, (name, b"x"), ANY).unwrap();
    }
    let other = system.client(7, 7);
    let path = other.open("file", OpenFlags::PATH).unwrap();
    assert_eq!(other.xattr_names(path).unwrap(), ["security.s", "user.u"]);
    assert_eq!(other.xattr(path, "user.u", 9), Ok((1, b"x".to_vec())));
    assert_eq!(other.xattr(path, "security.s", 9), Ok((1, b"x".to_vec())));
    assert_eq!(other.xattr(path, "trusted.t", 9), Err(Errno::ENODATA));
    other.set_xattr(path, ("user.u", b"y"), ANY).unwrap();
    assert_eq!(other.set_xattr(path, ("trusted.t", b"y"), ANY), Err(Errno::EPERM));
    assert_eq!(other.remove_xattr(path, "security.s"), Err(Errno::EPERM));
    root.chmod("file", 0o600).unwrap();
    assert_eq!(other.xattr(path, "user.u", 9), Err(Errno::EACCES));
    assert_eq!(other.set_xattr(path, ("user.u", b"z"), ANY), Err(Errno::EACCES));
    let sticky = other.open("sticky", READ).unwrap();
    assert_eq!(other.set_xattr(sticky, ("user.u", b"z"), ANY), Err(Errno::EPERM));
    root.symlink("file", "link").unwrap();
    let link = root.open("link", OpenFlags::PATH | OpenFlags::NO_FOLLOW).unwrap();
    assert_eq!(root.set_xattr(link, ("user.u", b"z"), ANY), Err(Errno::EPERM));
    assert_eq!(root.xattr(link, "user.u", 9), Err(Errno::ENODATA));
    root.set_xattr(link, ("trusted.t", b"z"), ANY).unwrap();
}

#[test]
fn a_file_system_may_have_none() {
    let system = System::over(8 << 20, Box::new(FakeFileSystem::new(Pace::Now)));
    let client = system.root_client();
    let file = client.create("file", 0o644).unwrap();
    let refused = Err(Errno::EOPNOTSUPP);
    assert_eq!(client.set_xattr(file, ("user.a", b"x"), ANY), refused);
    assert_eq!(client.xattr(file, "user.a", 1).map(drop), refused);
    assert_eq!(client.xattr_names(file).map(drop), refused);
    assert_eq!(client.remove_xattr(file, "user.a"), refused);
}
