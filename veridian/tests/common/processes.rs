//! Clients as processes of their own: this program, started again in a role.

use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The first argument of a process that was started in a role.
const ROLE: &str = "in-role";
/// Nobody's number.
const NOBODY: u32 = 65_534;

/// As whom a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// As this process does.
    Own,
    /// As nobody, which takes root to start.
    Nobody,
}

/// The role of this process and its arguments, if it was started in one. It ends with its starter.
#[must_use]
pub fn role() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ROLE) {
        return None;
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    Some(arguments.collect())
}

/// The users that this process can start others as.
#[must_use]
pub fn users() -> Vec<User> {
    if rustix::process::getuid().is_root() {
        vec![User::Own, User::Nobody]
    } else {
        println!("clients of another user: not observed, because starting them takes root");
        vec![User::Own]
    }
}

/// Starts this program again, in a role. From a thread that lives as long as the process shall.
#[must_use]
pub fn start(role: &[String], user: User) -> Child {
    command(role, user).spawn().unwrap()
}

/// The same, with pipes as its input and output.
#[must_use]
pub fn start_piped(role: &[String], user: User) -> Child {
    command(role, user).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn command(role: &[String], user: User) -> Command {
    // Not by its path, which another user may not be able to reach.
    let mut command = Command::new("/proc/self/exe");
    command.arg(ROLE).args(role);
    if user == User::Nobody {
        // The standard library also drops the supplementary groups.
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Waits for a process; it may take so long.
///
/// # Panics
/// It takes longer; it is ended then.
#[must_use]
pub fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("a client hangs: it has not ended within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
