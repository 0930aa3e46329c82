//! mount and umount.

use crate::support::{PROGRAM, System, run};
use std::fs;

#[test]
fn a_host_directory_is_mounted_used_and_unmounted() {
    let system = System::start();
    let host = tempfile::tempdir().unwrap();
    let path = host.path().to_str().unwrap();
    fs::create_dir(host.path().join("d")).unwrap();
    fs::write(host.path().join("d/f"), b"of the host").unwrap();
    system.words("mkdir /m").ok();
    system.words(&format!("mount --host {path} vfs:/m")).ok();
    assert_eq!(system.words("cat /m/d/f").ok(), "of the host");
    system.words("mkdir /m/made").ok();
    system.write("/m/made/file", b"of the system");
    assert_eq!(fs::read(host.path().join("made/file")).unwrap(), b"of the system");
    system.words("cp -r vfs:/m/d vfs:/copy").ok();
    assert_eq!(system.words("cat /copy/f").ok(), "of the host");
    let told = system.words("mount").ok();
    assert!(told.contains("vfs:/m") && told.contains("host") && told.contains("rw"), "{told}");
    system.words("mv /m /n").fails(1, "busy");
    system.words("rm -r /m/made").ok();
    assert!(!host.path().join("made").exists());
    system.words("umount vfs:/m").ok();
    assert_eq!(system.words("ls /m").ok(), "");
    system.words("umount vfs:/m").fails(1, "vfs:/m");
}

#[test]
fn a_directory_is_bound_in_a_second_place() {
    let system = System::start();
    system.words("mkdir /a /b /c").ok();
    system.write("/a/f", b"of a");
    system.words("mount --bind vfs:/a vfs:/b").ok();
    system.words("mount --bind /a --read-only vfs:/c").ok();
    assert_eq!(system.words("cat /b/f /c/f").ok(), "of aof a");
    system.words("rm /c/f").fails(1, "Read-only");
    system.words("rm /b/f").ok();
    assert_eq!(system.words("ls /a").ok(), "");
    let told = system.words("mount").ok();
    assert!(told.contains("vfs:/b") && told.contains("bind") && told.contains("ro"), "{told}");
    system.words("umount vfs:/b").ok();
    system.words("mount vfs:/b").fails(1, "--host");
    system.words("mount --bind /missing vfs:/b").fails(1, "vfs:/missing");
}

#[test]
fn a_system_has_mounts_from_the_start() {
    let host = tempfile::tempdir().unwrap();
    let path = host.path().to_str().unwrap();
    fs::write(host.path().join("f"), b"of the host").unwrap();
    let cat = |how: &str| {
        let mount = format!("{path}=vfs:/deep/in{how}");
        let remove = format!("{PROGRAM} cat /deep/in/f; {PROGRAM} rm /deep/in/f");
        run(["run", "--mount", &mount, "--", "sh", "-c", &remove])
    };
    let ran = cat(",ro");
    assert_eq!(ran.stdout, b"of the host");
    assert!(ran.stderr.contains("Read-only") && ran.code == Some(1), "{ran:?}");
    cat("").ok();
    assert!(!host.path().join("f").exists());
    run(["run", "--mount", "/nonexistent=vfs:/m", "--", "true"]).fails(1, "/nonexistent");
    run(["up", "--mount", "/nonexistent", "--foreground"]).fails(2, "DIR=vfs:/path");
    let address = format!("@mounts-{}", std::process::id());
    let failing = ["up", "--mount", "/nonexistent=vfs:/m", "--address", &address];
    run(failing).fails(1, "/nonexistent");
    run(failing.into_iter().chain(["--foreground"])).fails(1, "/nonexistent");
    run(["status", "--address", &address]).fails(1, &address);
}

#[test]
fn what_cannot_be_mounted_is_told() {
    let system = System::start();
    let host = tempfile::tempdir().unwrap();
    let path = host.path().to_str().unwrap();
    fs::write(host.path().join("f"), b"f").unwrap();
    system.words("mount --host /nonexistent vfs:/").fails(1, "/nonexistent");
    system.words(&format!("mount --host {path}/f vfs:/")).fails(1, "irectory");
    system.words(&format!("mount --host {path} /m")).fails(1, "vfs:/path");
    system.words(&format!("mount --host {path} vfs:/m")).fails(1, "no such file");
    system.words("mkdir /m").ok();
    system.words(&format!("mount --read-only --host {path} vfs:/m")).ok();
    assert_eq!(system.words("cat /m/f").ok(), "f");
    system.words("rm /m/f").fails(1, "Read-only");
    system.words(&format!("mount --host {path} vfs:/m")).fails(1, "busy");
    system.words("umount /m").fails(1, "nothing of a system");
    system.words("umount vfs:/").fails(1, "busy");
}
