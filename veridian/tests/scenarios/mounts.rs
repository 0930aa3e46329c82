//! Directories of the host in the system's tree: what is mounted, by whom, and for how long.

use crate::{Open, System};
use capability::Rights;
use control::client::{ConnectError, Connection};
use dataplane::Descriptor;
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use dataplane::file::OpenFlags;
use platform::linux::descriptor;
use std::fs::{self, File};
use std::path::Path;

const CREATE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::READ_WRITE);

fn opened(path: &Path) -> Descriptor {
    descriptor(File::open(path).unwrap().into())
}

fn refused<T>(told: Result<T, ConnectError>) -> Errno {
    match told {
        Err(ConnectError::Refused { errno, .. }) => errno,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was allowed"),
    }
}

fn mounts(connection: &Connection) -> Vec<u8> {
    connection.tell("vfs", b"mounts").unwrap()
}

pub(crate) fn a_host_directory_is_mounted_and_goes(system: &System) {
    let Open { mut queue, root, connection, .. } = system.session();
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("theirs"), b"theirs").unwrap();
    queue.mkdir(root, b"m", 0o755).unwrap();
    let mount = |message: &[u8]| connection.tell_with("vfs", message, opened(host.path()));
    assert_eq!(refused(mount(b"mount\0host\0rw\0/missing")), Errno::ENOENT);
    assert_eq!(refused(mount(b"mount\0nothing\0rw\0/m")), Errno::ENODEV);
    assert_eq!(mount(b"mount\0host\0rw\0/m"), Ok(vec![]));
    assert_eq!(refused(mount(b"mount\0host\0rw\0/m")), Errno::EBUSY);
    assert_eq!(mounts(&connection), b"host\0rw\0/m\0");
    let file = queue.open(root, b"m/theirs", OpenFlags::empty(), 0).unwrap();
    let mut bytes = [0; 9];
    assert_eq!(queue.read(file, 0, &mut bytes), Ok(6));
    assert_eq!(bytes[..6], b"theirs"[..]);
    fs::write(host.path().join("theirs"), b"new").unwrap();
    assert_eq!(queue.read(file, 0, &mut bytes), Ok(3));
    let ours = queue.open(root, b"m/ours", CREATE, 0o640).unwrap();
    assert_eq!(queue.write(ours, 0, &[7; 300_000]), Ok(300_000));
    assert_eq!(fs::read(host.path().join("ours")).unwrap(), [7; 300_000]);
    queue.close(ours).unwrap();
    let unmount = || connection.tell("vfs", b"unmount\0/m");
    assert_eq!(refused(unmount()), Errno::EBUSY);
    queue.close(file).unwrap();
    assert_eq!(unmount(), Ok(vec![]));
    assert_eq!(refused(unmount()), Errno::EINVAL);
    assert_eq!(mounts(&connection), b"");
    let gone = queue.stat(root, b"m/theirs").unwrap_err();
    assert_eq!(gone, ClientError::Service(Errno::ENOENT));
}

pub(crate) fn a_read_only_mount_is_not_changed(system: &System) {
    let Open { mut queue, root, connection, .. } = system.session();
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("f"), b"f").unwrap();
    queue.mkdir(root, b"m", 0o755).unwrap();
    connection.tell_with("vfs", b"mount\0host\0ro\0m", opened(host.path())).unwrap();
    let refused = ClientError::Service(Errno::EROFS);
    assert_eq!(queue.open(root, b"m/f", OpenFlags::WRITE_ONLY, 0), Err(refused));
    assert_eq!(queue.open(root, b"m/new", CREATE, 0o600), Err(refused));
    assert_eq!(queue.mkdir(root, b"m/new", 0o700), Err(refused));
    assert!(queue.open(root, b"m/f", OpenFlags::empty(), 0).is_ok());
}

pub(crate) fn mounting_takes_the_right_and_what_is_mounted(system: &System) {
    let Open { connection, .. } = system.session();
    let host = tempfile::tempdir().unwrap();
    let held = connection.capability("vfs").unwrap();
    let without = connection.derive(held, Rights::CONNECT | Rights::WRITE, 0).unwrap();
    let message = b"mount\0host\0rw\0/";
    let mount = |descriptor| connection.tell_by(without, message, descriptor);
    assert_eq!(refused(mount(Some(opened(host.path())))), Errno::EPERM);
    assert_eq!(refused(mount(None)), Errno::EPERM);
    assert_eq!(refused(connection.tell_by(without, b"unmount\0/", None)), Errno::EPERM);
    assert_eq!(refused(connection.tell_by(without, b"mounts", None)), Errno::EPERM);
    // With the right, but with nothing, or nothing that is a directory opened for reading.
    assert_eq!(refused(connection.tell("vfs", message)), Errno::EINVAL);
    let file = host.path().join("file");
    fs::write(&file, b"").unwrap();
    let wrong = |descriptor| refused(connection.tell_with("vfs", message, descriptor));
    assert_eq!(wrong(opened(&file)), Errno::ENOTDIR);
    let (reader, _writer) = std::io::pipe().unwrap();
    assert_eq!(wrong(descriptor(reader.into())), Errno::ENOTDIR);
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
    let path = rustix::fs::open(host.path(), flags, rustix::fs::Mode::empty()).unwrap();
    assert_eq!(wrong(descriptor(path)), Errno::EBADF);
    assert_eq!(wrong(opened(host.path())), Errno::EBUSY, "the root of everything");
    let other = connection.tell_with("vfs", b"usage", opened(host.path()));
    assert_eq!(refused(other), Errno::EINVAL);
}
