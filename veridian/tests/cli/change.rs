//! ln, chmod, chown, find, du, df and completions.

use crate::support::{System, run};

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn links() {
    let system = System::start();
    system.write("/file", b"contents");
    system.words("mkdir /d").ok();
    system.words("ln /file /hard").ok();
    system.words("ln /file vfs:/d").ok();
    system.words("ln -s ../file /d/link").ok();
    assert!(system.words("stat /file").ok().contains("links     3"));
    assert_eq!(system.words("cat /d/link /hard /d/file").ok(), "contentscontentscontents");
    system.words("ln /file /hard").fails(1, "exists already");
    system.words("ln /nothing /new").fails(1, "no such file");
    system.words("ln /d /new").fails(1, "not permitted");
}

#[test]
fn modes_and_owners() {
    let system = System::start();
    system.words("mkdir -p /d/e").ok();
    system.write("/d/e/file", b"x");
    system.words("ln -s file /d/e/link").ok();
    system.words("chmod 700 /d/e/file").ok();
    assert!(system.words("stat /d/e/file").ok().contains("(0700)"));
    system.words("chmod -R 755 /d").ok();
    assert!(system.words("stat /d/e/file").ok().contains("(0755)"));
    system.words("chmod 999 /d").fails(2, "octal");
    system.words("chmod 700 /nothing /d").fails(1, "vfs:/nothing");
    assert!(system.words("stat /d").ok().contains("(0700)"));
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    system.words(&format!("chown -R {uid}:{gid} /d")).ok();
    system.words("chown root /d").fails(2, "numbers");
    if uid == 0 {
        system.words("chown -R 7:8 /d").ok();
        for path in ["/d", "/d/e", "/d/e/file"] {
            assert!(system.words(&format!("stat {path}")).ok().contains("owner     7:8"));
        }
        system.words("chown :9 /d/e").ok();
        assert!(system.words("stat /d/e").ok().contains("owner     7:9"));
    } else {
        system.words("chown 0 /d").fails(1, "not permitted");
    }
}

#[test]
fn finding_and_space() {
    let system = System::start();
    system.words("mkdir -p /d/e").ok();
    system.write("/d/a.txt", &[1; 10_000]);
    system.write("/d/e/b.txt", b"x");
    system.words("ln /d/a.txt /d/c.bin").ok();
    system.words("ln -s e /d/link").ok();
    let all =
        ["vfs:/d", "vfs:/d/a.txt", "vfs:/d/c.bin", "vfs:/d/e", "vfs:/d/e/b.txt", "vfs:/d/link"];
    assert_eq!(lines(&system.words("find /d").ok()), all);
    let texts = ["vfs:/d/a.txt", "vfs:/d/e/b.txt"];
    assert_eq!(lines(&system.words("find --name *.txt").ok()), texts);
    assert_eq!(lines(&system.words("find /d --kind d").ok()), ["vfs:/d", "vfs:/d/e"]);
    assert_eq!(lines(&system.words("find /d --kind l").ok()), ["vfs:/d/link"]);
    system.words("find /nothing").fails(1, "No such file");
    system.words("find --name [").fails(2, "--name");
    let used = system.words("du /d").ok();
    // Three pages; two names of one file count once.
    assert!(used.contains("16.00 KiB") && used.contains(" 5 "), "{used}");
    let free = system.words("df").ok();
    assert!(lines(&free)[1].starts_with("vfs:/"), "{free}");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(["completions", shell]).ok().contains("umount"), "{shell}");
    }
    run(["completions", "none"]).fails(2, "possible values");
}
