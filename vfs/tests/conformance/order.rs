//! Which error comes first where there are several, and what is left of a mode: as on Linux. Over
//! every file system.

use crate::each_with_owners as each;
use crate::support::client::{BOTH, READ, WRITE};
use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, OpenFlags, RenameFlags, Whence};

#[test]
fn a_directory_is_searched_for_dots_too() {
    each(|system, client| {
        client.mkdir("d", 0o755).unwrap();
        client.mkdir("d/closed", 0o700).unwrap();
        let other = system.client(7, 7);
        for path in ["d/closed/.", "d/closed/..", "d/closed/../closed", "d/closed/./"] {
            assert_eq!(other.stat(path).unwrap_err(), Errno::EACCES, "{path}");
            assert!(client.stat(path).is_ok(), "{path}");
        }
        let long = "x".repeat(256);
        assert_eq!(other.stat(&format!("d/closed/{long}")).unwrap_err(), Errno::EACCES);
        assert_eq!(other.stat(&format!("d/{long}")).unwrap_err(), Errno::ENAMETOOLONG);
        assert_eq!(client.rename("nothing", &long), Err(Errno::ENOENT));
        client.create("f", 0o644).unwrap();
        assert_eq!(client.stat(&format!("f/{long}")).unwrap_err(), Errno::ENOTDIR);
    });
}

#[test]
fn what_is_no_name_of_a_file_is_not_removed_whoever_asks() {
    each(|system, client| {
        client.mkdir("d", 0o755).unwrap();
        client.mkdir("d/e", 0o755).unwrap();
        client.create("d/f", 0o644).unwrap();
        let other = system.client(7, 7);
        assert_eq!(other.unlink("d/f/"), Err(Errno::ENOTDIR));
        assert_eq!(other.unlink("d/e/"), Err(Errno::EISDIR));
        assert_eq!(other.unlink("d/f"), Err(Errno::EACCES));
        assert_eq!(other.unlink("d/e"), Err(Errno::EACCES));
        assert_eq!(other.rmdir("d/f/"), Err(Errno::EACCES));
    });
}

#[test]
fn what_would_be_a_circle_is_not_renamed_whoever_asks() {
    each(|system, client| {
        for path in ["d", "d/e", "d/e/g"] {
            client.mkdir(path, 0o755).unwrap();
        }
        let other = system.client(7, 7);
        assert_eq!(other.rename("d", "d/e/x"), Err(Errno::EINVAL));
        assert_eq!(other.rename("d/e/g", "d/e"), Err(Errno::ENOTEMPTY));
        let exchanged = other.rename_with("d/e/g", "d/e", RenameFlags::EXCHANGE);
        assert_eq!(exchanged, Err(Errno::EINVAL));
        assert_eq!(other.rename("d/e", "x"), Err(Errno::EACCES));
    });
}

#[test]
fn nobody_keeps_privileges_of_a_group_that_he_is_not_in() {
    each(|system, client| {
        let mode = |path: &str| client.stat(path).unwrap().mode & 0o7777;
        let other = system.client(7, 7);
        client.mkdir("d", 0o2777).unwrap();
        assert_eq!(mode("d"), 0o777, "a new directory has these bits from above");
        client.chown("d", None, Some(9)).unwrap();
        client.chmod("d", 0o2777).unwrap();
        // Without execution by the group, the bit is of no use to the other one, but goes too.
        let file = other.open_at(other.root, "d/f", BOTH | OpenFlags::CREATE, 0o6646).unwrap();
        assert_eq!(mode("d/f"), 0o6646);
        other.write(file, 0, b"x").unwrap();
        assert_eq!(mode("d/f"), 0o646);
        other.open_at(other.root, "d/g", WRITE | OpenFlags::CREATE, 0o6646).unwrap();
        other.chown("d/g", Some(7), None).unwrap();
        assert_eq!(mode("d/g"), 0o646);
        other.mkdir("d/e", 0o4755).unwrap();
        assert_eq!(mode("d/e"), 0o2755);
    });
}

#[test]
fn a_name_is_not_opened() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        client.create("f", 0o644).unwrap();
        let path = client.open("f", OpenFlags::PATH).unwrap();
        assert_eq!(client.truncate(path, 0), Err(Errno::EBADF));
        assert_eq!(client.allocate(path, AllocateMode::Allocate, 0, 0), Err(Errno::EBADF));
        assert_eq!(client.seek(path, 0, Whence::Data), Err(Errno::EBADF));
        let directory = client.open("d", READ).unwrap();
        assert_eq!(client.seek(directory, 0, Whence::Hole), Err(Errno::EINVAL));
        assert_eq!(client.allocate(directory, AllocateMode::Allocate, 0, 0), Err(Errno::EINVAL));
        assert_eq!(client.copy_range((directory, 0), (path, 0), 1), Err(Errno::EBADF));
        let reader = client.open("f", READ).unwrap();
        assert_eq!(client.copy_range((directory, 0), (reader, 0), 1), Err(Errno::EISDIR));
        // As a name, nothing is made: the flag means nothing then.
        let made = OpenFlags::PATH | OpenFlags::CREATE | OpenFlags::DIRECTORY;
        assert!(client.open("d", made).is_ok());
        assert_eq!(client.open("new", made), Err(Errno::ENOENT));
    });
}
