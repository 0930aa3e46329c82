//! Ends of children: told by a descriptor, and reaped, whoever's children they were at first.
#![expect(unsafe_code, reason = "signal masks and signalfd are not in rustix")]

use super::super::handle::{Handle, Origin};
use dataplane::Descriptor;
use rustix::fd::{AsFd, FromRawFd, OwnedFd};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::mem::MaybeUninit;
use std::ptr;

/// What is ready when a child has ended. To be made before the process has other threads.
pub(super) struct ChildSignal(Descriptor);

impl ChildSignal {
    pub(super) fn watch() -> rustix::io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: initializes the set that it is given.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: it was initialized just now.
        let mut set = unsafe { set.assume_init() };
        // SAFETY: the set is initialized.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGCHLD) };
        // SAFETY: the set is initialized; blocking signals concerns no memory.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        // SAFETY: the set is initialized, and -1 asks for a new descriptor.
        let number =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if number < 0 {
            return Err(rustix::io::Errno::MFILE);
        }
        // SAFETY: the descriptor is new, so nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        Ok(Self(Handle::new(fd, Origin::System)))
    }

    pub(super) fn source(&self) -> Descriptor {
        Descriptor::clone(&self.0)
    }

    /// Forgets what it has told so far.
    pub(super) fn clear(&self) {
        let mut signals = [0; 1024];
        if let Ok(handle) = Handle::of(&self.0) {
            // Nothing there is as good.
            while rustix::io::read(handle.as_fd(), &mut signals).is_ok_and(|bytes| bytes > 0) {}
        }
    }
}

/// Goes through the children that have ended: `is_own` reaps those that it knows and says so; the
/// others are reaped here.
pub(super) fn reap(mut is_own: impl FnMut(u32) -> bool) {
    while let Some(pid) = first_ended() {
        if !is_own(pid.as_raw_nonzero().get().unsigned_abs()) {
            let reaped = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            let _ = retry_on_intr(|| waitid(WaitId::Pid(pid), reaped));
        }
    }
}

/// A child that has ended and was not reaped.
fn first_ended() -> Option<Pid> {
    let mut info = MaybeUninit::zeroed();
    let look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the kernel writes to the place that it is given, which is large enough.
    let outcome = unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), look) };
    // SAFETY: all zeros are valid, and so is what the kernel writes.
    let info: libc::siginfo_t = unsafe { info.assume_init() };
    // SAFETY: of a child, or zeros: the field is there.
    let pid = unsafe { info.si_pid() };
    Pid::from_raw(pid).filter(|_| outcome == 0)
}
