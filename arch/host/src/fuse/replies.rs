//! Outcomes as answers to the kernel.

use super::convert::{attributes, errno};
use super::requests::Result;
use dataplane::file::{FileStatus, FilesystemStatus};
use fuser::{
    Errno, FileHandle, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyStatfs, ReplyXattr,
};
use std::time::Duration;

/// How long the kernel may believe what it was told.
pub(super) const TIME_TO_LIVE: Duration = Duration::ZERO;
/// Numbers are never used for another file while the kernel knows them.
pub(super) const GENERATION: Generation = Generation(0);

/// Tells of a file.
pub(super) fn told(reply: ReplyEntry, result: Result<(u64, FileStatus)>) {
    match result {
        Ok((number, status)) => {
            reply.entry(&TIME_TO_LIVE, &attributes(number, &status), GENERATION);
        }
        Err(error) => reply.error(errno(error)),
    }
}

/// Tells that something was done.
pub(super) fn done(reply: ReplyEmpty, result: Result<()>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

/// Tells a node's attributes.
pub(super) fn status(reply: ReplyAttr, number: INodeNo, result: Result<FileStatus>) {
    match result {
        Ok(status) => reply.attr(&TIME_TO_LIVE, &attributes(number.0, &status)),
        Err(error) => reply.error(errno(error)),
    }
}

/// Tells the number of a file that was opened.
pub(super) fn opened(reply: ReplyOpen, result: Result<u64>) {
    match result {
        Ok(file) => reply.opened(FileHandle(file), FopenFlags::empty()),
        Err(error) => reply.error(errno(error)),
    }
}

/// A value, or only its size where there is no room.
pub(super) fn xattr(reply: ReplyXattr, room: u32, result: Result<Vec<u8>>) {
    match result {
        Ok(value) if room == 0 => reply.size(u32::try_from(value.len()).unwrap_or(u32::MAX)),
        Ok(value) if value.len() > room as usize => reply.error(Errno::ERANGE),
        Ok(value) => reply.data(&value),
        Err(error) => reply.error(errno(error)),
    }
}

/// Tells how much space a file system has.
pub(super) fn space(reply: ReplyStatfs, result: Result<FilesystemStatus>) {
    let status = match result {
        Ok(status) => status,
        Err(error) => return reply.error(errno(error)),
    };
    let block = u32::try_from(status.block_size).unwrap_or(u32::MAX);
    reply.statfs(
        status.blocks,
        status.free_blocks,
        status.available_blocks,
        status.inodes,
        status.free_inodes,
        block,
        status.max_name,
        block,
    );
}
