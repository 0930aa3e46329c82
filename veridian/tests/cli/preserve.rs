//! cp --preserve: owners, times, set-id bits and extended attributes, in all directions.

use crate::support::System;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, getxattr, setxattr, utimensat};
use rustix::io::Errno;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// What the tree has, each below what it is in; and the permissions, unless it is a link.
const TREE: [(&str, Option<u32>); 8] = [
    (".", Some(0o750)),
    ("plain", Some(0o640)),
    ("read-only", Some(0o400)),
    ("set-uid", Some(0o4755)),
    ("set-gid", Some(0o2711)),
    ("directory", Some(0o1755)),
    ("directory/inner", Some(0o600)),
    ("link", None),
];
const XATTR: (&str, &[u8]) = ("user.colour", b"green\0\xff");

fn time(tv_sec: i64, tv_nsec: i64) -> Timespec {
    Timespec { tv_sec, tv_nsec }
}

/// A tree with attributes that nothing has by chance; whether they include extended ones.
fn tree() -> (TempDir, bool) {
    let top = tempdir().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let mut xattrs = true;
    for (name, permissions) in &TREE[1..] {
        let path = top.path().join(name);
        match permissions {
            None => symlink("nowhere", &path).unwrap(),
            Some(_) if *name == "directory" => fs::create_dir(&path).unwrap(),
            Some(_) => fs::write(&path, name).unwrap(),
        }
    }
    // From below, so that nothing changes what was set.
    for (index, (name, permissions)) in (1..).zip(TREE).collect::<Vec<_>>().into_iter().rev() {
        let path = top.path().join(name);
        if is_root {
            let number = u32::try_from(index).unwrap();
            lchown(&path, Some(2_000 + number), Some(3_000 + number)).unwrap();
        }
        if let Some(mode) = permissions {
            match setxattr(&path, XATTR.0, XATTR.1, XattrFlags::empty()) {
                Err(Errno::NOTSUP) => xattrs = false,
                set => set.unwrap(),
            }
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let times = Timestamps {
            last_access: time(1_000_000_000 + index, 987_654_321),
            last_modification: time(-index, index),
        };
        utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    if !xattrs {
        println!("extended attributes: not observed, because the host's directory takes none");
    }
    (top, xattrs)
}

/// Mode, owner, group, last access and last change.
type Attributes = (u32, u32, u32, (i64, i64), (i64, i64));

/// The attributes of what the tree has, none of which is opened.
fn attributes(top: &Path) -> Vec<Attributes> {
    let of = |(name, _): &(&str, Option<u32>)| {
        let found = fs::symlink_metadata(top.join(name)).unwrap();
        let times = ((found.atime(), found.atime_nsec()), (found.mtime(), found.mtime_nsec()));
        (found.mode(), found.uid(), found.gid(), times.0, times.1)
    };
    TREE.iter().map(of).collect()
}

fn xattr(path: &Path) -> Result<Vec<u8>, Errno> {
    let mut value = [0; 100];
    getxattr(path, XATTR.0, &mut value).map(|count| value.iter().copied().take(count).collect())
}

#[test]
fn attributes_come_back_as_they_went() {
    let (system, (top, xattrs), back) = (System::start(), tree(), tempdir().unwrap());
    let before = attributes(top.path());
    let target = back.path().join("back");
    let (from, to) = (top.path().as_os_str(), target.as_os_str());
    system.run(["cp".as_ref(), "-rp".as_ref(), from, "vfs:/there".as_ref()]).ok();
    system.words("cp -r --preserve vfs:/there vfs:/second").ok();
    system.run(["cp".as_ref(), "-rp".as_ref(), "vfs:/second".as_ref(), to]).ok();
    let after = attributes(&target);
    for ((name, _), (before, after)) in TREE.iter().zip(before.iter().zip(&after)) {
        assert_eq!(before, after, "{name}");
    }
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("nowhere"));
    for (name, permissions) in TREE {
        let expected = if xattrs { Ok(XATTR.1.to_vec()) } else { Err(Errno::NOTSUP) };
        if permissions.is_some() {
            assert_eq!(xattr(&target.join(name)), expected, "{name}");
        }
    }
}

#[test]
fn a_single_file_keeps_them_too_and_over_one_that_is_there() {
    let (system, (top, _), back) = (System::start(), tree(), tempdir().unwrap());
    let (source, target) = (top.path().join("set-uid"), back.path().join("set-uid"));
    let before = fs::metadata(&source).unwrap();
    fs::write(&target, "longer than what replaces it").unwrap();
    system.write("/f", b"before");
    system.run(["cp".as_ref(), "-p".as_ref(), source.as_os_str(), "vfs:/f".as_ref()]).ok();
    system.run(["cp".as_ref(), "-p".as_ref(), "vfs:/f".as_ref(), target.as_os_str()]).ok();
    let after = fs::metadata(&target).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"set-uid");
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert_eq!((after.mtime(), after.mtime_nsec()), (before.mtime(), before.mtime_nsec()));
}

#[test]
fn without_it_only_permissions_are_kept_and_no_set_id_bits() {
    let (system, (top, _), back) = (System::start(), tree(), tempdir().unwrap());
    let target = back.path().join("back");
    let (from, to) = (top.path().as_os_str(), target.as_os_str());
    system.run(["cp".as_ref(), "-r".as_ref(), from, "vfs:/there".as_ref()]).ok();
    system.run(["cp".as_ref(), "-r".as_ref(), "vfs:/there".as_ref(), to]).ok();
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for ((name, permissions), after) in TREE.iter().zip(attributes(&target)) {
        let (mode, uid, gid, _, modified) = after;
        assert_eq!((uid, gid), own, "{name}");
        assert!(modified.0 > 0, "{name}");
        if let Some(permissions) = permissions {
            assert_eq!(mode & 0o7777, permissions & 0o1777, "{name}");
            assert!(xattr(&target.join(name)).is_err(), "{name}");
        }
    }
}
