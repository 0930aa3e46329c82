//! watch.

use crate::support::{Ran, System};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;

/// Starts `watch`, changes something until it has ended, and returns what it has said.
fn watched(system: &System, words: &str, mut change: impl FnMut(u32)) -> String {
    let mut command = system.command(words.split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for round in 0.. {
        assert!(round < 10_000, "it never ends");
        if child.try_wait().unwrap().is_some() {
            break;
        }
        change(round);
    }
    Ran::from(child.wait_with_output().unwrap()).ok()
}

#[test]
fn watch_shows_what_changes_and_ends_when_told_to() {
    let system = System::start();
    system.words("mkdir /d").ok();
    system.write("/d/file", b"x");
    let seen = watched(&system, "watch -n 3 --events names /d", |round| {
        system.words(&format!("mkdir /d/{round}")).ok();
        system.write("/d/file", b"y");
    });
    let names: Vec<_> = seen.lines().map(|line| line.strip_prefix("names       vfs:/d/")).collect();
    let numbers: Vec<u32> = names.iter().map(|name| name.unwrap().parse().unwrap()).collect();
    assert!(numbers.len() == 3 && numbers.is_sorted(), "{seen}");
    let seen =
        watched(&system, "watch -n 1 --json --events attributes,contents /d /d/file", |_| {
            system.words("chmod 640 /d/file").ok();
        });
    let line: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(line["events"][0], "attributes", "{seen}");
    assert_eq!(line["path"], "vfs:/d/file");
    system.words("watch /missing").fails(1, "watching vfs:/missing");
}

#[test]
fn watch_ends_when_what_it_watches_is_gone() {
    let system = System::start();
    system.words("mkdir /d").ok();
    let mut command = system.command(["watch", "/d"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    // It watches, once it has seen something.
    thread::scope(|scope| {
        let reads = scope.spawn(|| lines.read_line(&mut first).unwrap());
        while !reads.is_finished() {
            system.words("chmod 700 /d").ok();
        }
    });
    assert_eq!(first, "attributes  vfs:/d\n");
    system.words("rm -r /d").ok();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "veridian: vfs:/d is gone\n"));
}
