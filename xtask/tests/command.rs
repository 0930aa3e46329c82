//! The command as people and CI call it: a broken rule is printed and fails the process.

use std::fs;
use std::process::Command;

#[test]
fn a_broken_rule_fails_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"rings\"\nversion = \"0.1.0\"\n[workspace]\n";
    fs::create_dir_all(folder.path().join("rings/src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    fs::write(folder.path().join("rings/Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("rings/src/lib.rs"), "#[cfg(unix)]\nmod a;\n").unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["check", "--root"])
        .arg(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("rings/src/lib.rs:1: condition on `unix`"), "{printed}");
}

#[test]
fn every_step_of_the_test_command_is_listed() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(["test", "--list"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for step in ["fmt", "check", "clippy", "deny", "test", "loom", "miri", "fuzz", "tour"] {
        assert!(printed.lines().any(|line| line.starts_with(step)), "{step} in {printed}");
    }
}
