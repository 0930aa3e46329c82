//! The tour, as programs see it.

use crate::support::{command, descendants, is_alive, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use tempfile::{TempDir, tempdir};

/// A directory of 3 files and 2 directories, a link beside them.
fn tree() -> TempDir {
    let top = tempdir().unwrap();
    fs::create_dir(top.path().join("directory")).unwrap();
    fs::write(top.path().join("empty"), "").unwrap();
    fs::write(top.path().join("text"), "some text").unwrap();
    fs::write(top.path().join("directory/large"), vec![7; 700_000]).unwrap();
    symlink("text", top.path().join("link")).unwrap();
    top
}

fn event<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn it_copies_compares_and_measures() {
    let top = tree();
    let stdout = run(["tour", "--json", top.path().to_str().unwrap()]).ok();
    let events: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    let start = event(&events, "start");
    assert!(start["start_total_ms"].as_f64().unwrap() > 0.0);
    assert!(start["services"]["vfs"].as_f64().unwrap() > 0.0);

    let copy = event(&events, "copy");
    assert_eq!((&copy["files"], &copy["directories"]), (&3.into(), &2.into()));
    assert_eq!((&copy["bytes"], &copy["skipped_symlinks"]), (&700_009.into(), &1.into()));

    let verify = event(&events, "verify");
    assert_eq!(verify["checksums_equal"], true);
    assert_eq!(verify["host_checksum"], verify["read_checksum"]);
    assert_eq!(verify["host_checksum"], verify["read_grant_checksum"]);
    assert_eq!((&verify["files"], &verify["bytes"]), (&3.into(), &700_009.into()));

    let latencies: Vec<&Value> =
        events.iter().filter(|event| event["event"] == "latency").collect();
    assert_eq!(latencies.len(), 8, "four operations, polling and sleeping");
    for row in latencies {
        let [p50, p99, p999] =
            ["p50_ns", "p99_ns", "p999_ns"].map(|key| row[key].as_u64().unwrap());
        assert!(0 < p50 && p50 <= p99 && p99 <= p999, "{row}");
    }
    assert_eq!(events.last().unwrap()["event"], "done");
    assert_eq!(events.last().unwrap()["ok"], true);
}

#[test]
fn what_cannot_be_copied_is_an_error_before_anything_starts() {
    for path in ["/nonexistent/tree", "/etc/hostname"] {
        let ran = run(["tour", "--json", path]);
        let done: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!((&done["event"], &done["ok"]), (&"done".into(), &false.into()));
        ran.fails(1, path);
    }
}

#[test]
fn a_signal_stops_the_system_and_is_reported() {
    let top = tree();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut command = command(["tour".as_ref(), "--json".as_ref(), top.path().as_os_str()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains("\"start\""), "{line}");
        let below = descendants(child.id());
        assert!(below.len() >= 2, "init and a service: {below:?}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let last = stdout.lines().last().unwrap().unwrap();
        let done: Value = serde_json::from_str(&last).unwrap();
        assert_eq!((&done["event"], &done["ok"]), (&"done".into(), &false.into()));
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!below.iter().any(is_alive), "something is left");
    }
}
