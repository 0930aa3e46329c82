//! How a mount comes and goes.

use crate::mounted::{Mounted, can_mount, is_mounted};
use crate::support::{PROGRAM, command};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[test]
fn it_is_unmounted_by_command() {
    let Some(mounted) = Mounted::new() else { return };
    fs::write(mounted.path("kept"), b"in the system").unwrap();
    let busy = fs::File::open(mounted.path("kept")).unwrap();
    let umount =
        |arguments: &[&str]| mounted.command(arguments).arg(mounted.point()).output().unwrap();
    let refused = umount(&["umount"]);
    assert!(!refused.status.success(), "it is busy: {refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--lazy"), "{refused:?}");
    drop(busy);
    assert!(umount(&["umount"]).status.success());
    assert!(!mounted.is_mounted());
    assert!(!umount(&["umount"]).status.success());
    let ran = mounted.command(&["cat", "/kept"]).output().unwrap();
    assert_eq!(ran.stdout, b"in the system");
    assert!(mounted.command(&["mount"]).arg(mounted.point()).status().unwrap().success());
    assert_eq!(fs::read(mounted.path("kept")).unwrap(), b"in the system");
    assert!(umount(&["umount", "--lazy"]).status.success());
}

#[test]
fn it_goes_with_its_system_whoever_is_in_there() {
    let Some(mut mounted) = Mounted::new() else { return };
    fs::write(mounted.path("file"), b"x").unwrap();
    let open = fs::File::open(mounted.path("file")).unwrap();
    mounted.system.take().unwrap().stop().unwrap();
    mounted.await_gone();
    // No answer would be worse than an error.
    assert!(open.metadata().is_err());
}

#[test]
fn it_goes_when_the_vfs_is_killed() {
    let Some(mounted) = Mounted::new() else { return };
    let status = mounted.command(&["status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let services = status["services"].as_array().unwrap();
    let vfs = services.iter().find(|service| service["name"] == "vfs").unwrap();
    let pid = i32::try_from(vfs["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    mounted.await_gone();
}

#[test]
fn it_goes_when_the_whole_system_is_killed() {
    let Some(mut mounted) = Mounted::new() else { return };
    let system = mounted.system.take().unwrap();
    let vfs = system.connection.status().unwrap().services[0].pid;
    let stat = fs::read_to_string(format!("/proc/{vfs}/stat")).unwrap();
    // The name, in parentheses, may contain anything; the parent is the second behind it.
    let init = stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap();
    let init = Pid::from_raw(init.parse().unwrap()).unwrap();
    kill_process(init, Signal::KILL).unwrap();
    mounted.await_gone();
    // It cannot be stopped in order any more.
    std::mem::forget(system);
}

#[test]
fn it_is_gone_when_down_returns() {
    down(|_| {});
}

#[test]
fn it_is_gone_when_down_returns_though_its_front_end_was_killed() {
    down(|point| kill_process(front_end(point), Signal::KILL).unwrap());
}

/// The process that serves a mount.
pub(crate) fn front_end(point: &Path) -> Pid {
    let point = point.to_str().unwrap();
    let mut processes = fs::read_dir("/proc").unwrap().flatten();
    let serves = |process: &fs::DirEntry| {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        line.split('\0').any(|argument| argument == point)
    };
    let process = processes.find(serves).unwrap().file_name();
    Pid::from_raw(process.to_str().unwrap().parse().unwrap()).unwrap()
}

/// Mounts a system that is then stopped by `down`.
fn down(meanwhile: impl FnOnce(&Path)) {
    if !can_mount() {
        return;
    }
    let point = tempfile::tempdir().unwrap();
    let address = format!("@veridian{}", point.path().display());
    let run = |arguments: &[&str]| {
        let mut command = command(["--address", &address].iter().chain(arguments));
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    run(&["up"]);
    run(&["mount", point.path().to_str().unwrap()]);
    fs::write(point.path().join("file"), b"x").unwrap();
    meanwhile(point.path());
    run(&["down"]);
    assert!(!is_mounted(point.path()));
}

/// A mount of the same system in the foreground, once it is usable.
fn serving(mounted: &Mounted, point: &Path) -> Child {
    serving_by(&mut mounted.command(&[]), point)
}

/// The same by a command that runs the program.
pub(crate) fn serving_by(program: &mut Command, point: &Path) -> Child {
    let mut serving = program
        .args(["mount", "--foreground", "--detached"])
        .arg(point)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(is_mounted(point));
    serving
}

#[test]
fn in_the_foreground_it_ends_by_ctrl_c() {
    let Some(mounted) = Mounted::new() else { return };
    let other = tempfile::tempdir().unwrap();
    let mut serving = serving(&mounted, other.path());
    kill_process(Pid::from_child(&serving), Signal::INT).unwrap();
    assert_eq!(serving.wait().unwrap().code(), Some(130));
    assert!(!is_mounted(other.path()));
    assert!(mounted.is_mounted());
}

#[test]
fn it_goes_from_where_it_is_by_now_and_nothing_else_does() {
    let Some(mounted) = Mounted::new() else { return };
    let above = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| above.path().join(name));
    let [covered, point] = [&old, &new].map(|directory| directory.join("point"));
    fs::create_dir_all(&covered).unwrap();
    let mut first = serving(&mounted, &covered);
    fs::rename(&old, &new).unwrap();
    assert!(is_mounted(&point), "moved with the directory above it");
    fs::create_dir_all(&covered).unwrap();
    let mut second = serving(&mounted, &covered);
    kill_process(Pid::from_child(&first), Signal::TERM).unwrap();
    first.wait().unwrap();
    let mounts = [is_mounted(&point), is_mounted(&covered)];
    kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
    second.wait().unwrap();
    assert_eq!(mounts, [false, true], "what has taken its path is another's");
    assert!(!is_mounted(&covered));
}

#[test]
fn run_leaves_no_mount_behind() {
    if !can_mount() {
        return;
    }
    let point = tempfile::tempdir().unwrap();
    let at = point.path().to_str().unwrap();
    let script = format!("{PROGRAM} mount {at} && echo there > {at}/file && cat {at}/file");
    let ran = command(["run", "--", "sh", "-c", &script]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert!(ran.stdout.ends_with(b"there\n"), "{ran:?}");
    assert!(!is_mounted(point.path()));
}

#[test]
fn errors_say_what_is_wrong() {
    let point = tempfile::tempdir().unwrap();
    let ran = |arguments: &[&str]| {
        let ran = command(arguments).output().unwrap();
        assert!(!ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stderr).unwrap()
    };
    let at = point.path().to_str().unwrap();
    assert!(ran(&["--address", "@veridian-nobody", "mount", at]).contains("no system"));
    assert!(ran(&["umount", at]).contains("nothing of a system is mounted"));
    assert!(ran(&["--address", "@veridian-nobody", "mount", "vfs:/a"]).contains("--host"));
}
