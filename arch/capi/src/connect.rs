//! Reaching a system, opening a session with its file service, and ending it.
#![expect(unsafe_code, reason = "C calls it, and holds the session by a pointer")]

use control::client::{self, ClientMachine, Connection, SessionOptions};
use dataplane::WaitMode;
use dataplane::entry::Errno;
use dataplane::{Word, platform as machine};
use platform::ConnectError;
use platform::linux::Platform;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::arguments::{bytes, copied, out, path};
use crate::constants::{VERIDIAN_WAIT_ADAPTIVE, VERIDIAN_WAIT_POLLING, VERIDIAN_WAIT_SLEEPING};
use crate::requests::Requests;
use crate::session::{Inner, Session, enter, guarded, refusal};
use crate::types::HandleWord;

/// The service that answers for files.
const SERVICE: &str = "vfs";
/// Names the system to connect to where the program names none.
const ADDRESS_VARIABLE: &str = "VERIDIAN_ADDRESS";
/// Longest wait for the system to take the connection, ns.
const CONNECT_WITHIN_NS: u64 = 5_000_000_000;
/// What Linux answers where nobody listens.
const CONNECTION_REFUSED: Errno = Errno(111);

/// Wishes for a session; the system may grant less. A field that is 0 means the default, so a
/// program clears all of it and sets `size` and what it cares about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Options {
    /// Bytes of this structure as the program was compiled with it: `sizeof (veridian_options)`.
    pub size: u32,
    /// How both sides wait, `VERIDIAN_WAIT_…`.
    pub waiting: u32,
    /// Submission slots, a power of two; 256 by default.
    pub submissions: u32,
    /// Completion slots, and most requests in flight, a power of two; 512 by default.
    pub completions: u32,
    /// Memory for data, bytes; 1 MiB by default.
    pub arena_bytes: u64,
}

/// Bytes of the options of the first version: nobody has a shorter one.
const FIRST_OPTIONS: usize = 24;
/// No version will have longer ones: a size above this was never set.
const LONGEST_OPTIONS: usize = 4096;
const _: () = assert!(size_of::<Options>() == FIRST_OPTIONS, "it may only grow");

/// Connects to a system and opens a session with its file service.
///
/// `address` is `@name` or the path of a socket. NULL means what `VERIDIAN_ADDRESS` says, or the
/// user's own system if it says nothing. `options` may be NULL.
///
/// Answers 0, -ECONNREFUSED if no system runs there, -EPERM if it belongs to somebody who is
/// neither this user nor root, -EACCES, -ETIMEDOUT, -EINVAL, -E2BIG for options that this version
/// does not have, -ENOMEM, or what the system says.
///
/// # Safety
/// The pointers are NULL or valid; `address` ends in a 0. No other thread changes the environment
/// meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_connect(
    address: *const c_char,
    options: *const Options,
    session: *mut *mut Session,
) -> i32 {
    let connect = || {
        // SAFETY: the caller promises it.
        let session = unsafe { out(session) }?;
        let address = if address.is_null() {
            default_address()?
        } else {
            // SAFETY: the caller promises it.
            let address = unsafe { path(address) }?;
            String::from_utf8(address.to_vec()).map_err(|_| Errno::EINVAL)?
        };
        // SAFETY: the caller promises it.
        let options = unsafe { wishes(options) }?;
        let opened = Box::new(open(&address, options)?);
        session.write(Box::into_raw(opened));
        Ok(0)
    };
    guarded(connect).and_then(|answer| answer).unwrap_or_else(refusal)
}

/// Ends a session, closes its handles and frees it. Answers 0, also for NULL, or what the system
/// says; the session is gone all the same.
///
/// It is not if a callback of its own ends it (-EBUSY), if a forked child does (-ENOTCONN; the
/// parent's session goes on), or after -ENOTRECOVERABLE, when it cannot be freed.
///
/// # Safety
/// `session` is NULL or was made by `veridian_connect`, has not ended, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_disconnect(session: *mut Session) -> i32 {
    // SAFETY: if it is not NULL it is a session, says the caller.
    let Some(named) = (unsafe { session.as_ref() }) else { return 0 };
    if let Err(errno) = named.admits() {
        // After a panic nobody knows what would be freed, and in a child it is not mapped.
        return refusal(errno);
    }
    // SAFETY: it is from `veridian_connect`, which made it a box, and is not used again.
    let owned = unsafe { Box::from_raw(session) };
    guarded(|| owned.end()).and_then(|ended| ended).map_or_else(refusal, |()| 0)
}

/// The directory that all paths of the session begin at.
///
/// # Safety
/// The rules of all calls; `root` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_root(session: *mut Session, root: *mut HandleWord) -> i32 {
    let find = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        unsafe { out(root) }?.write(inner.root.to_word());
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, find) }
}

fn default_address() -> Result<String, Errno> {
    match std::env::var(ADDRESS_VARIABLE) {
        Ok(address) => Ok(address),
        Err(std::env::VarError::NotPresent) => {
            Ok(format!("@veridian-{}", rustix::process::getuid().as_raw()))
        }
        Err(std::env::VarError::NotUnicode(_)) => Err(Errno::EINVAL),
    }
}

fn open(address: &str, options: SessionOptions) -> Result<Session, Errno> {
    let platform = Platform::new();
    let channel = platform.connect(address, CONNECT_WITHIN_NS).map_err(unreached)?;
    let (owner, own) = (channel.peer().uid, rustix::process::getuid().as_raw());
    if owner != own && owner != 0 {
        return Err(Errno::EPERM);
    }
    let memory = platform.memory();
    let fork_guard: Word = memory.fork_guard().map_err(|_| Errno::ENOMEM)?;
    let waiting: Arc<dyn machine::Waiting> = platform.waiting();
    let machine = ClientMachine {
        waiting: Arc::clone(&waiting),
        memory,
        doorbells: platform.doorbells(),
        fork_guard: fork_guard.clone(),
    };
    let refused = |error: client::ConnectError| error.errno();
    let connection = Connection::new(channel, machine).map_err(refused)?;
    let mut session = connection.connect(SERVICE, options).map_err(refused)?;
    let queue = session.take_queue().ok_or(Errno::EPROTO)?;
    let inner = Inner {
        queue,
        root: session.root(),
        waiting,
        requests: Requests::default(),
        buffers: BTreeMap::new(),
        name: Vec::new(),
        session,
    };
    Ok(Session::new(inner, fork_guard))
}

fn unreached(error: ConnectError) -> Errno {
    match error {
        ConnectError::NotListening => CONNECTION_REFUSED,
        ConnectError::Denied => Errno::EACCES,
        ConnectError::TimedOut => Errno::ETIMEDOUT,
        ConnectError::BadAddress => Errno::EINVAL,
        ConnectError::Exhausted => Errno::EMFILE,
    }
}

/// Reads options of any version: what a later one has more than this must be 0.
///
/// # Safety
/// `options` is NULL, or not aligned, or points to as many readable bytes as its first field says.
unsafe fn wishes(options: *const Options) -> Result<SessionOptions, Errno> {
    if options.is_null() {
        return Ok(SessionOptions::default());
    }
    // SAFETY: the size comes first in every version, says the caller.
    let size = unsafe { copied(options.cast::<u32>()) }? as usize;
    if size < FIRST_OPTIONS {
        return Err(Errno::EINVAL);
    }
    if size > LONGEST_OPTIONS {
        return Err(Errno::E2BIG);
    }
    // SAFETY: as long as its size says, says the caller.
    let all = unsafe { bytes(options.cast::<c_void>(), size) }?;
    if all.get(FIRST_OPTIONS..).unwrap_or_default().iter().any(|byte| *byte != 0) {
        return Err(Errno::E2BIG);
    }
    // SAFETY: its size is at least that of this version.
    let options = unsafe { copied(options) }?;
    options.try_into()
}

impl TryFrom<Options> for SessionOptions {
    type Error = Errno;

    fn try_from(options: Options) -> Result<Self, Errno> {
        let or = |wish, default| if wish == 0 { default } else { wish };
        let default = Self::default();
        Ok(Self {
            queues: 1,
            sq_entries: or(options.submissions, default.sq_entries),
            cq_entries: or(options.completions, default.cq_entries),
            arena_bytes: match options.arena_bytes {
                0 => default.arena_bytes,
                bytes => bytes,
            },
            waiting: match options.waiting {
                VERIDIAN_WAIT_ADAPTIVE => WaitMode::Adaptive,
                VERIDIAN_WAIT_POLLING => WaitMode::Polling,
                VERIDIAN_WAIT_SLEEPING => WaitMode::Sleeping,
                _ => return Err(Errno::EINVAL),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    /// Options as a later version might have them.
    #[repr(C)]
    struct Later {
        known: Options,
        more: u64,
    }

    fn read(options: *const Options) -> Result<SessionOptions, Errno> {
        // SAFETY: every test passes NULL, or what is as long as its size says.
        unsafe { wishes(options) }
    }

    fn options(size: u32) -> Options {
        Options { size, ..Options::default() }
    }

    #[test]
    fn zeros_are_the_defaults() {
        let default = SessionOptions::default();
        let zeros = options(24);
        for wished in [read(ptr::null()), read(&raw const zeros)] {
            let wished = wished.unwrap();
            assert_eq!((wished.queues, wished.waiting), (1, WaitMode::Adaptive));
            assert_eq!(wished.sq_entries, default.sq_entries);
            assert_eq!(wished.cq_entries, default.cq_entries);
            assert_eq!(wished.arena_bytes, default.arena_bytes);
        }
    }

    #[test]
    fn wishes_are_taken_over_and_nonsense_is_not() {
        let wish = Options {
            waiting: VERIDIAN_WAIT_SLEEPING,
            submissions: 8,
            completions: 16,
            arena_bytes: 65_536,
            ..options(24)
        };
        let wished = read(&raw const wish).unwrap();
        assert_eq!((wished.sq_entries, wished.cq_entries), (8, 16));
        assert_eq!((wished.arena_bytes, wished.waiting), (65_536, WaitMode::Sleeping));
        let nonsense = Options { waiting: 3, ..options(24) };
        assert_eq!(read(&raw const nonsense).map(drop), Err(Errno::EINVAL));
    }

    #[test]
    fn later_versions_may_wish_for_nothing_new() {
        let outcome = |size, more| {
            let later = Later { known: options(size), more };
            read((&raw const later).cast()).map(drop)
        };
        assert_eq!(outcome(32, 0), Ok(()));
        assert_eq!(outcome(32, 1), Err(Errno::E2BIG));
        assert_eq!(outcome(24, 1), Ok(()), "what lies behind its size is not its own");
        assert_eq!(outcome(23, 0), Err(Errno::EINVAL));
        assert_eq!(outcome(0, 0), Err(Errno::EINVAL));
        assert_eq!(outcome(u32::MAX, 0), Err(Errno::E2BIG), "nobody meant that");
    }

    #[test]
    fn nowhere_to_connect_to() {
        let mut session = ptr::null_mut();
        let mut connect = |address: *const c_char| {
            // SAFETY: the address is NULL or ends in a 0, and the session has a place.
            unsafe { veridian_connect(address, ptr::null(), &raw mut session) }
        };
        assert_eq!(connect(c"@veridian-nobody-listens".as_ptr()), -CONNECTION_REFUSED.0);
        assert_eq!(connect(c"\xff".as_ptr()), -Errno::EINVAL.0);
        // SAFETY: NULL is allowed.
        let nowhere = unsafe { veridian_connect(ptr::null(), ptr::null(), ptr::null_mut()) };
        assert_eq!(nowhere, -Errno::EFAULT.0);
        assert!(session.is_null());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { veridian_disconnect(ptr::null_mut()) }, 0);
    }
}
