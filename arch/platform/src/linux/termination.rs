//! The wish to end, as a source that a poller watches: Ctrl-C, a terminal that is closed, `kill`.
#![expect(unsafe_code, reason = "signal masks and signalfd are not in rustix")]

use super::handle::{Handle, Origin};
use control::platform::SpawnError;
use dataplane::Descriptor;
use rustix::fd::{FromRawFd, OwnedFd};
use std::mem::MaybeUninit;
use std::ptr;

/// The signals that ask a process to end.
const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// From now on, what asks this process to end makes this source ready, and does nothing else. To be
/// called before the process has other threads: those started later inherit this, others do not.
/// Services do not inherit it.
///
/// # Errors
/// [`SpawnError::Exhausted`].
pub fn termination() -> Result<Descriptor, SpawnError> {
    let signals = signal_set();
    // SAFETY: the set is initialized; blocking signals concerns no memory.
    let blocked =
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, ptr::null_mut()) };
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the set is initialized, and -1 asks for a new descriptor.
    let number = unsafe { libc::signalfd(-1, &raw const signals, flags) };
    if blocked != 0 || number < 0 {
        return Err(SpawnError::Exhausted);
    }
    // SAFETY: the descriptor is new, so nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(Handle::new(fd, Origin::System))
}

fn signal_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: initializes the set that it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was initialized just now.
    let mut set = unsafe { set.assume_init() };
    for signal in SIGNALS {
        // SAFETY: the set is initialized.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}
