//! cp, in all directions.

use crate::support::System;
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, open, openat};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};

/// Everything below a directory: by path, permissions, and contents of files or text of links.
fn snapshot(top: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let contents = match metadata.file_type() {
                kind if kind.is_file() => Some(fs::read(&path).unwrap()),
                kind if kind.is_symlink() => {
                    Some(fs::read_link(&path).unwrap().into_os_string().into_vec())
                }
                _ => None,
            };
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
        // Copied over once more, it is to be filled again.
        fs::set_permissions(&directory, Permissions::from_mode(mode | 0o700)).unwrap();
    }
    fs::create_dir(top.path().join("empty")).unwrap();
    links(top.path());
    top
}

/// Links that lead anywhere, and what they say.
const LINKS: [(&str, &str); 6] = [
    ("inside", "file"),
    ("outside", "/etc/hostname"),
    ("above", "../../../.."),
    ("myself", "myself"),
    ("dangling", "nowhere/at all"),
    ("across", "./inside"),
];

fn links(top: &Path) {
    for (name, text) in LINKS {
        symlink(text, top.join(name)).unwrap();
    }
    symlink(OsStr::from_bytes(&[0xff, b'\n', 0x80]), top.join("odd-link")).unwrap();
    symlink("x/".repeat(2_000), top.join("long-link")).unwrap();
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
fn links_are_followed_on_the_command_line_and_copied_below() {
    let (system, top) = (System::start(), tempdir().unwrap());
    fs::write(top.path().join("file"), "x").unwrap();
    links(top.path());
    let link = top.path().join("inside");
    cp(&system, &[link.as_os_str()], "vfs:/followed".as_ref()).ok();
    assert_eq!(system.words("cat /followed").ok(), "x");
    let myself = top.path().join("myself");
    cp(&system, &[myself.as_os_str()], "vfs:/followed".as_ref()).fails(1, "myself");

    cp(&system, &[top.path().as_os_str()], "vfs:/tree".as_ref()).ok();
    let listed = system.words("ls -l /tree").ok();
    for (name, text) in LINKS {
        let line = listed.lines().find(|line| line.ends_with(&format!("  {name}"))).unwrap();
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((&fields[0][..1], fields[4]), ("l", &text.len().to_string()[..]), "{line}");
    }
}

#[test]
fn what_is_no_file_is_named_and_skipped() {
    let (system, top) = (System::start(), tempdir().unwrap());
    fs::write(top.path().join("file"), "x").unwrap();
    mknodat(CWD, top.path().join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(top.path().join("socket")).unwrap();
    let ran = cp(&system, &[top.path().as_os_str()], "vfs:/tree".as_ref());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for name in ["fifo: named pipe skipped", "socket: socket skipped"] {
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

/// A tree whose entries have the names of links in another one.
fn intruder() -> TempDir {
    let top = tempdir().unwrap();
    fs::write(top.path().join("file"), "new").unwrap();
    fs::create_dir(top.path().join("directory")).unwrap();
    fs::write(top.path().join("directory/inner"), "new").unwrap();
    symlink("elsewhere", top.path().join("link")).unwrap();
    symlink("elsewhere", top.path().join("full")).unwrap();
    top
}

/// `tree` below the directory: links that lead out of it, to what must stay as it is.
fn trap(top: &Path) {
    fs::create_dir_all(top.join("outside/full")).unwrap();
    fs::write(top.join("precious"), "old").unwrap();
    fs::create_dir_all(top.join("tree/full/inner")).unwrap();
    symlink("../precious", top.join("tree/file")).unwrap();
    symlink("../outside", top.join("tree/directory")).unwrap();
    symlink("../precious", top.join("tree/link")).unwrap();
}

/// What the trap is to look like when the intruder was copied over it.
fn check_trap(top: &Path) {
    assert_eq!(fs::read_to_string(top.join("precious")).unwrap(), "old");
    assert_eq!(snapshot(&top.join("outside")).len(), 1, "something was written outside");
    let text = |name| fs::read_link(top.join("tree").join(name)).unwrap();
    assert_eq!(text("file"), Path::new("../precious"), "no file replaces a link");
    assert_eq!(text("directory"), Path::new("../outside"), "no directory replaces a link");
    assert_eq!(text("link"), Path::new("elsewhere"), "a link replaces a link");
    assert!(top.join("tree/full/inner").is_dir(), "a link replaces no directory");
}

const IN_THE_WAY: [&str; 3] = ["tree/file", "tree/directory", "tree/full"];

#[test]
fn a_link_at_the_destination_on_the_host_is_never_followed() {
    let (system, top, source) = (System::start(), tempdir().unwrap(), intruder());
    trap(top.path());
    cp(&system, &[source.path().as_os_str()], "vfs:/tree".as_ref()).ok();
    let ran = cp(&system, &["vfs:/tree".as_ref()], top.path().as_os_str());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(IN_THE_WAY.iter().all(|name| ran.stderr.contains(name)), "{ran:?}");
    check_trap(top.path());
}

#[test]
fn a_link_at_the_destination_in_the_system_is_never_followed() {
    let (system, top, source) = (System::start(), tempdir().unwrap(), intruder());
    trap(top.path());
    cp(&system, &[&join(top.path(), ".")], "vfs:/".as_ref()).ok();
    let ran = cp(&system, &[&join(source.path(), ".")], "vfs:/tree".as_ref());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let names = ["/file", "/directory", "/full"];
    assert!(names.iter().all(|name| ran.stderr.contains(name)), "{ran:?}");
    let back = tempdir().unwrap();
    cp(&system, &["vfs:/.".as_ref()], back.path().as_os_str()).ok();
    check_trap(back.path());
}

#[test]
fn a_copy_onto_itself_leaves_it_as_it_is() {
    let system = System::start();
    system.words("mkdir /d").ok();
    system.write("/d/file", b"x");
    system.words("ln -s file /d/link").ok();
    let ran = system.words("cp -r vfs:/d/. vfs:/d");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stderr.matches("the same file").count(), 2, "{ran:?}");
    assert_eq!(system.words("cat /d/link").ok(), "x");
}
