//! Whose the files are, and who may do what. It takes root to be several users.

use crate::mounted::Mounted;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const ONE: u32 = 1_001;
const OTHER: u32 = 1_002;
/// A group that neither has unless it is given.
const SHARED: u32 = 2_000;

/// Runs a line of shell as a user, whose group has the same number; whether it succeeds.
fn can(user: u32, directory: &Path, line: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", line]).uid(user).gid(user).current_dir(directory);
    command.stderr(std::process::Stdio::null()).status().unwrap().success()
}

/// A mount in which everybody may make files; nothing where this process can be one user only.
fn shared() -> Option<Mounted> {
    if !rustix::process::geteuid().is_root() {
        println!("mounts used by several users: not observed, because that takes root");
        return None;
    }
    let mount = Mounted::new()?;
    fs::set_permissions(mount.point(), fs::Permissions::from_mode(0o1777)).unwrap();
    Some(mount)
}

fn owner(path: &Path) -> (u32, u32) {
    let status = fs::symlink_metadata(path).unwrap();
    (status.uid(), status.gid())
}

#[test]
fn what_a_user_makes_is_theirs() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    assert!(can(ONE, at, "umask 027; echo text > f; mkdir d; ln -s f l; mkfifo p; ln f h"));
    for name in ["f", "d", "l", "p", "h"] {
        assert_eq!(owner(&mount.path(name)), (ONE, ONE), "{name}");
    }
    assert_eq!(fs::metadata(mount.path("f")).unwrap().mode(), 0o100_640);
    assert_eq!(fs::metadata(mount.path("d")).unwrap().mode(), 0o040_750);
    let mut client = mount.client();
    let status = client.queue.stat(client.root, b"f").unwrap();
    assert_eq!((status.uid, status.gid), (ONE, ONE), "clients of the rings see the same");
}

#[test]
fn others_are_refused() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    assert!(can(ONE, at, "umask 077; echo secret > f; mkdir d; echo in > d/g"));
    assert!(can(ONE, at, "cat f d/g >/dev/null"));
    for attempt in ["cat f", "echo x >> f", "cat d/g", "ls d", "touch d/h", "chmod 666 f"] {
        assert!(!can(OTHER, at, attempt), "{attempt}");
    }
    for attempt in ["rm -f f", "mv f g", "chown 1002 f", "rmdir d"] {
        assert!(!can(OTHER, at, attempt), "{attempt}: the directory is sticky");
    }
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"secret\n");
    fs::set_permissions(mount.path("f"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(can(OTHER, at, "cat f >/dev/null"), "what was refused is allowed at once");
}

#[test]
fn groups_count_and_are_inherited() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    fs::create_dir(mount.path("team")).unwrap();
    std::os::unix::fs::chown(mount.path("team"), None, Some(SHARED)).unwrap();
    fs::set_permissions(mount.path("team"), fs::Permissions::from_mode(0o2770)).unwrap();
    assert!(!can(ONE, at, "touch team/f"), "not a member");
    let mut member = Command::new("setpriv");
    member.args(["--reuid=1001", "--regid=1001", "--groups=2000", "sh", "-c"]);
    let line = format!("cd {} && touch team/f && mkdir team/d", at.display());
    assert!(member.arg(line).status().unwrap().success(), "a member");
    assert_eq!(owner(&mount.path("team/f")), (ONE, SHARED));
    assert_eq!(owner(&mount.path("team/d")), (ONE, SHARED));
    assert_eq!(fs::metadata(mount.path("team/d")).unwrap().mode() & 0o2000, 0o2000);
}

#[test]
fn many_users_at_once_stay_apart() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    std::thread::scope(|scope| {
        for user in 3_000..3_008 {
            let line =
                format!("for n in 1 2 3 4; do echo x > {user}-$n && mv {user}-$n m{user}-$n; done");
            scope.spawn(move || assert!(can(user, at, &line), "{user}"));
        }
    });
    for user in 3_000..3_008 {
        for number in 1..=4 {
            let path = mount.path(format!("m{user}-{number}"));
            assert_eq!(owner(&path), (user, user), "{path:?}");
        }
    }
}

#[test]
fn what_the_kernel_decides_stays_decided() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    // A program need not be readable to be executed.
    fs::copy("/bin/true", mount.path("program")).unwrap();
    fs::set_permissions(mount.path("program"), fs::Permissions::from_mode(0o711)).unwrap();
    assert!(can(ONE, at, "./program"));
    assert!(!can(ONE, at, "cat program"));
    // Who writes another's file takes its set-user-id bit.
    fs::write(mount.path("theirs"), b"").unwrap();
    fs::set_permissions(mount.path("theirs"), fs::Permissions::from_mode(0o4777)).unwrap();
    assert!(can(ONE, at, "echo x >> theirs"));
    assert_eq!(fs::metadata(mount.path("theirs")).unwrap().mode(), 0o100_777);
    // Rights that were had at opening are kept, and a file that is made can be written at once,
    // whatever its permissions.
    assert!(can(ONE, at, "umask 777; exec 3>>locked; echo x >&3; echo y >&3"));
    assert_eq!(fs::read(mount.path("locked")).unwrap(), b"x\ny\n");
}

#[test]
fn nothing_made_is_ever_anothers() {
    let Some(mount) = shared() else { return };
    let at = &mount.point();
    let made = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let line =
                "n=0; while [ $n -lt 100 ]; do echo > f; mkdir d; rm f; rmdir d; n=$((n+1)); done";
            let succeeded = can(ONE, at, line);
            made.store(true, Ordering::Release);
            assert!(succeeded);
        });
        // A client of the rings looks all the time, as the system's owner.
        let mut client = mount.client();
        let mut seen = 0;
        while !made.load(Ordering::Acquire) {
            for name in [b"f", b"d"] {
                if let Ok(status) = client.queue.stat(client.root, name) {
                    assert_eq!((status.uid, status.gid), (ONE, ONE));
                    seen += 1;
                }
            }
        }
        assert!(seen > 0, "it has looked at none");
    });
}
