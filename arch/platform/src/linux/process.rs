//! What happens in a new process, before the program starts and right after.
//!
//! Between fork and exec only system calls are made: the parent has threads, whose locks the child
//! inherits as they were.
#![expect(
    unsafe_code,
    reason = "takes over a descriptor by number, and works between fork and exec"
)]

use super::channel::LinuxChannel;
use super::handle::Origin;
use super::limits::Entry;
use control::platform::Channel;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags, dup2, fcntl_setfd};
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::process::{Pid, Signal};
use rustix::thread::{
    ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces, unshare_unsafe,
};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a service finds its control channel.
pub(crate) const CONTROL_FD: RawFd = 3;

/// Whether the control channel was taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Makes the command start with nothing but standard output and error, and the control channel,
/// in a session of its own, where signals of a terminal do not reach it; it dies with the thread
/// that starts it, gains no privileges, and has its limits.
pub(crate) fn isolate(command: &mut Command, control: OwnedFd, limits: Entry) {
    let parent = rustix::process::getpid();
    let prepare = move || prepare(parent, &control, &limits).map_err(io::Error::from);
    // SAFETY: the closure makes system calls and nothing else: no allocation, no lock.
    unsafe { command.pre_exec(prepare) };
}

fn prepare(parent: Pid, control: &OwnedFd, limits: &Entry) -> rustix::io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent of the first process of a namespace has no number there.
    if rustix::process::getppid().is_some_and(|now| now != parent) {
        // It died before it could be asked to take us along.
        return Err(Errno::SRCH);
    }
    rustix::thread::set_no_new_privs(true)?;
    limits.enter()?;
    place(control)?;
    close_others_at_exec()
}

/// Puts the control channel where the program looks for it.
fn place(control: &OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: `spawning` sees to it that in the parent the number belongs to nobody who would
    // miss it; in this child nobody owns it.
    let mut slot = unsafe { OwnedFd::from_raw_fd(CONTROL_FD) };
    if control.as_raw_fd() != CONTROL_FD {
        dup2(control, &mut slot)?;
    }
    let placed = fcntl_setfd(&slot, FdFlags::empty());
    // It stays open, for the program.
    let _ = slot.into_raw_fd();
    placed
}

/// Closes everything above the control channel, but only once the program starts: until then the
/// standard library needs a descriptor to report a failure.
fn close_others_at_exec() -> rustix::io::Result<()> {
    let first = CONTROL_FD.unsigned_abs() + 1;
    // SAFETY: setting the close-on-exec flag frees nothing that anybody uses in this process.
    let outcome =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if outcome == 0 { Ok(()) } else { Err(Errno::NOSYS) }
}

/// Children of this thread are born into a new process-id namespace, until this is dropped; the first
/// of them must outlive the others. `None` where this process may not make one.
pub(crate) fn children_apart() -> Option<Home> {
    let own = rustix::fs::open("/proc/thread-self/ns/pid", OFlags::RDONLY, Mode::empty()).ok()?;
    // SAFETY: concerns the children to come and no memory or descriptor.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID) }.ok()?;
    Some(Home(own))
}

/// The namespace that a thread's children belong in.
pub(crate) struct Home(OwnedFd);

impl Drop for Home {
    fn drop(&mut self) {
        // It came from there, so it may return.
        let _ = move_into_thread_name_spaces(self.0.as_fd(), ThreadNameSpaceType::PROCESS_ID);
    }
}

/// The number of a process, given by its pidfd, that the rest of the machine knows it by.
pub(crate) fn outer_pid(process: BorrowedFd<'_>) -> Option<u32> {
    let information = format!("/proc/self/fdinfo/{}", process.as_raw_fd());
    let text = std::fs::read_to_string(information).ok()?;
    let number = text.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    number.trim().parse().ok().filter(|pid| *pid != 0)
}

/// The control channel of this process, if init started it; `None` if it did not, or if the
/// channel was taken before. To be called before the program opens any descriptor.
#[must_use]
pub fn service_channel() -> Option<Arc<dyn Channel>> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: only looked at while borrowed: if the number is not open, every call says so.
    let probe = unsafe { BorrowedFd::borrow_raw(CONTROL_FD) };
    let is_channel = sockopt::socket_domain(probe) == Ok(AddressFamily::UNIX)
        && sockopt::socket_type(probe) == Ok(SocketType::SEQPACKET);
    if !is_channel {
        return None;
    }
    fcntl_setfd(probe, FdFlags::CLOEXEC).ok()?;
    // SAFETY: the number is a socket that this program did not open (the caller promised, and
    // nothing of ours owns it), and it is taken once.
    let socket = unsafe { OwnedFd::from_raw_fd(CONTROL_FD) };
    Some(Arc::new(LinuxChannel::new(socket, Origin::System)))
}
