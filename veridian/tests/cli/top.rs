//! top: samples under traffic, who may see them, and a terminal that is given back.

use crate::support::{PROGRAM, Ran, System};
use control::client::SessionOptions;
use dataplane::client::Queue;
use dataplane::entry::{Handle, Opcode, Sqe};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A user who has nothing to do with the tests.
const NOBODY: u32 = 65_534;

/// Sends requests, of which one in four fails, until it is told to stop.
fn traffic(queue: &mut Queue, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..3 {
            queue.call(Sqe::new(Opcode::Nop, Handle::NONE)).unwrap();
        }
        // Nothing is open that could be closed.
        queue.call(Sqe::new(Opcode::Close, Handle::NONE)).unwrap_err();
    }
}

#[test]
fn samples_under_traffic_show_it_and_whose_it_is() {
    let system = System::start();
    let mut session = system.connection().connect("vfs", SessionOptions::default()).unwrap();
    let mut queue = session.take_queue().unwrap();
    let stop = AtomicBool::new(false);
    let printed = thread::scope(|scope| {
        scope.spawn(|| traffic(&mut queue, &stop));
        let printed = system.words("top --json -n 2 --interval 0.2");
        stop.store(true, Ordering::Relaxed);
        printed.ok()
    });
    let samples: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(samples.len(), 2, "{printed}");
    for sample in samples {
        let services = sample["services"].as_array().unwrap();
        let service = services.iter().find(|service| service["name"] == "vfs").unwrap();
        let session = &service["sessions"][0];
        assert_eq!(session["pid"], std::process::id());
        assert_eq!(session["uid"], rustix::process::getuid().as_raw());
        for each in [service, session] {
            let [operations, errors] = ["operations_per_s", "errors_per_s"]
                .map(|name| each[name].as_f64().unwrap_or_else(|| panic!("{name} in {each}")));
            assert!(operations > errors && errors > 0.0, "{each}");
            assert!(each["requests_timed"].as_u64() > Some(0), "{each}");
            assert!(each["p50_ns"].as_u64() <= each["p999_ns"].as_u64(), "{each}");
        }
        assert!(service["cpu_percent"].as_f64() > Some(0.0), "{service}");
        assert!(service["usage"]["limit_bytes"].as_u64() > Some(0), "{service}");
    }
    drop(session);
}

#[test]
fn without_a_terminal_samples_are_tables() {
    let system = System::start();
    let text = system.words("top --once --interval 0.1").ok();
    assert!(text.starts_with("service") && text.contains("\nvfs"), "{text}");
    assert!(text.contains("\nsession  service"), "{text}");
    system.words("top --once -n 2").fails(2, "--once");
    system.words("top -n 0").fails(2, "0 is not in");
    system.words("top --interval 0").fails(2, "from 0.1 to 3600");
}

#[test]
fn those_who_may_not_audit_are_told_so() {
    if !rustix::process::geteuid().is_root() {
        println!("top of a stranger: not observed, because that takes root");
        return;
    }
    let system = System::start();
    // Not by its path, which a stranger may not be able to reach.
    let program = File::open(PROGRAM).unwrap();
    let mut stranger = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    stranger.args(["--address", system.address(), "top", "--once"]).uid(NOBODY).gid(NOBODY);
    Ran::from(stranger.output().unwrap()).fails(1, "may audit the services");
}

/// The program on a terminal of its own, and the other end of that.
struct OnTerminal {
    child: Child,
    ours: File,
    /// The program's end, held open so that it can be asked how it was left.
    theirs: File,
    seen: Vec<u8>,
}

impl OnTerminal {
    fn start(system: &System) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size).unwrap();
        let end = || theirs.try_clone().unwrap();
        let mut command = system.command(["top", "--interval", "0.1"]);
        command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        Self { child, ours: ours.into(), theirs, seen: Vec::new() }
    }

    /// Whether what the program reads comes line by line, as a shell wants it.
    fn is_usual(&self) -> bool {
        let modes = tcgetattr(&self.theirs).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Reads until this was drawn.
    fn wait_for(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            self.read();
        }
    }

    fn read(&mut self) {
        let mut part = [0; 4096];
        match self.ours.read(&mut part) {
            Ok(count) => self.seen.extend_from_slice(part.get(..count).unwrap()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}; seen: {}", String::from_utf8_lossy(&self.seen)),
        }
    }

    /// Waits for its end; what it exits with, and all that it has drawn.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let is_readable = |file: &File| {
            let mut polled = [PollFd::new(file, PollFlags::IN)];
            poll(&mut polled, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
        };
        while is_readable(&self.ours) {
            self.read();
        }
        assert!(self.is_usual(), "the terminal was not given back");
        (code, String::from_utf8_lossy(&self.seen).into_owned())
    }
}

/// What switches to a screen of one's own, and back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

#[test]
fn however_it_ends_the_terminal_is_as_it_was() {
    let system = System::start();
    for (input, code) in [(&b"q"[..], 0), (b"\x1b", 0), (b"\x03", 0), (b"", 143)] {
        let mut top = OnTerminal::start(&system);
        top.wait_for("session  service");
        assert!(!top.is_usual(), "it does not read keys");
        match input {
            b"" => kill_process(Pid::from_child(&top.child), Signal::TERM).unwrap(),
            keys => top.ours.write_all(keys).unwrap(),
        }
        let (exited, drawn) = top.end();
        assert_eq!(exited, Some(code), "after {input:?}");
        let (entered, left) = (drawn.find(ENTER), drawn.rfind(LEAVE));
        assert!(entered.is_some() && entered < left, "{drawn:?}");
    }
}
