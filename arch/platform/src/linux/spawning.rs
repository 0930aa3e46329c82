//! Starting services as processes of one program, and ending them.
//!
//! A process is held by its pidfd, so that a number that was used again is never signalled. All
//! processes end with the [`Spawner`], and with the thread that started them (`PR_SET_PDEATHSIG`
//! counts by thread): start services from a thread that lives as long as the system.

use super::channel::{self, LinuxChannel};
use super::control_group::Groups;
use super::handle::{Handle, Origin};
use super::limits::{self, Bounds};
use super::process::{self, CONTROL_FD};
use super::stack;
use control::platform::{Channel, SpawnError, Spawning, Started, Unit};
use dataplane::Descriptor;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::{fcntl_dupfd_cloexec, retry_on_intr};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal,
    waitid,
};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of a service's standard output and error.
#[derive(Debug)]
pub enum Output {
    /// They are this process's.
    Inherit,
    /// They go to this file, or pipe.
    File(File),
}

/// The program that has all roles: it is called as `PROGRAM service NAME`.
#[derive(Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Where its output goes.
    pub output: Output,
}

impl Default for Program {
    /// This program itself, also if its file has been replaced or removed meanwhile.
    fn default() -> Self {
        Self { path: "/proc/self/exe".into(), output: Output::Inherit }
    }
}

/// Starts and ends processes.
pub struct Spawner {
    program: Program,
    /// By the numbers that the rest of the machine knows them by.
    running: Mutex<HashMap<u32, Running>>,
    /// Keeps this process from using the number of the control channel, see [`reserve`].
    _reserved: Option<OwnedFd>,
}

struct Running {
    /// Its pidfd.
    exit: Arc<Handle>,
    /// Its number in the namespace of this process.
    own: u32,
    /// Those of its limits; they go with it.
    _groups: Groups,
}

impl Spawner {
    /// Nothing runs yet.
    ///
    /// # Errors
    /// [`SpawnError::Exhausted`].
    pub fn new(program: Program) -> Result<Self, SpawnError> {
        Ok(Self {
            program,
            running: Mutex::default(),
            _reserved: reserve().map_err(|_| SpawnError::Exhausted)?,
        })
    }

    fn command(&self, unit: &Unit) -> io::Result<Command> {
        let (program, arguments) = unit.command.split_first().unzip();
        let mut command = match program.filter(|program| !program.is_empty()) {
            Some(program) => Command::new(program),
            None => {
                let mut command = Command::new(&self.program.path);
                command.arg0(&unit.name).args(["service", &unit.name]);
                command
            }
        };
        command.args(arguments.unwrap_or_default());
        command.env_clear().current_dir("/").stdin(Stdio::null());
        if let Output::File(file) = &self.program.output {
            command.stdout(file.try_clone()?).stderr(file.try_clone()?);
        }
        Ok(command)
    }

    fn start(&self, unit: &Unit) -> io::Result<Started> {
        let (ours, theirs) = channel::socket_pair()?;
        let mut command = self.command(unit)?;
        let Bounds { groups, entry, layers } = limits::prepare(unit);
        process::isolate(&mut command, theirs, entry);
        let pid = command.spawn()?.id();
        // Nobody else reaps it, so the number is still its own.
        let own = pid;
        let exit = match pid_of(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            Some(Ok(pidfd)) => Handle::new(pidfd, Origin::System),
            _ => {
                end_unheld(pid);
                return Err(ErrorKind::OutOfMemory.into());
            }
        };
        let pid = process::outer_pid(exit.as_fd()).unwrap_or(own);
        self.running().insert(pid, Running { exit: Arc::clone(&exit), own, _groups: groups });
        Ok(Started {
            channel: Arc::new(LinuxChannel::new(ours, Origin::System)) as Arc<dyn Channel>,
            pid,
            exit: exit as Descriptor,
            limits: layers,
        })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Running>> {
        // The map is whole whatever panicked while it was locked.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, pid: u32) -> Option<Arc<Handle>> {
        self.running().get(&pid).map(|running| Arc::clone(&running.exit))
    }

    /// By what number the machine knows a process that has this one in our namespace.
    pub(crate) fn named(&self, own: u32) -> Option<u32> {
        self.running().iter().find(|(_, running)| running.own == own).map(|(pid, _)| *pid)
    }

    /// All that run, or were not reaped yet.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.running().keys().copied().collect()
    }

    /// Starts a service as the first process of a process-id namespace of its own, where this
    /// process may make one; otherwise as any other.
    ///
    /// # Errors
    /// As for [`Spawning::spawn`].
    pub fn spawn_apart(&self, unit: &Unit) -> Result<Started, SpawnError> {
        let _home = process::children_apart();
        self.spawn(unit)
    }
}

impl Spawning for Spawner {
    fn spawn(&self, unit: &Unit) -> Result<Started, SpawnError> {
        self.start(unit).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => SpawnError::UnknownRole,
            _ => SpawnError::Exhausted,
        })
    }

    /// Its services end with it, so there are none of an earlier one.
    fn adopt(&self, _pid: u32) -> Option<Started> {
        None
    }

    fn retain(&self, _pids: &[u32]) {}

    fn kill(&self, pid: u32) {
        if let Some(process) = self.held(pid) {
            // It fails if the process has ended, which is what is wanted.
            let _ = pidfd_send_signal(&*process, Signal::KILL);
        }
    }

    fn interrogate(&self, pid: u32) {
        if let Some(process) = self.held(pid) {
            // It fails if the process has ended.
            let _ = pidfd_send_signal(&*process, Signal::URG);
        }
    }

    fn describe(&self, frames: &[u64]) -> String {
        stack::describe(frames)
    }

    fn reap(&self, pid: u32) -> Option<i32> {
        let process = self.held(pid)?;
        let status = wait_for(&process, WaitIdOptions::NOHANG)?;
        self.running().remove(&pid);
        Some(code(&status))
    }

    fn resident_bytes(&self, pid: u32) -> u64 {
        if self.held(pid).is_some() { resident_bytes(pid) } else { 0 }
    }
}

/// Resident memory of a process of the machine, bytes; 0 if it has ended.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    let pages: u64 = pages.and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

impl Drop for Spawner {
    fn drop(&mut self) {
        let running: Vec<_> = self.running().drain().collect();
        for (_, process) in &running {
            let _ = pidfd_send_signal(&*process.exit, Signal::KILL);
        }
        for (_, process) in &running {
            let _ = wait_for(&process.exit, WaitIdOptions::empty());
        }
    }
}

/// Takes the number of the control channel, if it is free. Otherwise a descriptor that the standard
/// library opens for a child could get it, and be overwritten there by the channel.
fn reserve() -> io::Result<Option<OwnedFd>> {
    let anything = File::open("/dev/null")?;
    let lowest = fcntl_dupfd_cloexec(&anything, CONTROL_FD)?;
    Ok((lowest.as_raw_fd() == CONTROL_FD).then_some(lowest))
}

fn wait_for(process: &Handle, how: WaitIdOptions) -> Option<WaitIdStatus> {
    let id = WaitId::PidFd(process.as_fd());
    retry_on_intr(|| waitid(id.clone(), how | WaitIdOptions::EXITED)).ok()?
}

/// The exit code, or the negated signal.
fn code(status: &WaitIdStatus) -> i32 {
    let signal = status.terminating_signal().map(|signal| -signal);
    signal.or(status.exit_status()).unwrap_or(0)
}

fn pid_of(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Ends a child for which there was no descriptor left.
fn end_unheld(pid: u32) {
    if let Some(pid) = pid_of(pid) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    }
}
