//! What happens when a system call is refused: it is counted, fails with EPERM, and the process goes
//! on.
//!
//! The kernel sends SIGSYS to the thread instead of making the call. A thread that has the signal
//! blocked (within parts of the C library) is ended by it, and the process with it.
#![expect(unsafe_code, reason = "a signal handler that changes what an interrupted call returns")]

use control::message::Refused;
use libc::{c_int, c_void, siginfo_t};
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers are below this; those that are not, which no kernel has, count as this one less one.
const NUMBERS: usize = 1024;

/// How often each call was refused and not told yet.
static COUNTS: [AtomicU32; NUMBERS] = [const { AtomicU32::new(0) }; NUMBERS];
/// How many refusals are in `COUNTS`, at least when nobody counts right now.
static UNTOLD: AtomicU32 = AtomicU32::new(0);

/// The one kind of SIGSYS that is meant: a filter's.
const SYS_SECCOMP: c_int = 1;

/// What a refused call returns.
const ANSWER: i64 = -(libc::EPERM as i64);

/// From now on SIGSYS is a refusal.
pub(super) fn listen() -> io::Result<()> {
    // SAFETY: all zeros are a valid action: the default one, with an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = refuse as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the handler does only what a handler may; the action is initialized.
    let outcome = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What was refused and is not told yet: one call at a time.
pub(super) fn take() -> Option<Refused> {
    if UNTOLD.load(Ordering::Relaxed) == 0 {
        return None;
    }
    for (number, count) in COUNTS.iter().enumerate() {
        let count = count.swap(0, Ordering::Relaxed);
        if count != 0 {
            UNTOLD.fetch_sub(count, Ordering::Relaxed);
            return Some(Refused { call: u32::try_from(number).unwrap_or(u32::MAX), count });
        }
    }
    None
}

/// The part of a filter's `siginfo_t` that says what it was.
#[repr(C)]
struct FilterInfo {
    signal: c_int,
    error: c_int,
    code: c_int,
    address: *mut c_void,
    call: c_int,
    architecture: u32,
}

extern "C" fn refuse(_: c_int, info: *const siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives its handler a whole `siginfo_t`, of which this is the beginning.
    let info = unsafe { info.cast::<FilterInfo>().read() };
    if info.code != SYS_SECCOMP {
        // Somebody else has sent it: that is nothing.
        return;
    }
    let number = usize::try_from(info.call).unwrap_or(usize::MAX).min(NUMBERS - 1);
    // Told before it is there to be told, never after: the difference never goes below zero.
    UNTOLD.fetch_add(1, Ordering::Relaxed);
    if let Some(count) = COUNTS.get(number) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the third argument of a handler with SA_SIGINFO is the interrupted context, which
    // is this handler's until it returns.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    answer(context);
}

/// Puts the answer where the caller finds the result of a call.
#[cfg(target_arch = "x86_64")]
fn answer(context: &mut libc::ucontext_t) {
    let result = usize::try_from(libc::REG_RAX).unwrap_or_default();
    if let Some(register) = context.uc_mcontext.gregs.get_mut(result) {
        *register = ANSWER;
    }
}

/// Puts the answer where the caller finds the result of a call.
#[cfg(target_arch = "aarch64")]
fn answer(context: &mut libc::ucontext_t) {
    if let Some(register) = context.uc_mcontext.regs.first_mut() {
        *register = ANSWER.cast_unsigned();
    }
}
