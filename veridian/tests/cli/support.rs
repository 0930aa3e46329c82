//! Running the program, and a system for it to talk to.

use control::client::Connection;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use veridian::system::Embedded;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_veridian");

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// It succeeded, and said nothing of errors.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        String::from_utf8(self.stdout).unwrap()
    }

    /// It failed with this code, and said this.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(says), "{says:?} is not in {self:?}");
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }
}

/// A command of the program, not started, in an environment that names no system.
pub(crate) fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("VERIDIAN_ADDRESS").stdin(Stdio::null());
    command
}

/// Runs the program.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    command(arguments).output().unwrap().into()
}

/// A system of a test's own.
pub(crate) struct System(Option<Embedded>);

impl Drop for System {
    fn drop(&mut self) {
        let stopped = self.0.take().map(Embedded::stop);
        if !std::thread::panicking() {
            stopped.unwrap().unwrap();
        }
    }
}

impl System {
    pub(crate) fn start() -> Self {
        Self(Some(Embedded::start_from(PROGRAM.as_ref()).unwrap()))
    }

    /// Where it is reached.
    pub(crate) fn address(&self) -> &str {
        &self.0.as_ref().unwrap().address.0
    }

    /// A connection to it.
    pub(crate) fn connection(&self) -> &Connection {
        &self.0.as_ref().unwrap().connection
    }

    /// A command that talks to this system.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = command(arguments);
        command.env("VERIDIAN_ADDRESS", self.address());
        command
    }

    /// Runs a command that talks to this system.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// The same, from words with spaces between.
    pub(crate) fn words(&self, words: &str) -> Ran {
        self.run(words.split_whitespace())
    }

    /// Makes a file with these contents.
    pub(crate) fn write(&self, path: &str, contents: &[u8]) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, contents).unwrap();
        self.run(["cp".as_ref(), file.as_os_str(), format!("vfs:{path}").as_ref()]).ok();
    }
}

/// All processes below one, now: number and time of start, which together name a process for
/// good.
pub(crate) fn descendants(process: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut parents = vec![process];
    while let Some(parent) = parents.pop() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
            let Some((ppid, start)) = parent_and_start(pid) else { continue };
            if ppid == parent {
                found.push((pid, start));
                parents.push(pid);
            }
        }
    }
    found
}

/// Whether this very process is still there.
pub(crate) fn is_alive((pid, start): &(u32, String)) -> bool {
    parent_and_start(*pid).is_some_and(|(_, now)| now == *start)
}

fn parent_and_start(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    // The name, in parentheses, may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    Some((parent, fields.nth(17)?.to_owned()))
}
