//! Ranges of files, blocking: space, holes, copies and locks.

use super::error::ClientError;
use super::in_flight::Ticket;
use super::queue::Queue;
use crate::entry::Handle;
use crate::file::{AllocateMode, LockFlags, LockRecord, Request, Whence};
use crate::memory::ArenaRange;

/// A range of a file to be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRange {
    /// First byte.
    pub first: u64,
    /// Bytes; 0: to the end, wherever it is.
    pub len: u64,
}

/// The range of a lock that is not tested.
const NOWHERE: ArenaRange = ArenaRange { offset: 0, len: 0 };

impl Queue {
    /// Allocates, punches or zeroes a range of a file.
    ///
    /// # Errors
    /// The service's answer.
    pub fn allocate(
        &mut self,
        handle: Handle,
        mode: AllocateMode,
        offset: u64,
        len: u64,
    ) -> Result<(), ClientError> {
        self.call(Request::Fallocate { handle, mode, offset, len }.to_sqe()).map(drop)
    }

    /// The offset of the next data or hole.
    ///
    /// # Errors
    /// The service's answer; ENXIO if there is none.
    pub fn seek(
        &mut self,
        handle: Handle,
        offset: u64,
        whence: Whence,
    ) -> Result<u64, ClientError> {
        self.call(Request::Lseek { handle, offset, whence }.to_sqe()).map(|done| done.aux)
    }

    /// Copies bytes between files within the service; returns how many, 0 at the end of the source.
    ///
    /// # Errors
    /// The service's answer.
    pub fn copy_range(
        &mut self,
        (from, offset): (Handle, u64),
        (to, to_offset): (Handle, u64),
        len: u32,
    ) -> Result<u32, ClientError> {
        let request = Request::CopyFileRange { from, offset, to, to_offset, len };
        Ok(self.call(request.to_sqe())?.status.result()?)
    }

    /// Takes or drops an advisory lock of `owner`, a number that the client chooses, or of the
    /// handle with [`LockFlags::OF_HANDLE`] and owner 0.
    ///
    /// # Errors
    /// The service's answer; EAGAIN if another lock is in the way.
    pub fn lock(
        &mut self,
        handle: Handle,
        range: LockRange,
        flags: LockFlags,
        owner: u64,
    ) -> Result<(), ClientError> {
        self.call(lock(handle, range, flags, owner, NOWHERE).to_sqe()).map(drop)
    }

    /// Asks for a lock that may have to wait, and does not wait for the answer; see [`Queue::lock`].
    ///
    /// # Errors
    /// See [`Queue::submit_waiting`].
    pub fn submit_lock(
        &mut self,
        handle: Handle,
        range: LockRange,
        flags: LockFlags,
        owner: u64,
    ) -> Result<Ticket, ClientError> {
        let flags = flags | LockFlags::WAIT;
        self.submit_waiting(lock(handle, range, flags, owner, NOWHERE).to_sqe())
    }

    /// The first lock that is in the way of one; none: it could be had.
    ///
    /// # Errors
    /// The service's answer.
    pub fn test_lock(
        &mut self,
        handle: Handle,
        range: LockRange,
        flags: LockFlags,
        owner: u64,
    ) -> Result<Option<LockRecord>, ClientError> {
        let buffer = self.buffer(LockRecord::BYTES)?;
        let flags = flags | LockFlags::TEST;
        let result = self.call(lock(handle, range, flags, owner, buffer.range()).to_sqe());
        let record: Result<LockRecord, _> = self.take_record(buffer);
        result?;
        record.map(|record| (record.kind != 0).then_some(record))
    }
}

fn lock(
    handle: Handle,
    range: LockRange,
    flags: LockFlags,
    owner: u64,
    into: ArenaRange,
) -> Request {
    Request::Lock { handle, first: range.first, len: range.len, flags, owner, into }
}
