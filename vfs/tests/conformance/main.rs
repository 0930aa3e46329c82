//! The rules of POSIX, over every file system of this crate: tmpfs, and a fake that keeps contents
//! of its own and answers at once or late, alone or as if others changed it too. Those of other
//! crates are held to the same rules there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod names;
mod order;
mod rules;
#[path = "../support/mod.rs"]
mod support;

use dataplane::entry::Errno;
use dataplane::file::OpenFlags;
use support::client::READ;
use support::{each, each as each_with_owners, each_alone};

#[test]
fn devices_are_names_only_and_only_user_0_makes_them() {
    each(|system, client| {
        client.make_node("device", 0o020_600, 0x103).unwrap();
        assert_eq!(client.stat("device").unwrap().special_device, 0x103);
        client.mkdir("open", 0o777).unwrap();
        let other = system.client(7, 7);
        assert_eq!(other.make_node("open/device", 0o020_600, 1), Err(Errno::EPERM));
    });
}

#[test]
fn times_follow_what_happens() {
    each_alone(|_, client| {
        let times = |path: &str| {
            let status = client.stat(path).unwrap();
            let nanoseconds = |time: dataplane::file::FileTime| time.nanoseconds;
            (
                nanoseconds(status.accessed),
                nanoseconds(status.modified),
                nanoseconds(status.changed),
            )
        };
        client.mkdir("d", 0o755).unwrap();
        let directory = times("d");
        let file = client.create("d/f", 0o644).unwrap();
        assert!(times("d").1 > directory.1 && times("d").2 > directory.2);
        let new = times("d/f");
        client.write(file, 0, b"x").unwrap();
        let written = times("d/f");
        assert!(written.1 > new.1 && written.2 > new.2 && written.0 == new.0);
        client.read(file, 0, 1).unwrap();
        let read = times("d/f");
        assert!(read.0 > written.0 && read.1 == written.1 && read.2 == written.2);
        client.read(file, 0, 1).unwrap();
        assert_eq!(times("d/f"), read);
        client.rename("d/f", "f").unwrap();
        assert!(times("f").2 > read.2 && times("f").1 == read.1);
        client.truncate(file, 5).unwrap();
        assert!(times("f").1 > read.1);
        let directory = times("d");
        client.list("d").unwrap();
        assert!(times("d").0 > directory.0 && times("d").1 == directory.1);
    });
}

#[test]
fn a_removed_directory_lists_nothing_and_takes_nothing() {
    each_alone(|system, client| {
        client.mkdir("d", 0o755).unwrap();
        let removed = client.open("d", READ).unwrap();
        client.rmdir("d").unwrap();
        assert_eq!(client.list_part(removed, 0, 99), Err(Errno::ENOENT));
        assert_eq!(client.list_part(removed, 2, 99), Err(Errno::ENOENT));
        assert_eq!(client.stat_at(removed, "x", true).unwrap_err(), Errno::ENOENT);
        assert!(client.stat_at(removed, "..", true).is_ok());
        // Whoever may not write it is told the same.
        let other = system.client(7, 7);
        client.mkdir("d", 0o755).unwrap();
        let removed = other.open("d", READ).unwrap();
        client.rmdir("d").unwrap();
        let made = other.open_at(removed, "x", READ | OpenFlags::CREATE, 0o600);
        assert_eq!(made, Err(Errno::ENOENT));
    });
}
