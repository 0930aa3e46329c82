//! A system and a mount of it, for one test.

use crate::support::PROGRAM;
use control::client::{Session, SessionOptions};
use dataplane::client::Queue;
use dataplane::entry::Handle;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use veridian::system::Embedded;

/// Longest wait for a mount to go.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// Whether this machine lets us mount; says why not.
pub(crate) fn can_mount() -> bool {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    let helper = Command::new("fusermount3").arg("-V").output();
    let allowed = rustix::process::geteuid().is_root() || helper.is_ok();
    if device.is_err() || !allowed {
        println!("not run: needs /dev/fuse, and root or fusermount3");
        return false;
    }
    true
}

/// A client of the rings.
pub(crate) struct Client {
    pub(crate) root: Handle,
    pub(crate) queue: Queue,
    _session: Session,
}

/// The mount; unmounted and stopped when dropped.
pub(crate) struct Mounted {
    pub(crate) system: Option<Embedded>,
    directory: TempDir,
}

impl Mounted {
    /// `None` where nothing can be mounted.
    pub(crate) fn new() -> Option<Self> {
        if !can_mount() {
            return None;
        }
        let system = Embedded::start_from(PROGRAM.as_ref()).unwrap();
        let mounted = Self { system: Some(system), directory: tempfile::tempdir().unwrap() };
        let ran = mounted.command(&["mount"]).arg(mounted.point()).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert!(mounted.is_mounted());
        Some(mounted)
    }

    /// Where it is mounted.
    pub(crate) fn point(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// A path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = crate::support::command(arguments);
        command.env("VERIDIAN_ADDRESS", self.address());
        command
    }

    pub(crate) fn address(&self) -> &str {
        &self.system.as_ref().unwrap().address.0
    }

    /// A session of its own.
    pub(crate) fn client(&self) -> Client {
        let connection = &self.system.as_ref().unwrap().connection;
        let mut session = connection.connect("vfs", SessionOptions::default()).unwrap();
        let (root, queue) = (session.root(), session.take_queue().unwrap());
        Client { root, queue, _session: session }
    }

    /// Whether the list of mounts has it.
    pub(crate) fn is_mounted(&self) -> bool {
        is_mounted(self.directory.path())
    }

    /// Waits until the list of mounts no longer has it.
    #[track_caller]
    pub(crate) fn await_gone(&self) {
        let start = Instant::now();
        while self.is_mounted() {
            assert!(start.elapsed() < GONE_WITHIN, "the mount stays");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(crate) fn is_mounted(point: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|at| Path::new(at) == point))
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(system) = self.system.take() {
            let stopped = system.stop();
            if !std::thread::panicking() {
                stopped.unwrap();
            }
        }
        if !std::thread::panicking() {
            self.await_gone();
        }
    }
}
