//! Third-party suites on the mount, and for comparison on the kernel's tmpfs: pjdfstest for the rules
//! of POSIX, fsx for contents under every way to change them.
//!
//! `SUITES` names the folder of their programs, which `cargo xtask test` installs; without it nothing
//! is run, and that is said.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "mount/mounted.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod mounted;
#[path = "cli/support.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod support;

use mounted::Mounted;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PJDFSTEST_CONFIGURATION: &str = r#"
[features]
posix_fallocate = {}
rename_ctime = {}
utimensat = {}
utime_now = {}
stat_st_birthtime = {}
[settings]
naptime = 0.01
allow_remount = false
[dummy_auth]
entries = [["nobody", "nogroup"], ["games", "games"]]
"#;

const FSX_CONFIGURATION: &str = "
[weights]
mapread = 1
mapwrite = 1
punch_hole = 1
fsync = 1
copy_file_range = 1
";
const FSX_OPERATIONS: &str = "5000";
const FSX_SEEDS: [&str; 3] = ["42", "7", "1001"];

/// The folder of the suites' programs.
fn suites() -> Option<PathBuf> {
    let suites = std::env::var_os("SUITES").map(PathBuf::from);
    if suites.is_none() {
        println!("not run: SUITES names no folder");
    }
    suites
}

/// Tests of pjdfstest that pass below a directory.
fn pjdfstest(program: &Path, directory: &Path) -> BTreeSet<String> {
    let configuration = tempfile::NamedTempFile::new().unwrap();
    fs::write(configuration.path(), PJDFSTEST_CONFIGURATION).unwrap();
    let below = directory.join("pjdfstest");
    fs::create_dir(&below).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(configuration.path()).arg("-p").arg(&below);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{}: {}", directory.display(), text.lines().last().unwrap_or("nothing"));
    let passed = text.lines().filter_map(|line| line.trim_end().strip_suffix(" ok"));
    passed.map(|name| name.trim().to_owned()).collect()
}

#[test]
fn what_passes_on_the_kernels_tmpfs_passes_here() {
    let Some(suites) = suites() else { return };
    if !rustix::process::geteuid().is_root() {
        println!("not run: pjdfstest acts as several users, which takes root");
        return;
    }
    let Some(mounted) = Mounted::new() else { return };
    let program = suites.join("pjdfstest");
    let tmpfs = tempfile::tempdir_in("/dev/shm").unwrap();
    let (there, here) = (pjdfstest(&program, tmpfs.path()), pjdfstest(&program, &mounted.point()));
    assert!(there.len() > 300, "the suite did not run: {there:?}");
    let missing: Vec<_> = there.difference(&here).collect();
    assert!(missing.is_empty(), "pass on tmpfs and not here: {missing:#?}");
}

#[test]
fn contents_survive_every_way_to_change_them() {
    let Some(suites) = suites() else { return };
    let Some(mounted) = Mounted::new() else { return };
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("fsx.toml");
    fs::write(&configuration, FSX_CONFIGURATION).unwrap();
    for seed in FSX_SEEDS {
        println!("fsx: seed {seed}, {FSX_OPERATIONS} operations");
        let mut command = Command::new(suites.join("fsx"));
        command.args(["-N", FSX_OPERATIONS, "-S", seed, "-f"]).arg(&configuration);
        command.arg("-P").arg(directory.path()).arg(mounted.path("fsx"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
