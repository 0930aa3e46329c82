//! Names, attributes and file systems, blocking: one call, one request, one answer.

use super::Buffer;
use super::error::ClientError;
use super::queue::Queue;
use crate::entry::{Errno, Handle};
use crate::file::{
    AttributeChange, FileStatus, FilesystemStatus, LinkFlags, MAX_PATH, MAX_XATTR_VALUE, Request,
    XattrMode,
};
use crate::memory::ArenaRange;
use alloc::vec::Vec;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes asked for at first where an answer has no known size.
const USUAL_VALUE: usize = 4096;

impl Queue {
    /// The attributes of what a path names, of the link itself if that is a symbolic link; of the
    /// handle's file if the path is empty.
    ///
    /// # Errors
    /// The service's answer.
    pub fn stat_link(&mut self, handle: Handle, path: &[u8]) -> Result<FileStatus, ClientError> {
        self.record(path, |path, into| Request::Statx { handle, path, follow: false, into })
    }

    /// Changes attributes of what a path names; of the handle's file if it is empty.
    ///
    /// # Errors
    /// The service's answer.
    pub fn set_attributes(
        &mut self,
        (handle, path): (Handle, &[u8]),
        change: &AttributeChange,
    ) -> Result<(), ClientError> {
        self.change_attributes((handle, path), true, change)
    }

    /// The same, of a symbolic link itself.
    ///
    /// # Errors
    /// The service's answer.
    pub fn set_link_attributes(
        &mut self,
        (handle, path): (Handle, &[u8]),
        change: &AttributeChange,
    ) -> Result<(), ClientError> {
        self.change_attributes((handle, path), false, change)
    }

    fn change_attributes(
        &mut self,
        (handle, path): (Handle, &[u8]),
        follow: bool,
        change: &AttributeChange,
    ) -> Result<(), ClientError> {
        self.with_two(path, change.as_bytes(), |path, from| Request::Setattr {
            handle,
            path,
            follow,
            from,
        })
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// The service's answer.
    pub fn link(
        &mut self,
        (from, old): (Handle, &[u8]),
        (to, new): (Handle, &[u8]),
        flags: LinkFlags,
    ) -> Result<(), ClientError> {
        self.with_two(old, new, |old, new| Request::LinkAt { from, old, to, new, flags })
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// The service's answer.
    pub fn symlink(
        &mut self,
        target: &[u8],
        (directory, path): (Handle, &[u8]),
    ) -> Result<(), ClientError> {
        self.with_two(path, target, |path, target| Request::SymlinkAt { directory, path, target })
    }

    /// Where a symbolic link points to; of the handle's link if the path is empty.
    ///
    /// # Errors
    /// The service's answer.
    pub fn read_link(&mut self, handle: Handle, path: &[u8]) -> Result<Vec<u8>, ClientError> {
        self.bytes(MAX_PATH, path, |path, into| Request::ReadlinkAt { handle, path, into })
    }

    /// Makes a file of any kind but a directory or a symbolic link: `mode` has kind and
    /// permissions, `device` the number of a device file, else 0.
    ///
    /// # Errors
    /// The service's answer.
    pub fn make_node(
        &mut self,
        (directory, path): (Handle, &[u8]),
        mode: u32,
        device: u64,
    ) -> Result<(), ClientError> {
        self.with_path(path, |path| Request::MknodAt { directory, path, mode, device }).map(drop)
    }

    /// The state of the file system that a handle's file is in.
    ///
    /// # Errors
    /// The service's answer.
    pub fn filesystem_status(&mut self, handle: Handle) -> Result<FilesystemStatus, ClientError> {
        let into = self.buffer(FilesystemStatus::BYTES)?;
        let result = self.call(Request::Statfs { handle, into: into.range() }.to_sqe());
        let status = self.take_record(into);
        result?;
        status
    }

    /// Makes durable what is in the file system that a handle's file is in.
    ///
    /// # Errors
    /// The service's answer.
    pub fn sync_filesystem(&mut self, handle: Handle) -> Result<(), ClientError> {
        self.call(Request::Syncfs { handle }.to_sqe()).map(drop)
    }

    /// An extended attribute.
    ///
    /// # Errors
    /// The service's answer.
    pub fn xattr(&mut self, handle: Handle, name: &[u8]) -> Result<Vec<u8>, ClientError> {
        self.value(name, |name, into| Request::Getxattr { handle, name, into })
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// The service's answer.
    pub fn set_xattr(
        &mut self,
        handle: Handle,
        (name, value): (&[u8], &[u8]),
        mode: XattrMode,
    ) -> Result<(), ClientError> {
        self.with_two(name, value, |name, from| Request::Setxattr { handle, name, mode, from })
    }

    /// The names of all extended attributes, each with a byte 0 behind it.
    ///
    /// # Errors
    /// The service's answer.
    pub fn xattr_names(&mut self, handle: Handle) -> Result<Vec<u8>, ClientError> {
        self.value(b"", |_, into| Request::Listxattr { handle, into })
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// The service's answer.
    pub fn remove_xattr(&mut self, handle: Handle, name: &[u8]) -> Result<(), ClientError> {
        self.with_path(name, |name| Request::Removexattr { handle, name }).map(drop)
    }

    /// A value of any size, with a second try if it is larger than usual.
    fn value(
        &mut self,
        name: &[u8],
        request: impl Fn(ArenaRange, ArenaRange) -> Request,
    ) -> Result<Vec<u8>, ClientError> {
        match self.bytes(USUAL_VALUE, name, &request) {
            Err(ClientError::Service(Errno::ERANGE)) => self.bytes(MAX_XATTR_VALUE, name, request),
            result => result,
        }
    }

    /// Calls with a name or path, and another range that the service reads.
    pub(super) fn with_two(
        &mut self,
        path: &[u8],
        second: &[u8],
        request: impl FnOnce(ArenaRange, ArenaRange) -> Request,
    ) -> Result<(), ClientError> {
        let second = self.buffer_with(second)?;
        let range = second.range();
        let result = self.with_path(path, |path| request(path, range));
        self.give_back(second);
        result.map(drop)
    }

    /// Calls with a name or path, and returns what the service wrote, at most `most` bytes.
    fn bytes(
        &mut self,
        most: usize,
        path: &[u8],
        request: impl FnOnce(ArenaRange, ArenaRange) -> Request,
    ) -> Result<Vec<u8>, ClientError> {
        let into = self.buffer(most)?;
        let range = into.range();
        let result = self.with_path(path, |path| request(path, range)).and_then(|done| {
            let count = done.status.result()?;
            let mut bytes = alloc::vec![0; (count as usize).min(most)];
            self.arena().read(into.first(count), &mut bytes)?;
            Ok(bytes)
        });
        self.give_back(into);
        result
    }

    /// Calls with a path, and returns the record that the service wrote.
    pub(super) fn record<T: FromBytes + IntoBytes>(
        &mut self,
        path: &[u8],
        request: impl FnOnce(ArenaRange, ArenaRange) -> Request,
    ) -> Result<T, ClientError> {
        let into = self.buffer(size_of::<T>())?;
        let range = into.range();
        let result = self.with_path(path, |path| request(path, range));
        let record = self.take_record(into);
        result?;
        record
    }

    /// Copies a record out of a buffer and gives the buffer back.
    pub(super) fn take_record<T: FromBytes + IntoBytes>(
        &mut self,
        buffer: Buffer,
    ) -> Result<T, ClientError> {
        let mut record = T::new_zeroed();
        let copied = self.arena().read(buffer.range(), record.as_mut_bytes());
        self.give_back(buffer);
        copied?;
        Ok(record)
    }
}
