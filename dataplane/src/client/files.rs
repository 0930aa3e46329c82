//! Files, blocking: one call, one request, one answer.
//!
//! Paths are relative to a directory handle; the session's root is the handle that connecting
//! returned. A read or write longer than the free part of the arena is done in parts.

use super::Buffer;
use super::error::ClientError;
use super::in_flight::Done;
use super::queue::Queue;
use super::view::GrantView;
use crate::entry::Handle;
use crate::file::{
    DirectoryEntry, DirectoryReader, FileStatus, OpenFlags, RenameFlags, Request, SyncKind,
    UnlinkKind,
};
use crate::memory::ArenaRange;
use alloc::vec::Vec;

/// Largest part of a read or write, bytes.
const MAX_PART: usize = 128 * 1024;
/// Bytes of directory entries asked for at once.
const DIRECTORY_PART: usize = 16 * 1024;

impl Queue {
    /// Opens or creates a file. `mode` holds the permissions of a file that is created.
    ///
    /// # Errors
    /// The service's answer.
    pub fn open(
        &mut self,
        directory: Handle,
        path: &[u8],
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Handle, ClientError> {
        let done = self.with_path(path, |path| Request::OpenAt { directory, path, flags, mode })?;
        Handle::from_word(done.aux).ok_or(ClientError::Corrupt)
    }

    /// Closes a handle.
    ///
    /// # Errors
    /// The service's answer.
    pub fn close(&mut self, handle: Handle) -> Result<(), ClientError> {
        self.call(Request::Close { handle }.to_sqe()).map(drop)
    }

    /// Closes a handle without waiting until it is closed. What the service answers is dropped, as
    /// it is where a program lets go of a file: nothing can be done about it. Requests that this
    /// queue submits later find the handle closed.
    ///
    /// # Errors
    /// The session is over.
    #[inline]
    pub fn submit_close(&mut self, handle: Handle) -> Result<(), ClientError> {
        let ticket = self.submit_waiting(Request::Close { handle }.to_sqe())?;
        self.forget(ticket);
        Ok(())
    }

    /// Reads until `into` is full or the file ends; returns the number of bytes.
    ///
    /// # Errors
    /// The service's answer, if nothing was read before.
    pub fn read(
        &mut self,
        handle: Handle,
        offset: u64,
        into: &mut [u8],
    ) -> Result<usize, ClientError> {
        let mut total = 0;
        while total < into.len() {
            let rest = into.get_mut(total..).unwrap_or_default();
            let buffer = self.part(rest.len())?;
            let asked = buffer.range();
            let request = Request::Read { handle, offset: offset + total as u64, into: asked };
            let count = self.call(request.to_sqe()).map(|done| count(&done)).and_then(|count| {
                let into = rest.get_mut(..count).unwrap_or_default();
                let range = buffer.first(length(count));
                self.arena().read(range, into)?;
                Ok(count)
            });
            let full = asked.len as usize;
            self.give_back(buffer);
            match count {
                Err(error) if total == 0 => return Err(error),
                Err(_) => break,
                Ok(count) => {
                    total += count;
                    if count < full {
                        break;
                    }
                }
            }
        }
        Ok(total)
    }

    /// Writes all of `from`, or as much as can be; returns the number of bytes.
    ///
    /// # Errors
    /// The service's answer, if nothing was written before.
    pub fn write(
        &mut self,
        handle: Handle,
        offset: u64,
        from: &[u8],
    ) -> Result<usize, ClientError> {
        let mut total = 0;
        loop {
            let rest = from.get(total..).unwrap_or_default();
            if rest.is_empty() && total > 0 {
                return Ok(total);
            }
            let buffer = self.part(rest.len())?;
            let asked = buffer.range();
            let part = rest.get(..asked.len as usize).unwrap_or_default();
            let request = Request::Write { handle, offset: offset + total as u64, from: asked };
            let result = match self.arena().write(asked, part) {
                Ok(()) => self.call(request.to_sqe()).map(|done| count(&done)),
                Err(errno) => Err(errno.into()),
            };
            self.give_back(buffer);
            match result {
                Err(error) if total == 0 => return Err(error),
                Err(_) | Ok(0) => return Ok(total),
                Ok(count) => total += count,
            }
        }
    }

    /// Reads without a copy: calls `look` with a view of up to `len` bytes, which stay granted
    /// until it returns. A signal does not end the wait.
    ///
    /// # Errors
    /// The service's answer, or the region cannot be mapped; [`ClientError::Full`] if every slot is
    /// taken by completions that nobody has asked for.
    #[inline]
    pub fn read_grant<R>(
        &mut self,
        handle: Handle,
        offset: u64,
        len: u32,
        look: impl FnOnce(GrantView<'_>) -> R,
    ) -> Result<R, ClientError> {
        let read = self.with_room(|queue| queue.publish_grant(handle, offset, len))?;
        let mut look = Some(look);
        loop {
            let seen = self.wait_grant(read, |view| look.take().map(|look| look(view)));
            match seen {
                // Nobody else knows the ticket.
                Err(ClientError::Interrupted) => {}
                seen => return seen?.ok_or(ClientError::Corrupt),
            }
        }
    }

    /// Makes a file's contents durable.
    ///
    /// # Errors
    /// The service's answer.
    pub fn fsync(&mut self, handle: Handle, kind: SyncKind) -> Result<(), ClientError> {
        self.call(Request::Fsync { handle, kind }.to_sqe()).map(drop)
    }

    /// Sets the size of a file.
    ///
    /// # Errors
    /// The service's answer.
    pub fn truncate(&mut self, handle: Handle, size: u64) -> Result<(), ClientError> {
        self.call(Request::Ftruncate { handle, size }.to_sqe()).map(drop)
    }

    /// The attributes of what a path names; of the handle itself if it is empty.
    ///
    /// # Errors
    /// The service's answer.
    pub fn stat(&mut self, handle: Handle, path: &[u8]) -> Result<FileStatus, ClientError> {
        self.record(path, |path, into| Request::Statx { handle, path, follow: true, into })
    }

    /// Calls `each` for every entry of a directory, "." and ".." left out.
    ///
    /// # Errors
    /// The service's answer.
    pub fn read_directory(
        &mut self,
        handle: Handle,
        mut each: impl FnMut(&DirectoryEntry<'_>),
    ) -> Result<(), ClientError> {
        let mut cookie = 0;
        let mut bytes = Vec::new();
        loop {
            cookie = self.directory_part(handle, cookie, &mut bytes)?;
            if bytes.is_empty() {
                return Ok(());
            }
            DirectoryReader::new(&bytes)
                .filter(|entry| entry.name != b"." && entry.name != b"..")
                .for_each(|entry| each(&entry));
        }
    }

    /// Replaces `entries` by those behind a cookie, as many as one request brings; none at the end
    /// of the directory. Returns the cookie to go on with. The first is 0.
    ///
    /// # Errors
    /// The service's answer.
    pub fn directory_part(
        &mut self,
        handle: Handle,
        cookie: u64,
        entries: &mut Vec<u8>,
    ) -> Result<u64, ClientError> {
        let buffer = self.part(DIRECTORY_PART)?;
        let request = Request::Getdents { handle, cookie, into: buffer.range() };
        let result = self.call(request.to_sqe()).and_then(|done| {
            entries.resize(count(&done), 0);
            self.arena().read(buffer.first(length(entries.len())), entries)?;
            Ok(done.aux)
        });
        self.give_back(buffer);
        result
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// The service's answer.
    pub fn mkdir(&mut self, directory: Handle, path: &[u8], mode: u32) -> Result<(), ClientError> {
        self.with_path(path, |path| Request::MkdirAt { directory, path, mode }).map(drop)
    }

    /// Removes a name.
    ///
    /// # Errors
    /// The service's answer.
    pub fn unlink(
        &mut self,
        directory: Handle,
        path: &[u8],
        kind: UnlinkKind,
    ) -> Result<(), ClientError> {
        self.with_path(path, |path| Request::UnlinkAt { directory, path, kind }).map(drop)
    }

    /// Renames; both paths are relative to their directory.
    ///
    /// # Errors
    /// The service's answer.
    pub fn rename(
        &mut self,
        (from, old): (Handle, &[u8]),
        (to, new): (Handle, &[u8]),
        flags: RenameFlags,
    ) -> Result<(), ClientError> {
        self.with_two(old, new, |old, new| Request::RenameAt { from, old, to, new, flags })
    }

    /// Calls with a path in the arena.
    #[inline]
    pub(super) fn with_path(
        &mut self,
        path: &[u8],
        request: impl FnOnce(ArenaRange) -> Request,
    ) -> Result<Done, ClientError> {
        let buffer = self.buffer_with(path)?;
        let result = self.call(request(buffer.range()).to_sqe());
        self.give_back(buffer);
        result
    }

    /// A buffer for at most so many bytes, smaller if the arena is nearly used up.
    fn part(&mut self, bytes: usize) -> Result<Buffer, ClientError> {
        let mut size = bytes.min(MAX_PART);
        loop {
            match self.buffer(size) {
                Err(ClientError::NoBuffer { .. }) if size > 4096 => size /= 2,
                result => return result,
            }
        }
    }
}

/// A status that is known to be a count.
fn count(done: &Done) -> usize {
    done.status.result().unwrap_or(0) as usize
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
