//! Links, special files and attributes, over every file system. Included as `rules` is.

use crate::each_with_owners as each;
use crate::support::client::{READ, WRITE};
use crate::support::names::{change, time};
use dataplane::entry::Errno;
use dataplane::file::{AttributeChange, AttributeMask, FileKind, LinkFlags, OpenFlags, Request};

#[test]
fn a_file_has_many_names_and_lives_until_the_last_is_gone() {
    each(|_, client| {
        let file = client.create("a", 0o644).unwrap();
        client.write(file, 0, b"shared").unwrap();
        client.mkdir("d", 0o755).unwrap();
        client.link("a", "d/b").unwrap();
        assert_eq!(client.link("a", "d/b"), Err(Errno::EEXIST));
        assert_eq!(client.link("a", "c/"), Err(Errno::ENOENT));
        assert_eq!(client.link("a/", "c"), Err(Errno::ENOTDIR));
        assert_eq!(client.link("d", "c"), Err(Errno::EPERM));
        assert_eq!(client.link("nothing", "c"), Err(Errno::ENOENT));
        assert_eq!(client.link("", "c"), Err(Errno::ENOENT));
        let (a, b) = (client.stat("a").unwrap(), client.stat("d/b").unwrap());
        assert_eq!((a.inode, a.links), (b.inode, 2));
        client.unlink("a").unwrap();
        let b = client.open("d/b", READ).unwrap();
        assert_eq!(client.read(b, 0, 9), Ok(b"shared".to_vec()));
        assert_eq!(client.stat("d/b").unwrap().links, 1);
        // By the handle alone.
        client.link_at(b, "", "again", LinkFlags::EMPTY_PATH).unwrap();
        assert_eq!(client.stat("again").unwrap().links, 2);
        client.unlink("again").unwrap();
        client.unlink("d/b").unwrap();
        assert_eq!(client.read(b, 0, 9), Ok(b"shared".to_vec()));
        let gone = client.link_at(b, "", "late", LinkFlags::EMPTY_PATH);
        assert_eq!(gone, Err(Errno::ENOENT), "a file whose names are all gone gets no other");
    });
}

#[test]
fn symbolic_links_are_followed_or_kept() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        client.create("d/file", 0o644).unwrap();
        client.symlink("d/file", "link").unwrap();
        client.symlink("nowhere", "dangling").unwrap();
        assert_eq!(client.symlink("x", "link"), Err(Errno::EEXIST));
        assert_eq!(client.symlink("x", "new/"), Err(Errno::ENOENT));
        assert_eq!(client.symlink("", "new"), Err(Errno::ENOENT));
        assert_eq!(client.symlink(&"x".repeat(4096), "new"), Err(Errno::ENAMETOOLONG));
        client.symlink(&"x".repeat(4095), "long").unwrap();
        assert_eq!(client.read_link("long", 4096).unwrap().len(), 4095);
        assert_eq!(client.read_link("link", 100).as_deref(), Ok("d/file"));
        assert_eq!(client.read_link("link", 3).as_deref(), Ok("d/f"));
        assert_eq!(client.read_link("link", 0), Err(Errno::EINVAL));
        assert_eq!(client.read_link("d", 100), Err(Errno::EINVAL));
        assert_eq!(client.stat("link").unwrap().inode, client.stat("d/file").unwrap().inode);
        let itself = client.stat_at(client.root, "link", false).unwrap();
        assert_eq!((itself.mode, itself.size), (0o120_777, 6));
        assert_eq!(client.stat("dangling"), Err(Errno::ENOENT));
        // A hard link is made to the link itself unless it is to be followed.
        client.link("link", "kept").unwrap();
        assert_eq!(client.read_link("kept", 100).as_deref(), Ok("d/file"));
        client.link_at(client.root, "link", "followed", LinkFlags::FOLLOW).unwrap();
        assert_eq!(client.stat("d/file").unwrap().links, 2);
        // A handle on the link itself.
        let path = client.open("link", OpenFlags::PATH | OpenFlags::NO_FOLLOW).unwrap();
        assert_eq!(client.stat_at(path, "", false).unwrap().inode, itself.inode);
        assert_eq!(client.open("link", OpenFlags::NO_FOLLOW), Err(Errno::ELOOP));
    });
}

#[test]
fn fifos_and_sockets_are_names_only() {
    each(|system, client| {
        client.make_node("fifo", 0o010_640, 0).unwrap();
        client.make_node("socket", 0o140_600, 0).unwrap();
        client.make_node("plain", 0o600, 0).unwrap();
        assert_eq!(client.make_node("fifo", 0o010_640, 0), Err(Errno::EEXIST));
        assert_eq!(client.make_node("x", 0o040_755, 0), Err(Errno::EPERM));
        assert_eq!(client.make_node("x", 0o120_755, 0), Err(Errno::EINVAL));
        assert_eq!(client.make_node("x", 0o010_640, 1), Err(Errno::EINVAL));
        assert_eq!(client.make_node("x", 0o1_000_000, 0), Err(Errno::EINVAL));
        let status = client.stat("fifo").unwrap();
        assert_eq!((status.kind(), status.mode & 0o7777), (FileKind::Fifo, 0o640));
        assert_eq!(client.stat("plain").unwrap().kind(), FileKind::Regular);
        assert_eq!(client.open("fifo", READ), Err(Errno::ENXIO));
        assert_eq!(client.open("socket", WRITE), Err(Errno::ENXIO));
        client.open("fifo", OpenFlags::PATH).unwrap();
        client.mkdir("open", 0o777).unwrap();
        let other = system.client(7, 7);
        other.make_node("open/fifo", 0o010_600, 0).unwrap();
        assert_eq!(client.stat("open/fifo").unwrap().uid, 7);
    });
}

#[test]
fn permissions_are_changed_by_owners_alone() {
    each(|system, client| {
        client.mkdir("d", 0o777).unwrap();
        let owner = system.client(5, 50);
        owner.create("d/file", 0o644).unwrap();
        let before = client.stat("d/file").unwrap();
        owner.chmod("d/file", 0o4711).unwrap();
        let after = client.stat("d/file").unwrap();
        assert_eq!(after.mode, 0o104_711);
        assert!(
            (after.changed.seconds, after.changed.nanoseconds)
                > (before.changed.seconds, before.changed.nanoseconds)
        );
        assert_eq!(after.modified, before.modified);
        assert_eq!(system.client(6, 50).chmod("d/file", 0o777), Err(Errno::EPERM));
        // The group bit only for members of the group.
        client.chown("d/file", None, Some(99)).unwrap();
        owner.chmod("d/file", 0o2755).unwrap();
        assert_eq!(client.stat("d/file").unwrap().mode, 0o100_755);
        client.chmod("d/file", 0o2755).unwrap();
        assert_eq!(client.stat("d/file").unwrap().mode, 0o102_755);
        client.symlink("file", "d/link").unwrap();
        client.chmod("d/link", 0o600).unwrap();
        assert_eq!(client.stat("d/file").unwrap().mode, 0o100_600);
        let mode = AttributeChange { permissions: 0o600, ..change(AttributeMask::PERMISSIONS) };
        let kept = client.set_attributes_at(client.root, "d/link", false, &mode);
        assert_eq!(kept, Err(Errno::EOPNOTSUPP));
    });
}

#[test]
fn owners_change_by_the_rules() {
    each(|system, client| {
        client.mkdir("d", 0o777).unwrap();
        let owner = system.client(5, 50);
        owner.create("d/file", 0o644).unwrap();
        assert_eq!(owner.chown("d/file", Some(6), None), Err(Errno::EPERM));
        assert_eq!(owner.chown("d/file", None, Some(51)), Err(Errno::EPERM));
        owner.chown("d/file", Some(5), Some(50)).unwrap();
        assert_eq!(system.client(6, 50).chown("d/file", None, Some(50)), Err(Errno::EPERM));
        client.chmod("d/file", 0o6755).unwrap();
        client.chown("d/file", Some(6), Some(60)).unwrap();
        let status = client.stat("d/file").unwrap();
        assert_eq!((status.uid, status.gid, status.mode), (6, 60, 0o100_755));
        // Without execution by the group the bit means something else.
        client.chmod("d/file", 0o2644).unwrap();
        client.chown("d/file", Some(7), None).unwrap();
        assert_eq!(client.stat("d/file").unwrap().mode, 0o102_644);
        client.chmod("d", 0o2777).unwrap();
        client.chown("d", Some(7), Some(70)).unwrap();
        let status = client.stat("d").unwrap();
        assert_eq!((status.uid, status.gid, status.mode), (7, 70, 0o042_777));
        // Of the link itself.
        client.symlink("file", "d/link").unwrap();
        let to_eight = AttributeChange { uid: 8, ..change(AttributeMask::OWNER) };
        client.set_attributes_at(client.root, "d/link", false, &to_eight).unwrap();
        assert_eq!(client.stat_at(client.root, "d/link", false).unwrap().uid, 8);
        assert_eq!(client.stat("d/file").unwrap().uid, 7);
    });
}

#[test]
fn times_are_set_to_the_nanosecond() {
    each(|system, client| {
        let file = client.create("file", 0o666).unwrap();
        let both = AttributeMask::ACCESSED | AttributeMask::MODIFIED;
        let (accessed, modified) = (time(-3, 999_999_999), time(4_102_444_800, 1));
        let times = AttributeChange { accessed, modified, ..change(both) };
        client.set_attributes("file", &times).unwrap();
        let status = client.stat("file").unwrap();
        assert_eq!((status.accessed, status.modified), (accessed, modified));
        let other = system.client(9, 9);
        assert_eq!(other.set_attributes("file", &times), Err(Errno::EPERM));
        let now = AttributeMask::ACCESSED_NOW | AttributeMask::MODIFIED_NOW;
        other.set_attributes("file", &change(now)).unwrap();
        let one = change(AttributeMask::MODIFIED_NOW);
        assert_eq!(other.set_attributes("file", &one), Err(Errno::EPERM));
        client.chmod("file", 0o644).unwrap();
        assert_eq!(other.set_attributes("file", &change(now)), Err(Errno::EACCES));
        // By the handle, which was not opened by a path.
        client.set_attributes_at(file, "", true, &times).unwrap();
        assert_eq!(client.stat("file").unwrap().modified, modified);
        client.write(file, 0, b"x").unwrap();
        assert_ne!(client.stat("file").unwrap().modified, modified);
        client.set_attributes("file", &change(AttributeMask::empty())).unwrap();
        let unknown = AttributeChange { mask: 0x80, ..AttributeChange::default() };
        assert_eq!(client.set_attributes("file", &unknown), Err(Errno::EINVAL));
    });
}

#[test]
fn file_systems_tell_their_state() {
    each(|_, client| {
        let status = client.filesystem_status(client.root).unwrap();
        assert_eq!(status.max_name, 255);
        assert_eq!(status.device, client.stat("").unwrap().device);
        assert!(status.free_blocks <= status.blocks && status.blocks > 0);
        let path = client.open("", OpenFlags::PATH);
        assert_eq!(path, Err(Errno::ENOENT));
        client.run(&Request::Syncfs { handle: client.root }).unwrap();
    });
}

#[test]
fn a_handle_opens_its_own_file_anew() {
    each(|system, client| {
        let file = client.create("file", 0o600).unwrap();
        client.write(file, 0, b"kept").unwrap();
        let path = client.open("file", OpenFlags::PATH).unwrap();
        client.unlink("file").unwrap();
        let open = |flags| client.open_at(path, "", flags, 0);
        let reader = open(OpenFlags::REOPEN).unwrap();
        assert_eq!(client.read(reader, 0, 9), Ok(b"kept".to_vec()));
        assert_eq!(client.write(reader, 0, b"x"), Err(Errno::EBADF));
        let writer = open(OpenFlags::REOPEN | WRITE).unwrap();
        client.write(writer, 0, b"K").unwrap();
        assert_eq!(open(OpenFlags::empty()), Err(Errno::ENOENT));
        assert_eq!(open(OpenFlags::REOPEN | OpenFlags::CREATE), Err(Errno::EINVAL));
        let named = client.open_at(path, "file", OpenFlags::REOPEN, 0);
        assert_eq!(named, Err(Errno::EINVAL));
        // Permissions are checked as of any open.
        client.create("secret", 0o600).unwrap();
        let other = system.client(7, 7);
        let secret = other.open("secret", OpenFlags::PATH).unwrap();
        assert_eq!(other.open_at(secret, "", OpenFlags::REOPEN, 0), Err(Errno::EACCES));
    });
}

#[test]
fn rights_of_handles_bound_what_they_are_good_for() {
    use crate::support::client::{Client, session};
    use dataplane::SessionRights;
    each(|system, client| {
        client.create("file", 0o666).unwrap();
        let mut terms = session(0, 0);
        terms.rights = SessionRights::READ;
        let reader = Client::new(system, terms);
        assert_eq!(reader.chmod("file", 0o600), Err(Errno::EPERM));
        assert_eq!(reader.link("file", "other"), Err(Errno::EPERM));
        assert_eq!(reader.symlink("file", "other"), Err(Errno::EPERM));
        assert_eq!(reader.make_node("fifo", 0o010_600, 0), Err(Errno::EPERM));
        let file = reader.open("file", READ).unwrap();
        let mode = change(AttributeMask::MODIFIED_NOW);
        assert_eq!(reader.set_attributes_at(file, "", true, &mode), Err(Errno::EPERM));
    });
}
