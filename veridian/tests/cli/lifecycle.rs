//! up, down, status and run.

use crate::support::{Ran, command, descendants, is_alive, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

fn sh(script: &str) -> Ran {
    run(["run", "--", "sh", "-c", script])
}

/// Starts a command and reads its first line.
fn until_first_line(arguments: &[&str]) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (child, stdout, line)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn run_exits_as_its_command_does() {
    for (script, code) in [("true", 0), ("false", 1), ("exit 7", 7), ("kill -TERM $$", 143)] {
        assert_eq!(sh(script).code, Some(code), "{script}");
    }
    run(["run", "--", "/nonexistent/program"]).fails(127, "/nonexistent/program");
    run(["run", "--", "/etc/hostname"]).fails(126, "/etc/hostname");
}

#[test]
fn run_gives_the_command_a_system_and_takes_it_away_again() {
    let program = crate::support::PROGRAM;
    let ran = sh(&format!("{program} mkdir /made && {program} ls && echo $VERIDIAN_ADDRESS"));
    let stdout = ran.ok();
    let [made, address] = stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };
    assert_eq!(made, "made");
    run(["status", "--address", address]).fails(1, "no system is running");
}

#[test]
fn run_passes_sigterm_on_and_cleans_up() {
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
    let (mut child, _stdout, line) = until_first_line(&["run", "--", "sh", "-c", script]);
    assert_eq!(line, "ready\n");
    let below = descendants(child.id());
    assert!(below.len() >= 3, "sh, init and a service: {below:?}");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert!(!below.iter().any(is_alive));
}

#[test]
fn run_leaves_ctrl_c_to_the_command() {
    let script = "trap 'exit 6' USR1; echo ready; while :; do sleep 0.01; done";
    let (mut child, _stdout, _) = until_first_line(&["run", "--", "sh", "-c", script]);
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let is = |pid: &u32, wanted: &str| name(pid).is_some_and(|name| name.trim_end() == wanted);
    let mut below = descendants(child.id());
    // Those that sleep for a moment end by themselves.
    below.retain(|(pid, _)| name(pid).is_some() && !is(pid, "sleep"));
    signal(&child, Signal::INT);
    assert!(below.iter().all(is_alive), "the signal ended something");
    let shell = below.iter().find(|(pid, _)| is(pid, "sh"));
    let shell = Pid::from_raw(i32::try_from(shell.unwrap().0).unwrap()).unwrap();
    kill_process(shell, Signal::USR1).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert!(!below.iter().any(is_alive));
}

#[test]
fn nothing_outlives_a_killed_run() {
    let (mut child, _stdout, _) =
        until_first_line(&["run", "--", "sh", "-c", "echo ready; exec sleep 1000"]);
    let below = descendants(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    // The command is not ours to end; the system is.
    let is_ours = |(pid, _): &&(u32, String)| {
        std::fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|exe| exe == std::path::Path::new(crate::support::PROGRAM))
    };
    let ended = |process: &(u32, String)| !is_alive(process);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while below.iter().filter(is_ours).count() > 0 && std::time::Instant::now() < patience {
        std::thread::yield_now();
    }
    assert_eq!(below.iter().filter(is_ours).count(), 0);
    for process in below.iter().filter(|process| !ended(process)) {
        let pid = Pid::from_raw(i32::try_from(process.0).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
}

#[test]
fn up_status_and_down() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("socket").to_str().unwrap().to_owned();
    let at =
        |arguments: &[&str]| run(arguments.iter().copied().chain(["--address", address.as_str()]));
    let told = at(&["up"]).ok();
    assert!(told.contains("vfs") && told.contains(&address), "{told}");
    at(&["up"]).fails(1, "runs there already");

    let table = at(&["status"]).ok();
    assert!(table.contains("vfs") && table.contains("ready"), "{table}");
    let json: Value = serde_json::from_str(&at(&["status", "--json"]).ok()).unwrap();
    let services = json["services"].as_array().unwrap();
    let vfs = services.iter().find(|service| service["name"] == "vfs").unwrap();
    assert_eq!(vfs["state"], "ready");
    assert!(vfs["start_ns"].as_u64().unwrap() > 0 && vfs["resident_bytes"].as_u64().unwrap() > 0);

    assert!(at(&["down"]).ok().contains(&address));
    at(&["status"]).fails(1, "no system is running");
    at(&["down"]).fails(1, "no system is running");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "a socket is left");
}

#[test]
fn up_in_the_foreground_ends_by_signal_and_by_down() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("socket").to_str().unwrap().to_owned();
    let up = || until_first_line(&["up", "--foreground", "--address", &address]);

    let (mut child, _stdout, _) = up();
    let below = descendants(child.id());
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!below.iter().any(is_alive));

    let (mut child, _stdout, _) = up();
    run(["down", "--address", &address]).ok();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_system_in_the_background_starts_again_in_place() {
    let address = format!("@veridian-reboot-{}", std::process::id());
    let on = |arguments: &[&str]| run([arguments, &["--address", &address]].concat());
    on(&["up"]).ok();
    let pids = |status: &str| -> Vec<Value> {
        let status: Value = serde_json::from_str(status).unwrap();
        let services = status["services"].as_array().unwrap().clone();
        services.into_iter().map(|service| service["pid"].clone()).collect()
    };
    let before = pids(&on(&["status", "--json"]).ok());
    on(&["reboot"]).ok();
    let begun = std::time::Instant::now();
    // Who comes while the old init stops is sent away.
    let is_back = |ran: &Ran| {
        let now = || pids(std::str::from_utf8(&ran.stdout).unwrap());
        ran.code == Some(0) && now().iter().all(|pid| !before.contains(pid))
    };
    loop {
        let ran = on(&["status", "--json"]);
        if is_back(&ran) {
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "it is not back: {}", ran.stderr);
    }
    on(&["down"]).ok();
}
