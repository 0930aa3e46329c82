//! What programs do with files, through the mount.

use crate::mounted::Mounted;
use dataplane::file::OpenFlags;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

const ENTRIES: usize = 10_000;

#[test]
fn files_of_all_kinds() {
    let Some(mounted) = Mounted::new() else { return };
    let at = |name: &str| mounted.path(name);
    let data: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    fs::create_dir(at("d")).unwrap();
    fs::write(at("d/a"), &data).unwrap();
    assert!(fs::read(at("d/a")).unwrap() == data);
    fs::rename(at("d/a"), at("b")).unwrap();
    assert_eq!(fs::metadata(at("d/a")).unwrap_err().kind(), ErrorKind::NotFound);
    fs::hard_link(at("b"), at("d/c")).unwrap();
    let (b, c) = (fs::metadata(at("b")).unwrap(), fs::metadata(at("d/c")).unwrap());
    assert_eq!((b.ino(), b.nlink()), (c.ino(), 2));
    symlink("d/c", at("link")).unwrap();
    assert_eq!(fs::read_link(at("link")).unwrap().to_str(), Some("d/c"));
    assert!(fs::read(at("link")).unwrap() == data);
    fs::set_permissions(at("b"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(fs::metadata(at("d/c")).unwrap().mode() & 0o7777, 0o640);
    let mut file = OpenOptions::new().read(true).write(true).open(at("b")).unwrap();
    file.set_len(10).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"tail").unwrap();
    file.sync_all().unwrap();
    let mut expected = data[..10].to_vec();
    expected.extend(b"tail");
    assert_eq!(fs::read(at("d/c")).unwrap(), expected);
    let mut end = OpenOptions::new().append(true).open(at("b")).unwrap();
    file.write_all(b"1").unwrap();
    end.write_all(b"2").unwrap();
    assert!(fs::read(at("b")).unwrap().ends_with(b"tail12"));
    // Open and without a name.
    fs::remove_file(at("b")).unwrap();
    fs::remove_file(at("d/c")).unwrap();
    let mut start = [0; 10];
    file.read_exact_at(&mut start, 0).unwrap();
    assert_eq!(start, data[..10]);
    assert_eq!(fs::remove_dir(at("d")).map_err(|error| error.kind()), Ok(()));
}

#[test]
fn holes_are_seen_and_punched() {
    use rustix::fs::{FallocateFlags, fallocate, seek};
    let Some(mounted) = Mounted::new() else { return };
    let mut file = File::create_new(mounted.path("sparse")).unwrap();
    file.set_len(1 << 30).unwrap();
    file.write_all_at(&[1; 8192], 1 << 20).unwrap();
    assert_eq!(seek(&file, rustix::fs::SeekFrom::Data(0)).unwrap(), 1 << 20);
    assert_eq!(seek(&file, rustix::fs::SeekFrom::Hole(1 << 20)).unwrap(), (1 << 20) + 8192);
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, flags, 1 << 20, 4096).unwrap();
    assert_eq!(file.metadata().unwrap().blocks(), 8);
    file.rewind().unwrap();
    let mut read = OpenOptions::new().read(true).open(mounted.path("sparse")).unwrap();
    read.seek(SeekFrom::Start(1 << 20)).unwrap();
    let mut bytes = vec![9; 8192];
    read.read_exact(&mut bytes).unwrap();
    assert!(bytes[..4096].iter().all(|byte| *byte == 0));
    assert!(bytes[4096..].iter().all(|byte| *byte == 1));
}

#[test]
fn a_directory_of_ten_thousand_is_listed_whole() {
    let Some(mounted) = Mounted::new() else { return };
    let mut client = mounted.client();
    client.queue.mkdir(client.root, b"many", 0o755).unwrap();
    let directory = client.queue.open(client.root, b"many", OpenFlags::DIRECTORY, 0).unwrap();
    let names: BTreeSet<String> = (0..ENTRIES).map(|n| format!("entry-{n}")).collect();
    for name in &names {
        let flags = OpenFlags::CREATE | OpenFlags::WRITE_ONLY;
        let made = client.queue.open(directory, name.as_bytes(), flags, 0o644).unwrap();
        client.queue.submit_close(made).unwrap();
    }
    let list = || -> BTreeSet<String> {
        let entries = fs::read_dir(mounted.path("many")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(list() == names);
    // Removed while it is listed: each that stays is listed once.
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(mounted.path("many")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with('7') {
            fs::remove_file(mounted.path("many").join(&name)).unwrap();
        }
        assert!(seen.insert(name), "listed twice");
    }
    assert!(seen == names);
    assert!(list().iter().all(|name| !name.ends_with('7')));
}

#[test]
fn users_are_kept_apart() {
    let Some(mounted) = Mounted::new() else { return };
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root acts as others");
        return;
    }
    fs::set_permissions(mounted.point().parent().unwrap(), fs::Permissions::from_mode(0o755)).ok();
    let sh = |uid: u32, script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(mounted.point()).uid(uid).gid(uid);
        command.output().unwrap()
    };
    let ok = |uid, script: &str| {
        let ran = sh(uid, script);
        assert!(ran.status.success(), "{uid}: {script}: {ran:?}");
    };
    let refused = |uid, script: &str, why: &str| {
        let ran = sh(uid, script);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success() && said.contains(why), "{uid}: {script}: {ran:?}");
    };
    ok(1001, "umask 022; mkdir own; echo secret > own/file; chmod 600 own/file; ln -s file own/l");
    for name in ["own", "own/file"] {
        let status = fs::metadata(mounted.path(name)).unwrap();
        assert_eq!((status.uid(), status.gid()), (1001, 1001), "{name}");
    }
    assert_eq!(fs::symlink_metadata(mounted.path("own/l")).unwrap().uid(), 1001);
    refused(1002, "cat own/file", "Permission denied");
    refused(1002, "echo x > own/new", "Permission denied");
    refused(1002, "chmod 777 own/file", "not permitted");
    refused(1002, "rm -f own/file", "Permission denied");
    refused(1001, "chown 1002 own/file", "not permitted");
    ok(1001, "chmod 644 own/file");
    ok(1002, "test \"$(cat own/file)\" = secret");
    // A directory that is open to all and sticky.
    ok(0, "mkdir -m 1777 shared");
    ok(1001, "echo mine > shared/mine");
    refused(1002, "rm -f shared/mine", "not permitted");
    // What is made in it gets the group of such a directory.
    ok(0, "mkdir -m 2777 team && chown 0:1003 team && chmod 2777 team");
    ok(1001, "echo x > team/file && mkdir team/below");
    assert_eq!(fs::metadata(mounted.path("team/file")).unwrap().gid(), 1003);
    assert_eq!(fs::metadata(mounted.path("team/below")).unwrap().mode() & 0o2000, 0o2000);
}

#[test]
fn two_who_append_overwrite_nothing() {
    let Some(mounted) = Mounted::new() else { return };
    let path = mounted.path("log");
    File::create(&path).unwrap();
    std::thread::scope(|scope| {
        for who in [b'a', b'b'] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            scope.spawn(move || (0..200).for_each(|_| file.write_all(&[who; 100]).unwrap()));
        }
    });
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 2 * 200 * 100);
    assert!(bytes.chunks(100).all(|line| line.iter().all(|byte| *byte == line[0])));
}
