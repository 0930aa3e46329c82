//! Arguments that make no sense, and commands without a system.

use crate::support::run;

const NOWHERE: &str = "@veridian-test-nobody-listens-here";

#[test]
fn arguments_that_make_no_sense_exit_with_2() {
    for arguments in [
        &[][..],
        &["fly"],
        &["ls", "--fly"],
        &["ls", ""],
        &["cat"],
        &["run"],
        &["run", "--"],
        &["cp", "vfs:/a"],
        &["mkdir", "-m", "9", "/a"],
        &["mv", "-n", "--exchange", "/a", "/b"],
        &["status", "--address", ""],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn copying_from_the_host_to_the_host_says_how_paths_are_written() {
    run(["cp", "/a", "/b"]).fails(2, "vfs:/path");
    run(["cp", "vfs:/a", "/b", "/c"]).fails(2, "vfs:/path");
}

#[test]
fn help_and_version_succeed() {
    assert!(run(["--help"]).ok().contains("tour"));
    assert!(run(["cp", "--help"]).ok().contains("vfs:/path"));
    assert!(run(["--version"]).ok().starts_with("veridian "));
}

#[test]
fn without_a_system_every_command_says_where_it_looked_and_what_to_do() {
    for arguments in [
        &["status"][..],
        &["down"],
        &["ls"],
        &["cat", "/a"],
        &["cp", "/etc/hostname", "vfs:/"],
        &["rm", "-rf", "/a"],
        &["mkdir", "/a"],
        &["mv", "/a", "/b"],
        &["stat", "/"],
    ] {
        let ran = run(arguments.iter().copied().chain(["--address", NOWHERE]));
        assert!(ran.stdout.is_empty(), "{ran:?}");
        assert!(ran.stderr.contains("veridian up"), "{ran:?}");
        ran.fails(1, &format!("no system is running at {NOWHERE}"));
    }
}

#[test]
fn a_service_cannot_be_started_by_hand() {
    run(["service", "vfs"]).fails(2, "started by init");
}
