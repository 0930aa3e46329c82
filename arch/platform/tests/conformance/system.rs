//! What the checks need from Linux itself: forking, signals, counting.
#![expect(unsafe_code, reason = "fork and signal handlers")]

use rustix::thread::CapabilitySet;
use std::process::exit;
use std::ptr;

/// Descriptors that this process has open.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Mounts that this process sees.
pub(crate) fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// Whether this process has the right to make mounts.
pub(crate) fn may_mount() -> bool {
    let sets = rustix::thread::capabilities(None).unwrap();
    sets.effective.contains(CapabilitySet::SYS_ADMIN)
}

/// Forks, runs something in the child, and returns how the child ended: its code, or the negated
/// signal. The child has one thread: what it runs must take no lock.
pub(crate) fn in_forked_child(run: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `run`, which the caller promises takes no lock, and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: ends the child; nothing runs after it.
        unsafe { libc::_exit(run()) };
    }
    assert!(pid > 0);
    let pid = rustix::process::Pid::from_raw(pid);
    let (_, status) =
        rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap().unwrap();
    let signal = status.terminating_signal().map(|signal| -signal);
    signal.or(status.exit_status()).unwrap()
}

extern "C" fn ignore(_: libc::c_int) {}

/// Handles SIGUSR1 with a handler that does nothing, with flags as of `sigaction`.
pub(crate) fn handle_signal(flags: libc::c_int) {
    // SAFETY: a zeroed action is a valid one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: the handler does nothing, so it may run at any time.
    let outcome = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) };
    assert_eq!(outcome, 0);
}

/// This thread, to be signalled.
pub(crate) fn this_thread() -> libc::pthread_t {
    // SAFETY: always succeeds.
    unsafe { libc::pthread_self() }
}

/// Signals a thread that still runs.
pub(crate) fn signal(thread: libc::pthread_t) {
    // SAFETY: the caller sees to it that the thread has not ended.
    let outcome = unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
    assert_eq!(outcome, 0);
}

/// Turns this process into nobody's.
pub(crate) fn become_nobody() {
    let nobody = 65534;
    rustix::thread::set_thread_groups(&[]).unwrap();
    let gid = rustix::fs::Gid::from_raw(nobody);
    rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
    let uid = rustix::fs::Uid::from_raw(nobody);
    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
}

/// Maps a page of a file shared and writable, as an intruder would; whether it could.
pub(crate) fn maps_writable(fd: &impl rustix::fd::AsFd) -> Result<(), rustix::io::Errno> {
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses; it is never used.
    let mapped = unsafe { mmap(ptr::null_mut(), 4096, protection, MapFlags::SHARED, fd, 0) };
    mapped.map(drop)
}

/// Memory of this process alone, as an allocator gets it; it is never given back.
pub(crate) fn private_memory(bytes: usize) -> Result<(), rustix::io::Errno> {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses; it is never used.
    let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::PRIVATE) };
    mapped.map(drop)
}

/// Ends this process as a failed check of a role would.
pub(crate) fn fail(why: &str) -> ! {
    eprintln!("role: {why}");
    exit(101)
}
