//! Locks of programs on ranges of files, by fcntl(2): the kernel's words in the vfs's, who has
//! locked what, and what goes when files are closed.
//!
//! The kernel names a lock's owner by a number: of a process's table of files, or of an open file
//! (F_OFD_SETLK). It does not say which. When a descriptor is closed it says so with the number of
//! the process, whose locks on the file go with that. What an open file has locked goes when its
//! handle is closed, as the vfs has it. flock(2) does not come here: it stays within the kernel.

use super::convert;
use super::requests::{Client, Result, open_file};
use super::signals;
use super::waits::Waits;
use dataplane::client::{ClientError, LockRange, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{LockFlags, LockRecord};
use fuser::{ReplyEmpty, ReplyLock};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kinds of locks, as fcntl(2) has them.
const READ: i32 = 0;
const WRITE: i32 = 1;
const UNLOCK: i32 = 2;
/// The last byte of a lock that reaches to the end of the file, wherever it is.
const END: u64 = i64::MAX.cast_unsigned();
const ALL: LockRange = LockRange { first: 0, len: 0 };

/// What the kernel asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// The file's node, and the file opened.
    node: u64,
    pub(super) file: Handle,
    /// Whose the lock is or would be.
    pub(super) owner: u64,
    /// The process that asks.
    pid: u32,
    pub(super) range: LockRange,
    pub(super) flags: LockFlags,
}

impl Asked {
    /// Of the numbers of node, open file and owner, the process, the first and the last byte, and
    /// the kind.
    pub(super) fn parse(
        (node, file, owner): (u64, u64, u64),
        pid: u32,
        (first, last): (u64, u64),
        kind: i32,
    ) -> Result<Self> {
        let flags = match kind {
            READ => LockFlags::SHARED,
            WRITE => LockFlags::EXCLUSIVE,
            UNLOCK => LockFlags::empty(),
            _ => return Err(Errno::EINVAL.into()),
        };
        let len = if last >= END { 0 } else { last.saturating_sub(first) + 1 };
        let range = LockRange { first, len };
        Ok(Self { node, file: open_file(file)?, owner, pid, range, flags })
    }
}

/// The locks of all programs on the mount.
pub(super) struct Locks {
    pub(super) holders: Arc<Holders>,
    waits: Waits,
}

impl Locks {
    /// Those that have to wait do so through a queue of their own.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn new(queue: Queue) -> std::io::Result<Self> {
        let holders = Arc::<Holders>::default();
        Ok(Self { waits: Waits::start(queue, Arc::clone(&holders))?, holders })
    }
}

impl Client {
    /// Locks or unlocks what can be at once.
    pub(super) fn lock(&self, asked: &Asked) -> Result<()> {
        let done = self.queue().lock(asked.file, asked.range, asked.flags, asked.owner);
        done.map(|()| self.locks.holders.note(asked))
    }

    /// Answers when a lock is had that could not be had at once. Who cannot be seen does not wait:
    /// nobody would notice that he is to be killed.
    pub(super) fn wait_for_lock(&self, asked: Asked, thread: u32, reply: ReplyEmpty) {
        if signals::can_be_seen(thread) {
            self.locks.waits.add(asked, thread, reply);
        } else {
            reply.error(fuser::Errno::EAGAIN);
        }
    }

    /// Tells the first lock that is in the way of one.
    pub(super) fn tell_lock(&self, asked: &Asked, reply: ReplyLock) {
        let found = self.queue().test_lock(asked.file, asked.range, asked.flags, asked.owner);
        match found {
            Ok(Some(way)) => {
                let kind = if way.kind == LockFlags::SHARED.bits() { READ } else { WRITE };
                let pid = self.locks.holders.pid(asked.node, way.owner);
                reply.locked(way.first, last(&way), kind, pid);
            }
            Ok(None) => reply.locked(0, 0, UNLOCK, 0),
            Err(error) => reply.error(errno(error)),
        }
    }

    /// A process has closed a descriptor of an open file: all its locks on the file go.
    pub(super) fn unlock_all(&self, (node, file, owner): (u64, u64, u64)) -> Result<()> {
        if !self.locks.holders.closed(node, owner) {
            return Ok(());
        }
        self.queue().lock(open_file(file)?, ALL, LockFlags::empty(), owner)
    }
}

fn last(lock: &LockRecord) -> u64 {
    if lock.len == 0 { END } else { lock.first.saturating_add(lock.len - 1) }
}

/// What fcntl(2) says: the session having too many locks is the system having too many.
pub(super) fn errno(error: ClientError) -> fuser::Errno {
    match error {
        ClientError::Service(Errno::EDQUOT) => fuser::Errno::ENOLCK,
        error => convert::errno(error),
    }
}

/// Who has locked something of which file: what is to be told of a lock, and when there is nothing
/// to be unlocked.
#[derive(Default)]
pub(super) struct Holders(Mutex<HashMap<u64, HashMap<u64, Holder>>>);

struct Holder {
    pid: u32,
    /// The open files that it has locked through.
    files: BTreeSet<u64>,
}

impl Holders {
    fn nodes(&self) -> MutexGuard<'_, HashMap<u64, HashMap<u64, Holder>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lock is had. After the vfs has given it: a process that closes the file meanwhile closes
    /// it before.
    pub(super) fn note(&self, asked: &Asked) {
        if asked.flags.is_empty() {
            return;
        }
        let mut nodes = self.nodes();
        let owners = nodes.entry(asked.node).or_default();
        let holder = owners.entry(asked.owner).or_insert(Holder { pid: 0, files: BTreeSet::new() });
        holder.pid = asked.pid;
        holder.files.insert(asked.file.to_word());
    }

    /// The process that has locked for an owner; 0 if it is none of the mount's.
    fn pid(&self, node: u64, owner: u64) -> u32 {
        let nodes = self.nodes();
        nodes.get(&node).and_then(|owners| owners.get(&owner)).map_or(0, |holder| holder.pid)
    }

    /// An owner has closed the file; whether it may have had locks.
    fn closed(&self, node: u64, owner: u64) -> bool {
        let mut nodes = self.nodes();
        let Some(owners) = nodes.get_mut(&node) else { return false };
        let had = owners.remove(&owner).is_some();
        if owners.is_empty() {
            nodes.remove(&node);
        }
        had
    }

    /// An open file is gone, and what was locked through it.
    pub(super) fn released(&self, node: u64, file: u64) {
        let mut nodes = self.nodes();
        let Some(owners) = nodes.get_mut(&node) else { return };
        owners.retain(|_, holder| {
            holder.files.remove(&file);
            !holder.files.is_empty()
        });
        if owners.is_empty() {
            nodes.remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked((node, file, owner): (u64, u64, u64), pid: u32, kind: i32) -> Asked {
        Asked::parse((node, file, owner), pid, (0, END), kind).unwrap()
    }

    /// A handle's word.
    fn file(slot: u32) -> u64 {
        Handle { slot, generation: 1 }.to_word()
    }

    #[test]
    fn ranges_reach_to_the_end_where_the_kernel_says_so() {
        let range =
            |first, last| Asked::parse((1, file(1), 1), 1, (first, last), READ).unwrap().range;
        assert_eq!(range(3, 3), LockRange { first: 3, len: 1 });
        assert_eq!(range(3, END), LockRange { first: 3, len: 0 });
        assert_eq!(range(0, END - 1), LockRange { first: 0, len: END });
        for (first, len) in [(3, 1), (3, 0), (0, END)] {
            let way = LockRecord { first, len, ..LockRecord::default() };
            assert_eq!(range(first, last(&way)), LockRange { first, len });
        }
        assert!(Asked::parse((1, file(1), 1), 1, (0, 0), 3).is_err());
        assert!(Asked::parse((1, u64::MAX, 1), 1, (0, 0), READ).is_err(), "no handle");
    }

    #[test]
    fn too_many_locks_are_what_fcntl_calls_so() {
        let said = |error: Errno| errno(ClientError::Service(error)).code();
        assert_eq!(said(Errno::EDQUOT), rustix::io::Errno::NOLCK.raw_os_error());
        assert_eq!(said(Errno::EDEADLK), Errno::EDEADLK.0);
    }

    #[test]
    fn holders_are_known_until_they_close_the_file_or_it_is_gone() {
        let holders = Holders::default();
        holders.note(&asked((1, file(1), 7), 70, WRITE));
        holders.note(&asked((1, file(2), 7), 70, READ));
        holders.note(&asked((1, file(1), 8), 80, READ));
        holders.note(&asked((2, file(3), 7), 70, READ));
        holders.note(&asked((2, file(3), 9), 90, UNLOCK));
        assert_eq!((holders.pid(1, 7), holders.pid(1, 8), holders.pid(2, 9)), (70, 80, 0));
        holders.released(1, file(1));
        assert_eq!((holders.pid(1, 7), holders.pid(1, 8)), (70, 0));
        assert!(holders.closed(1, 7) && !holders.closed(1, 7) && !holders.closed(2, 8));
        assert!(holders.closed(2, 7));
        assert!(holders.nodes().is_empty(), "nothing is remembered for ever");
    }
}
