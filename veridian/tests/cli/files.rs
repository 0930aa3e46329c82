//! ls, cat, rm, mkdir, mv and stat.

use crate::support::System;
use std::io::Read;
use std::process::Stdio;

#[test]
fn mkdir_makes_parents_only_when_told_to() {
    let system = System::start();
    system.words("mkdir /a/b").fails(1, "vfs:/a/b");
    system.words("mkdir -p -m 700 /a/b/c").ok();
    system.words("mkdir vfs:a/d").ok();
    system.words("mkdir -p /a/b/c").ok();
    system.words("mkdir /a").fails(1, "vfs:/a");
    assert!(system.words("ls -l /a/b").ok().starts_with("drwx------ "));
    assert_eq!(system.words("ls a").ok(), "b\nd\n");
    assert!(system.words("ls -l /a").ok().lines().all(|line| line.starts_with("drwxr-xr-x ")));
}

#[test]
fn ls_hides_dots_and_escapes_only_for_terminals() {
    let system = System::start();
    system.run(["mkdir", "/.hidden", "/new\nline", "/b"]).ok();
    assert_eq!(system.words("ls").ok(), "b\nnew\nline\n");
    assert_eq!(system.words("ls -a vfs:").ok(), ".hidden\nb\nnew\nline\n");
    assert!(system.words("ls -l").ok().contains("new\\nline"));
    system.words("ls /missing").fails(1, "vfs:/missing: no such file or directory");
}

#[test]
fn cat_writes_what_there_is_and_goes_on() {
    let system = System::start();
    system.write("/a", b"first ");
    system.write("/b", b"second");
    assert_eq!(system.words("cat /a vfs:/b").ok(), "first second");
    let ran = system.words("cat /a /missing / /b");
    assert_eq!(ran.stdout, b"first second");
    assert!(ran.stderr.contains("vfs:/missing") && ran.stderr.contains("directory"), "{ran:?}");
    assert_eq!(ran.code, Some(1));
}

#[test]
fn a_reader_that_goes_away_is_no_error_message() {
    let system = System::start();
    system.write("/large", &vec![b'x'; 4 << 20]);
    let mut command = system.command(["cat", "/large"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 13));
    assert_eq!(output.stderr, b"");
}

#[test]
fn rm_needs_to_be_told_about_directories() {
    let system = System::start();
    system.words("mkdir -p /a/b/c /a/d").ok();
    system.write("/a/b/file", b"x");
    system.words("rm /a").fails(1, "use -r");
    system.words("rm /missing").fails(1, "vfs:/missing");
    system.words("rm -f /missing /a/b/file/below /missing/below").ok();
    system.words("rm -r / /a/. /a/..").fails(1, "cannot be removed");
    assert_eq!(system.words("ls /a").ok(), "b\nd\n");
    system.words("rm /a/b/file").ok();
    let ran = system.words("rm -r /missing /a");
    ran.fails(1, "vfs:/missing");
    assert_eq!(system.words("ls").ok(), "", "the second argument was removed all the same");
}

#[test]
fn mv_moves_renames_and_exchanges() {
    let system = System::start();
    system.words("mkdir /directory /other").ok();
    system.write("/a", b"a");
    system.write("/b", b"b");
    system.words("mv -n /a /b").fails(1, "exists already");
    system.words("mv --exchange /a /b").ok();
    assert_eq!(system.words("cat /a /b").ok(), "ba");
    system.words("mv /a /b").ok();
    assert_eq!(system.words("cat /b").ok(), "b");
    system.words("mv /b /directory").ok();
    system.words("mv /directory/b/ /c").fails(1, "vfs:/directory/b/");
    system.words("mv /directory /other/").ok();
    assert_eq!(system.words("cat /other/directory/b").ok(), "b");
    system.words("mv /other /other/directory").fails(1, "moving");
    system.words("mv / /x").fails(1, "cannot be moved");
    system.words("mv /missing /x").fails(1, "no such file");
}

#[test]
fn stat_tells_the_attributes() {
    let system = System::start();
    system.write("/file", b"12345");
    let told = system.words("stat /file vfs:").ok();
    for line in ["vfs:/file", "size      5 bytes", "kind      regular file", "kind      directory"]
    {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    system.words("stat /missing").fails(1, "vfs:/missing");
}
