//! A session as C holds it, and the way into it that every function takes.
//!
//! ```text
//!   Idle ──▶ Busy ──▶ Idle        a call, and its end
//!            Busy ──▶ Broken      it panicked: a defect; nothing is known of the queue any more
//! ```
//!
//! A call that finds the session busy is made from a callback of another call, and is refused.
//! One thread at a time: C promises that, so the state is looked at without an order.
#![expect(unsafe_code, reason = "C holds the session by a pointer")]

use control::client;
use dataplane::Word;
use dataplane::client::{Buffer, ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::platform::Waiting;
use rings::sync::Ordering as WordOrdering;
use static_assertions::assert_impl_all;
use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::requests::Requests;

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const BROKEN: u8 = 2;

/// What a call answers that panicked, and every call after it: ENOTRECOVERABLE of Linux.
const NOT_RECOVERABLE: Errno = Errno(131);

/// A session with the file service of a system. One thread at a time drives it; a program that
/// wants more threads connects once for each. It is not inherited by a forked child, where every
/// call answers -ENOTCONN.
pub struct Session {
    state: AtomicU8,
    /// Reads 0 in a forked child, which must touch nothing of what is below.
    fork_guard: Word,
    inner: UnsafeCell<Inner>,
}

/// What a call works with.
pub(crate) struct Inner {
    pub(crate) queue: Queue,
    pub(crate) root: Handle,
    pub(crate) waiting: Arc<dyn Waiting>,
    pub(crate) requests: Requests,
    /// Buffers that C has taken, by offset.
    pub(crate) buffers: BTreeMap<u32, Buffer>,
    /// A name with a 0 behind it, as callbacks are given it.
    pub(crate) name: Vec<u8>,
    pub(crate) session: client::Session,
}

// C may pass a session from thread to thread.
assert_impl_all!(Inner: Send);

impl Session {
    pub(crate) fn new(inner: Inner, fork_guard: Word) -> Self {
        Self { state: AtomicU8::new(IDLE), fork_guard, inner: UnsafeCell::new(inner) }
    }

    /// Whether a call may begin now.
    #[inline]
    pub(crate) fn admits(&self) -> Result<(), Errno> {
        match self.state.load(Ordering::Relaxed) {
            _ if self.fork_guard.load(WordOrdering::Relaxed) == 0 => Err(Errno::ENOTCONN),
            IDLE => Ok(()),
            BUSY => Err(Errno::EBUSY),
            _ => Err(NOT_RECOVERABLE),
        }
    }

    /// Does something with the session.
    ///
    /// # Safety
    /// No other thread is in a call with this session.
    #[inline]
    unsafe fn run<T: From<i32>>(
        &self,
        action: impl FnOnce(&mut Inner) -> Result<T, ClientError>,
    ) -> T {
        if let Err(errno) = self.admits() {
            return refusal(errno);
        }
        self.state.store(BUSY, Ordering::Relaxed);
        // SAFETY: the session was idle, so no call of this thread holds a reference, and the
        // caller promises that no other thread is in one.
        let inner = unsafe { &mut *self.inner.get() };
        let (state, answer) = match guarded(|| action(inner)) {
            Ok(answer) => (IDLE, answer.unwrap_or_else(|error| refusal(error.errno()))),
            Err(errno) => (BROKEN, refusal(errno)),
        };
        self.state.store(state, Ordering::Relaxed);
        answer
    }

    /// Ends the session now, and waits until it has.
    pub(crate) fn end(self) -> Result<(), Errno> {
        let Inner { session, queue, .. } = self.inner.into_inner();
        let ended = session.close().map_err(|error| error.errno());
        drop(queue);
        ended
    }
}

/// Does something with the session that C names. Answers -EFAULT for NULL, -EBUSY from within a
/// callback, -ENOTCONN in a forked child.
///
/// # Safety
/// `session` is NULL or was made by connecting and has not ended, and no other thread is in a call
/// with it.
#[inline]
pub(crate) unsafe fn enter<T: From<i32>>(
    session: *const Session,
    action: impl FnOnce(&mut Inner) -> Result<T, ClientError>,
) -> T {
    // SAFETY: if it is not NULL it is a session that has not ended, says the caller.
    let Some(session) = (unsafe { session.as_ref() }) else { return refusal(Errno::EFAULT) };
    // SAFETY: the caller promises it.
    unsafe { session.run(action) }
}

/// Runs something that must not panic; if it does all the same, says so.
pub(crate) fn guarded<R>(action: impl FnOnce() -> R) -> Result<R, Errno> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|payload| {
        // To drop it could panic again.
        std::mem::forget(payload);
        NOT_RECOVERABLE
    })
}

/// An error as C sees it.
pub(crate) fn refusal<T: From<i32>>(errno: Errno) -> T {
    T::from(-errno.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_boundary() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let outcome = guarded(|| panic!("planted"));
        std::panic::set_hook(quiet);
        assert_eq!(outcome, Err::<(), _>(NOT_RECOVERABLE));
        assert_eq!(guarded(|| 7), Ok(7));
    }

    #[test]
    fn no_session_is_a_fault() {
        // SAFETY: NULL is allowed.
        let answer: i32 = unsafe { enter(std::ptr::null(), |_| Ok(0)) };
        assert_eq!(answer, -Errno::EFAULT.0);
    }
}
