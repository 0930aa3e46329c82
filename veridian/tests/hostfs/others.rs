//! What others do with the directory is seen at once, and what they put there does no harm.

use crate::support::client::{BOTH, READ, WRITE};
use crate::support::{System, block_on};
use crate::{directory, system};
use dataplane::entry::Errno;
use dataplane::file::{FileKind, OpenFlags, XattrMode};
use dataplane::filesystem::{Changes, FileSystem, InodeNumber, Name, NewNode, Reply};
use dataplane::platform::Timestamp;
use host::hostfs::{HostDirectory, Limits};
use rustix::fs::{FileType, Mode, OFlags, mknodat};
use std::fs;
use std::future::IntoFuture;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

fn now<T>(answer: Reply<T>) -> T {
    block_on(answer.into_future())
}

/// The file system alone.
fn hostfs(path: &Path, descriptors: usize) -> HostDirectory {
    let opened = fs::File::open(path).unwrap();
    let offload = platform::local::Platform::new().offload(2);
    block_on(HostDirectory::open(opened.into(), offload, Limits { descriptors })).unwrap()
}

#[test]
fn both_sides_see_each_other() {
    let host = directory();
    let system = system(host.path(), 64);
    let client = system.root_client();
    let at = |name: &str| host.path().join(name);
    fs::write(at("theirs"), b"theirs").unwrap();
    let file = client.open("theirs", BOTH).unwrap();
    assert_eq!(client.read(file, 0, 99), Ok(b"theirs".to_vec()));
    fs::write(at("theirs"), b"longer than before").unwrap();
    assert_eq!(client.read(file, 0, 99), Ok(b"longer than before".to_vec()));
    client.write(file, 0, b"LONGER").unwrap();
    assert_eq!(fs::read(at("theirs")).unwrap(), b"LONGER than before");
    let end = client.open("theirs", WRITE | OpenFlags::APPEND).unwrap();
    fs::write(at("theirs"), b"short").unwrap();
    client.write(end, 0, b"!").unwrap();
    assert_eq!(fs::read(at("theirs")).unwrap(), b"short!");
    fs::rename(at("theirs"), at("other")).unwrap();
    assert_eq!(client.stat("theirs").unwrap_err(), Errno::ENOENT);
    assert_eq!(client.stat("other").unwrap().inode, fs::metadata(at("other")).unwrap().ino());
    fs::remove_file(at("other")).unwrap();
    assert_eq!(client.stat("other").unwrap_err(), Errno::ENOENT);
    assert_eq!(client.read(file, 0, 99), Ok(b"short!".to_vec()), "it is open");
    client.mkdir("d", 0o750).unwrap();
    assert_eq!(fs::metadata(at("d")).unwrap().permissions().mode() & 0o7777, 0o750);
    fs::write(at("d/x"), b"").unwrap();
    assert_eq!(client.list("d"), Ok(vec!["x".into()]));
    assert_eq!(client.rmdir("d"), Err(Errno::ENOTEMPTY));
}

#[test]
fn permissions_are_exact_and_owners_the_callers() {
    let host = directory();
    let system = system(host.path(), 64);
    fs::set_permissions(host.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let user = system.client(1234, 5678);
    user.create("f", 0o4666).unwrap();
    user.mkdir("d", 0o777).unwrap();
    for (name, mode) in [("f", 0o4666), ("d", 0o777)] {
        let made = fs::metadata(host.path().join(name)).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, mode, "{name}");
        if is_root {
            assert_eq!((made.uid(), made.gid()), (1234, 5678));
        } else {
            assert_eq!(made.uid(), rustix::process::geteuid().as_raw());
        }
    }
    fs::write(host.path().join("private"), b"x").unwrap();
    fs::set_permissions(host.path().join("private"), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(user.open("private", READ), Err(Errno::EACCES));
}

#[test]
fn links_lead_into_the_vfs_and_never_into_the_host() {
    let host = directory();
    let outside = directory();
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    let system = system(host.path(), 64);
    let client = system.root_client();
    symlink(outside.path(), host.path().join("absolute")).unwrap();
    let up = Path::new("..").join(outside.path().file_name().unwrap());
    symlink(&up, host.path().join("relative")).unwrap();
    symlink("/proc/self/cwd", host.path().join("magic")).unwrap();
    fs::create_dir(host.path().join("d")).unwrap();
    fs::write(host.path().join("d/f"), b"inside").unwrap();
    symlink("/d/f", host.path().join("inside")).unwrap();
    for path in ["absolute/secret", "relative/secret", "magic/secret", "../../d/../../secret"] {
        assert_eq!(client.open(path, READ), Err(Errno::ENOENT), "{path}");
    }
    let create = WRITE | OpenFlags::CREATE;
    assert_eq!(client.open("absolute/new", create), Err(Errno::ENOENT));
    assert_eq!(client.stat("relative").unwrap_err(), Errno::ENOENT);
    let file = client.open("inside", READ).unwrap();
    assert_eq!(client.read(file, 0, 99), Ok(b"inside".to_vec()));
    assert_eq!(client.open("magic", READ | OpenFlags::NO_FOLLOW), Err(Errno::ELOOP));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_file_is_never_opened() {
    let host = directory();
    let system = system(host.path(), 64);
    let client = system.root_client();
    let fifo = host.path().join("fifo");
    mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(host.path().join("socket")).unwrap();
    for name in ["fifo", "socket"] {
        // Opening a FIFO for writing would wait for ever.
        for flags in [READ, WRITE, BOTH | OpenFlags::CREATE] {
            assert_eq!(client.open(name, flags), Err(Errno::ENXIO), "{name}");
        }
    }
    assert_eq!(client.stat("fifo").unwrap().kind(), FileKind::Fifo);
    // Nor if the vfs had not looked.
    let host = hostfs(host.path(), 8);
    let name = Name { directory: host.root(), name: b"fifo" };
    let fifo = now(host.lookup(name)).unwrap().inode;
    assert_eq!(now(host.read(fifo, 0, 1)), Err(Errno::EINVAL));
    let sized = Changes { size: Some(0), ..Changes::default() };
    assert_eq!(now(host.set_attributes(fifo, &sized)).unwrap_err(), Errno::EINVAL);
    assert_eq!(now(host.sync(dataplane::filesystem::Durable::File(fifo))), Ok(()));
}

#[test]
fn a_root_is_a_directory_that_its_opener_may_read() {
    let host = directory();
    fs::write(host.path().join("f"), b"").unwrap();
    let open = |path: &Path, flags| {
        let opened = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let offload = platform::local::Platform::new().offload(1);
        block_on(HostDirectory::open(opened, offload, Limits { descriptors: 8 })).err()
    };
    assert_eq!(open(host.path(), OFlags::RDONLY), None);
    assert_eq!(open(host.path(), OFlags::PATH), Some(Errno::EBADF));
    assert_eq!(open(&host.path().join("f"), OFlags::RDONLY), Some(Errno::ENOTDIR));
}

#[test]
fn names_are_single_names() {
    let host = directory();
    fs::create_dir(host.path().join("d")).unwrap();
    let filesystem = hostfs(&host.path().join("d"), 8);
    let directory = filesystem.root();
    for name in [&b".."[..], b".", b"", b"../d", b"a/b", b"/etc", b"a\0b"] {
        let at = Name { directory, name };
        let refused = Err(Errno::EINVAL);
        assert_eq!(now(filesystem.lookup(at)).map(drop), refused, "{name:?}");
        assert_eq!(now(filesystem.unlink(at, Timestamp(0))).map(drop), refused);
        let new = new(FileKind::Regular, &[]);
        assert_eq!(now(filesystem.create(at, &new)).map(drop), refused);
        let ok = Name { directory, name: b"x" };
        let renamed =
            filesystem.rename(ok, at, dataplane::file::RenameFlags::empty(), Timestamp(0));
        assert!(now(renamed).is_err());
    }
    assert_eq!(fs::read_dir(host.path()).unwrap().count(), 1);
}

fn new(kind: FileKind, target: &[u8]) -> NewNode<'_> {
    let (permissions, time) = (0o640, Timestamp(0));
    NewNode { kind, permissions, uid: 0, gid: 0, special_device: 0, target, time }
}

#[test]
fn all_kinds_are_made_but_devices() {
    let host = directory();
    let filesystem = hostfs(host.path(), 8);
    let make = |name: &[u8], kind, target: &[u8]| {
        let at = Name { directory: filesystem.root(), name };
        now(filesystem.create(at, &new(kind, target))).map(|created| created.node)
    };
    let link = make(b"link", FileKind::Symlink, b"to/there").unwrap();
    assert_eq!(now(filesystem.read_symlink(link.inode)).unwrap(), b"to/there"[..].into());
    assert_eq!(make(b"fifo", FileKind::Fifo, b"").unwrap().attributes.permissions, 0o640);
    assert_eq!(make(b"sock", FileKind::Socket, b"").unwrap().attributes.kind, FileKind::Socket);
    let device = make(b"null", FileKind::CharacterDevice, b"");
    assert_eq!(device.map(drop), Err(Errno::EOPNOTSUPP));
    let file = make(b"file", FileKind::Regular, b"").unwrap();
    assert_eq!(make(b"file", FileKind::Directory, b"").map(drop), Err(Errno::EEXIST));
    for inode in [file.inode, link.inode] {
        let name = if inode == file.inode { &b"another file"[..] } else { b"another link" };
        let at = Name { directory: filesystem.root(), name };
        let linked = now(filesystem.link(inode, at, Timestamp(0))).unwrap();
        assert_eq!((linked.node.inode, linked.node.attributes.links), (inode, 2));
    }
    let times = Changes {
        accessed: Some(Timestamp(-1_500_000_000)),
        modified: Some(Timestamp(1_234_567_890)),
        ..Changes::default()
    };
    for inode in [file.inode, link.inode] {
        let news = now(filesystem.set_attributes(inode, &times)).unwrap();
        assert_eq!((Some(news.accessed), Some(news.modified)), (times.accessed, times.modified));
    }
    let permissions = Changes { permissions: Some(0o711), ..Changes::default() };
    let news = now(filesystem.set_attributes(file.inode, &permissions)).unwrap();
    assert_eq!(news.permissions, 0o711);
    let refused = now(filesystem.set_attributes(link.inode, &permissions));
    assert_eq!(refused.map(drop), Err(Errno::EOPNOTSUPP));
}

#[test]
fn closed_descriptors_are_found_again_or_stale() {
    let host = directory();
    let filesystem = hostfs(host.path(), 4);
    let lookup = |name: &str| {
        let at = Name { directory: filesystem.root(), name: name.as_bytes() };
        now(filesystem.lookup(at)).map(|node| node.inode)
    };
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let inodes: Vec<InodeNumber> = (0..200)
        .map(|n| {
            fs::write(host.path().join(format!("f{n}")), format!("{n}")).unwrap();
            lookup(&format!("f{n}")).unwrap()
        })
        .collect();
    // Other tests of this program open some as well.
    assert!(descriptors() < before + 100, "{} descriptors", descriptors());
    for (n, inode) in inodes.iter().enumerate() {
        assert_eq!(now(filesystem.read(*inode, 0, 9)).unwrap(), n.to_string().as_bytes());
    }
    // Renamed by this side: still known. By others: not, until it is looked up again.
    let name = |name| Name { directory: filesystem.root(), name };
    let flags = dataplane::file::RenameFlags::empty();
    now(filesystem.rename(name(b"f0"), name(b"g0"), flags, Timestamp(0))).unwrap();
    fs::rename(host.path().join("f1"), host.path().join("g1")).unwrap();
    // Replaced by others: another file, which must not be taken for it.
    std::thread::sleep(Duration::from_millis(20));
    fs::remove_file(host.path().join("f2")).unwrap();
    fs::write(host.path().join("f2"), b"impostor").unwrap();
    // Unlinked by this side: kept.
    now(filesystem.unlink(name(b"f3"), Timestamp(0))).unwrap();
    for n in 100..200 {
        lookup(&format!("f{n}")).unwrap();
    }
    assert_eq!(now(filesystem.read(inodes[0], 0, 9)).unwrap(), b"0");
    assert_eq!(now(filesystem.read(inodes[1], 0, 9)), Err(Errno::ESTALE));
    assert_eq!(lookup("g1"), Ok(inodes[1]));
    assert_eq!(now(filesystem.read(inodes[1], 0, 9)).unwrap(), b"1");
    assert_eq!(now(filesystem.read(inodes[2], 0, 9)), Err(Errno::ESTALE));
    assert_ne!(lookup("f2"), Ok(inodes[2]));
    assert_eq!(now(filesystem.read(inodes[3], 0, 9)).unwrap(), b"3");
}

#[test]
fn directories_are_bounded_too() {
    let host = directory();
    let system: System = system(host.path(), 8);
    let client = system.root_client();
    let mut held = vec![client.root];
    for depth in 1..60 {
        let at = *held.last().unwrap();
        let path = client.path("d", 0);
        let request = dataplane::file::Request::MkdirAt { directory: at, path, mode: 0o755 };
        client.run(&request).unwrap();
        held.push(client.open_at(at, "d", READ, 0).unwrap());
        assert_eq!(client.stat_at(held[depth / 2], "", true).unwrap().kind(), FileKind::Directory);
    }
    for handle in &held {
        let create = BOTH | OpenFlags::CREATE;
        let file = client.open_at(*handle, "f", create, 0o600).unwrap();
        client.write(file, 0, b"x").unwrap();
        client.close(file).unwrap();
    }
    assert!(host.path().join("d/d/d/f").exists());
}

#[test]
fn what_has_no_name_left_counts() {
    let host = directory();
    let system: System = system(host.path(), 8);
    let client = system.root_client();
    let mut held = Vec::new();
    let refused = loop {
        match client.create("f", 0o600) {
            Ok(handle) => held.push(handle),
            Err(error) => break error,
        }
        client.unlink("f").unwrap();
        assert!(held.len() < 20, "descriptors without end");
    };
    assert_eq!(refused, Errno::ENFILE);
    for handle in held.drain(..) {
        client.close(handle).unwrap();
    }
    assert!(client.create("g", 0o600).is_ok(), "there is room again");
}

#[test]
fn extended_attributes_are_the_hosts() {
    let host = directory();
    let system: System = system(host.path(), 8);
    let client = system.root_client();
    let file = client.create("f", 0o600).unwrap();
    let set = |value: &[u8], mode| client.set_xattr(file, ("user.a", value), mode);
    match set(b"one", XattrMode::Replace) {
        Err(Errno::EOPNOTSUPP) => return println!("not observed: the host has none here"),
        refused => assert_eq!(refused, Err(Errno::ENODATA)),
    }
    set(b"one", XattrMode::Create).unwrap();
    assert_eq!(set(b"x", XattrMode::Create), Err(Errno::EEXIST));
    let there = || {
        let mut value = [0; 16];
        let len = rustix::fs::getxattr(host.path().join("f"), "user.a", &mut value[..]).unwrap();
        value[..len].to_vec()
    };
    assert_eq!(there(), b"one");
    set(b"two", XattrMode::Any).unwrap();
    assert_eq!(client.xattr(file, "user.a", 9), Ok((3, b"two".to_vec())));
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(host.path().join("f"), "user.b", b"theirs", flags).unwrap();
    assert_eq!(client.xattr(file, "user.b", 9), Ok((6, b"theirs".to_vec())));
    let names = client.xattr_names(file).unwrap();
    assert!(names.contains(&"user.a".to_owned()), "{names:?}");
    client.remove_xattr(file, "user.a").unwrap();
    assert_eq!(client.xattr(file, "user.a", 9), Err(Errno::ENODATA));
    assert_eq!(client.xattr(file, "system.posix_acl_access", 9), Err(Errno::EOPNOTSUPP));
}
