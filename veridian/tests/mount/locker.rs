//! Programs that lock files of the mount as they are told; what they understand is in `locker.c`.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Looks in a row at which one that waits is in the call that it waits in.
const LOOKS: usize = 30;

/// The program, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mount/locker.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locker");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]);
        assert!(compiler.arg(&program).arg(source).status().unwrap().success());
        program
    })
}

/// A running one; killed when dropped.
pub(crate) struct Locker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The number of fcntl(2).
    call: String,
}

impl Locker {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(program());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let call = String::new();
        let mut locker = Self { child, input, output: BufReader::new(output), call };
        locker.call = locker.ask("call");
        locker
    }

    /// One that has opened a file for reading and writing, and the descriptor.
    pub(crate) fn with(path: &Path) -> (Self, i32) {
        let mut locker = Self::start();
        let descriptor = locker.open(path, "rw");
        (locker, descriptor)
    }

    pub(crate) fn open(&mut self, path: &Path, how: &str) -> i32 {
        self.ask(&format!("open {} {how}", path.display())).parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has a command done: its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.hear()
    }

    /// Begins a command that is answered later.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.input, "{command}").unwrap();
    }

    /// The answer to what was begun.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Begins to wait for a lock, and returns when it does.
    pub(crate) fn wait_for(&mut self, command: &str) {
        self.tell(command);
        self.await_waiting(self.id());
    }

    /// Returns when a thread is in fcntl(2) and stays there.
    pub(crate) fn await_waiting(&mut self, thread: u32) {
        let call = format!("/proc/{}/task/{thread}/syscall", self.id());
        let mut seen = 0;
        while seen < LOOKS {
            assert_eq!(self.child.try_wait().unwrap(), None, "it has ended");
            let now = fs::read_to_string(&call).unwrap_or_default();
            let is_there = now.split(' ').next().is_some_and(|number| number == self.call);
            seen = if is_there { seen + 1 } else { 0 };
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The threads besides the first.
    pub(crate) fn other_threads(&self) -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let numbers =
            tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap());
        numbers.filter(|number| *number != self.id()).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn await_end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What a program says of a call that has failed so.
pub(crate) fn error(errno: Errno) -> String {
    format!("E{}", errno.raw_os_error())
}
