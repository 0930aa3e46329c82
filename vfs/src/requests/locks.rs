//! Advisory locks.

use super::{Job, Outcome, ok};
use crate::locks::{Asker, InTheWay, Kind, Lock, Owner, Span};
use crate::operations::MAX_SIZE;
use crate::session::{OpenFile, OpenMode, Session};
use dataplane::ArenaRange;
use dataplane::entry::{Errno, Handle};
use dataplane::file::{LockFlags, LockRecord, Request};
use zerocopy::IntoBytes;

impl Job {
    pub(super) async fn run_on_lock(&self) -> Outcome {
        let Request::Lock { handle, first, len, flags, owner, into } = self.request else {
            return Err(Errno::EOPNOTSUPP);
        };
        let (locks, session) = (&self.inner.vfs.locks, &*self.session);
        check(flags, owner, into)?;
        let span = span(first, len)?;
        let file = session.file(handle)?;
        file.inode.contents()?;
        let kind = kind(&file, flags)?;
        let asker = asker(session, &file, handle, flags, owner);
        let Some(kind) = kind else {
            return locks.unlock(asker, span).map(|()| ok());
        };
        let lock = Lock { span, kind };
        if flags.contains(LockFlags::TEST) {
            session.arena.check(into)?;
            let record = record(session, locks.test(asker, lock));
            session.arena.write(into, record.as_bytes())?;
            return Ok(ok());
        }
        file.has_locked.set(true);
        if flags.contains(LockFlags::WAIT) {
            // Not `file`: whoever waits does not keep a file open that was closed meanwhile.
            drop(file);
            return locks.wait(asker, lock).await.map(|()| ok());
        }
        locks.take(asker, lock).map(|()| ok())
    }
}

/// Whether what is asked for means anything.
fn check(flags: LockFlags, owner: u64, into: ArenaRange) -> Result<(), Errno> {
    let tests = flags.contains(LockFlags::TEST);
    let unlocks = !flags.intersects(LockFlags::SHARED | LockFlags::EXCLUSIVE);
    let waits = flags.contains(LockFlags::WAIT);
    let is_contradiction = (tests && waits) || (unlocks && (tests || waits));
    let is_owned_twice = flags.contains(LockFlags::OF_HANDLE) && owner != 0;
    let has_range = into != ArenaRange { offset: 0, len: 0 };
    if is_contradiction || is_owned_twice || (has_range && !tests) {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// As fcntl(2): EOVERFLOW where the last byte has no offset.
fn span(first: u64, len: u64) -> Result<Span, Errno> {
    if first > MAX_SIZE {
        return Err(Errno::EINVAL);
    }
    let Some(more) = len.checked_sub(1) else {
        return Ok(Span { first, last: u64::MAX });
    };
    let last = first.checked_add(more).filter(|last| *last <= MAX_SIZE);
    Ok(Span { first, last: last.ok_or(Errno::EOVERFLOW)? })
}

/// What is to be locked for; `None` is to be unlocked.
fn kind(file: &OpenFile, flags: LockFlags) -> Result<Option<Kind>, Errno> {
    if flags.contains(LockFlags::EXCLUSIVE) {
        file.require(OpenMode::WRITE)?;
        return Ok(Some(Kind::Exclusive));
    }
    if flags.contains(LockFlags::SHARED) {
        file.require(OpenMode::READ)?;
        return Ok(Some(Kind::Shared));
    }
    file.require_open().map(|()| None)
}

fn asker(session: &Session, file: &OpenFile, through: Handle, flags: LockFlags, n: u64) -> Asker {
    let owner = if flags.contains(LockFlags::OF_HANDLE) {
        Owner::Handle(session.id, through.to_word())
    } else {
        Owner::Number(session.id, n)
    };
    Asker { file: file.inode.id, owner, through }
}

fn record(session: &Session, way: Option<InTheWay>) -> LockRecord {
    let Some(InTheWay { owner, lock }) = way else {
        return LockRecord::default();
    };
    let number = match owner {
        Owner::Number(of, number) if of == session.id => number,
        _ => 0,
    };
    let to_the_end = lock.span.last == u64::MAX;
    LockRecord {
        kind: if lock.kind == Kind::Shared { 1 } else { 2 },
        of_handle: u32::from(matches!(owner, Owner::Handle(..))),
        first: lock.span.first,
        len: if to_the_end { 0 } else { lock.span.last - lock.span.first + 1 },
        owner: number,
    }
}
