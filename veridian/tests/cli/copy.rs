//! cp, in all directions.

use crate::support::System;
use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};

/// Everything below a directory: by path, permissions, and contents of files.
fn snapshot(top: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let contents = metadata.is_file().then(|| fs::read(&path).unwrap());
            let below = path.strip_prefix(top).unwrap().to_owned();
            found.insert(below, (metadata.mode() & 0o7777, contents));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    found
}

fn odd_names() -> Vec<OsString> {
    let mut names: Vec<OsString> =
        [" ", "-rf", "...", ".hidden", "new\nline", "ünï", "vfs:x", "a\\b", "'\"$(x)"]
            .map(OsString::from)
            .into();
    names.push(OsString::from_vec(vec![0xff, 0xfe, 0x80]));
    names.push(OsString::from_vec(vec![b'x'; 255]));
    names
}

/// A tree with odd names, sizes around every boundary, and all kinds of permissions.
fn tree() -> TempDir {
    let top = tempdir().unwrap();
    let sizes = [0, 1, 7, 8, 4095, 4096, 4097, 131_072, 131_073, 262_144, 262_145, 1_000_000];
    for (index, size) in sizes.into_iter().enumerate() {
        let contents: Vec<u8> = (0..size).map(|at: u32| (at * 31 + 7).to_le_bytes()[1]).collect();
        fs::write(top.path().join(format!("size-{index}")), contents).unwrap();
    }
    for name in odd_names() {
        let directory = top.path().join("odd").join(&name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(&name), name.as_bytes()).unwrap();
    }
    for mode in [0o400, 0o444, 0o600, 0o640, 0o755, 0o777] {
        let file = top.path().join(format!("mode-{mode:o}"));
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let directory = top.path().join(format!("directory-{mode:o}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("inside"), "x").unwrap();
        // What the owner cannot fill cannot be carried in the system yet.
        fs::set_permissions(&directory, Permissions::from_mode(mode | 0o700)).unwrap();
    }
    fs::create_dir(top.path().join("empty")).unwrap();
    top
}

fn cp(system: &System, sources: &[&OsStr], destination: &OsStr) -> crate::support::Ran {
    let start = [OsStr::new("cp"), OsStr::new("-r")];
    system.run(start.iter().chain(sources).chain([&destination]))
}

#[test]
fn a_tree_comes_back_as_it_went() {
    let (system, top, back) = (System::start(), tree(), tempdir().unwrap());
    let target = back.path().join("back");
    cp(&system, &[top.path().as_os_str()], "vfs:/there".as_ref()).ok();
    cp(&system, &["vfs:/there".as_ref()], target.as_os_str()).ok();
    assert_eq!(snapshot(&target), snapshot(top.path()));

    // Again into what is there: every file is replaced, nothing is added.
    cp(&system, &[&join(top.path(), ".")], "vfs:/there".as_ref()).ok();
    cp(&system, &["vfs:/there/.".as_ref()], target.as_os_str()).ok();
    assert_eq!(snapshot(&target), snapshot(top.path()));

    // Within the system.
    cp(&system, &["vfs:/there".as_ref()], "vfs:/copy".as_ref()).ok();
    let second = back.path().join("second");
    cp(&system, &["vfs:/copy".as_ref()], second.as_os_str()).ok();
    assert_eq!(snapshot(&second), snapshot(top.path()));

    system.words("rm -r /there /copy").ok();
    assert_eq!(system.words("ls -a").ok(), "");
}

fn join(path: &Path, last: &str) -> OsString {
    let mut joined = path.as_os_str().to_owned();
    joined.push("/");
    joined.push(last);
    joined
}

fn open_directory(at: &OwnedFd, name: &str) -> OwnedFd {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

#[test]
fn a_tree_deeper_than_any_path_can_name() {
    const LEVELS: usize = 300;
    let name = "x".repeat(100);
    let (system, top) = (System::start(), tempdir().unwrap());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut here = open(top.path(), flags, Mode::empty()).unwrap();
    for _ in 0..LEVELS {
        mkdirat(&here, &name, Mode::RWXU).unwrap();
        here = open_directory(&here, &name);
    }
    let create = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let file = openat(&here, "file", create, Mode::RWXU).unwrap();
    rustix::io::write(&file, b"at the bottom").unwrap();

    let back = tempdir().unwrap();
    cp(&system, &[&join(top.path(), ".")], "vfs:/".as_ref()).ok();
    cp(&system, &["vfs:/.".as_ref()], back.path().as_os_str()).ok();
    system.words(&format!("rm -r /{name}")).ok();
    assert_eq!(system.words("ls -a").ok(), "");

    let mut here = open(back.path(), flags, Mode::empty()).unwrap();
    for _ in 0..LEVELS {
        here = open_directory(&here, &name);
    }
    let file = openat(&here, "file", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let mut contents = [0; 32];
    let count = rustix::io::read(&file, &mut contents).unwrap();
    assert_eq!(&contents[..count], b"at the bottom");
}

#[test]
fn files_go_into_directories_or_get_new_names() {
    let (system, top) = (System::start(), tempdir().unwrap());
    let (a, b) = (top.path().join("a"), top.path().join("b"));
    fs::write(&a, "a").unwrap();
    fs::write(&b, "b").unwrap();
    let sources = [a.as_os_str(), b.as_os_str()];
    cp(&system, &sources, "vfs:/missing".as_ref()).fails(1, "must be a directory");
    system.words("mkdir /directory").ok();
    cp(&system, &sources, "vfs:/directory".as_ref()).ok();
    cp(&system, &["vfs:/directory/a".as_ref()], "vfs:/c".as_ref()).ok();
    assert_eq!(system.words("cat /directory/a /directory/b /c").ok(), "aba");
    cp(&system, &[a.as_os_str()], "vfs:/missing/a".as_ref()).fails(1, "vfs:/missing/a");
    cp(&system, &[a.as_os_str()], "vfs:/c/".as_ref()).fails(1, "not a directory");
    // Onto itself it would be emptied before it is read.
    cp(&system, &["vfs:/c".as_ref()], "vfs:/c".as_ref()).fails(1, "the same file");
    assert_eq!(system.words("cat /c").ok(), "a");
}

#[test]
fn directories_need_r_and_cannot_go_into_themselves() {
    let system = System::start();
    system.words("mkdir -p /a/b").ok();
    system.write("/file", b"x");
    let ran = system.words("cp vfs:/a vfs:/file vfs:/a/b");
    ran.fails(1, "use -r");
    assert_eq!(system.words("cat /a/b/file").ok(), "x", "the second one was copied all the same");
    system.words("cp -r vfs:/a vfs:/a/b").fails(1, "into itself");
    system.words("rm -r /a").ok();
}

#[test]
fn links_are_followed_on_the_command_line_and_skipped_below() {
    let (system, top) = (System::start(), tempdir().unwrap());
    fs::write(top.path().join("file"), "x").unwrap();
    symlink("file", top.path().join("link")).unwrap();
    symlink("nowhere", top.path().join("dangling")).unwrap();
    let link = top.path().join("link");
    cp(&system, &[link.as_os_str()], "vfs:/followed".as_ref()).ok();
    assert_eq!(system.words("cat /followed").ok(), "x");

    let ran = cp(&system, &[top.path().as_os_str()], "vfs:/tree".as_ref());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for name in ["link: symbolic link skipped", "dangling: symbolic link skipped"] {
        assert!(ran.stderr.contains(name), "{ran:?}");
    }
    assert_eq!(system.words("ls /tree").ok(), "file\n");
}

#[test]
fn what_is_missing_is_told_and_the_rest_copied() {
    let (system, top) = (System::start(), tempdir().unwrap());
    let there = top.path().join("there");
    fs::write(&there, "x").unwrap();
    let missing = top.path().join("missing");
    let sources = [missing.as_os_str(), there.as_os_str()];
    cp(&system, &sources, "vfs:/".as_ref()).fails(1, "missing");
    assert_eq!(system.words("ls").ok(), "there\n");
}

#[test]
fn the_destination_on_the_host_is_never_a_link_that_is_followed() {
    let (system, top) = (System::start(), tempdir().unwrap());
    system.words("mkdir /tree").ok();
    system.write("/tree/file", b"new");
    fs::write(top.path().join("precious"), "old").unwrap();
    fs::create_dir(top.path().join("tree")).unwrap();
    symlink("../precious", top.path().join("tree/file")).unwrap();
    let ran = cp(&system, &["vfs:/tree".as_ref()], top.path().as_os_str());
    ran.fails(1, "tree/file");
    assert_eq!(fs::read_to_string(top.path().join("precious")).unwrap(), "old");
}
