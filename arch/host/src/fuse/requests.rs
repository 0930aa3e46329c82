//! What each question asks of the vfs.

use super::convert;
use super::locks::Locks;
use super::nodes::Nodes;
use super::principals::{Caller, Principals};
use super::queues::{Lent, Queues};
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{AttributeChange, AttributeMask, FileStatus, OpenFlags, UnlinkKind};
use fuser::TimeOrNow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

pub(super) type Result<T> = std::result::Result<T, ClientError>;

/// The bit by which the kernel says that a write goes to the end.
const APPEND: i32 = OpenFlags::APPEND.bits().cast_signed();
/// The bit by which it says that a file is to be executed, which need not be readable for that.
const EXECUTE: i32 = 0x20;
const EXCLUSIVE: i32 = OpenFlags::EXCLUSIVE.bits().cast_signed();

/// What the kernel wants changed.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) permissions: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) accessed: Option<TimeOrNow>,
    pub(super) modified: Option<TimeOrNow>,
}

/// The client behind the mount.
pub(super) struct Client {
    queues: Queues,
    pub(super) nodes: Nodes,
    pub(super) locks: Locks,
    /// Whom requests act as; nobody but the session's own principal if only that user gets in.
    principals: Option<Principals>,
    /// Of files opened for appending: the handle through which writes go to the end.
    appending: Mutex<HashMap<u64, Handle>>,
}

impl Client {
    pub(super) fn new(
        queues: Vec<Queue>,
        nodes: Nodes,
        locks: Locks,
        principals: Option<Principals>,
    ) -> Self {
        let (queues, appending) = (Queues::new(queues), Mutex::default());
        Self { queues, nodes, locks, principals, appending }
    }

    pub(super) fn queue(&self) -> Lent<'_> {
        self.queues.take()
    }

    /// A queue whose requests act as the caller.
    pub(super) fn queue_of(&self, caller: Caller) -> Result<Lent<'_>> {
        // First, so that nobody waits for the broker with a queue in hand.
        let acting = self.principals.as_ref().map(|all| all.act_as(caller)).transpose()?;
        let mut queue = self.queue();
        if let Some(acting) = acting {
            queue.act_as(acting);
        }
        Ok(queue)
    }

    /// The handle behind a node's number.
    pub(super) fn node(&self, number: u64) -> Result<Handle> {
        self.nodes.handle(number).ok_or(ClientError::Service(Errno::ESTALE))
    }

    pub(super) fn status(&self, number: u64) -> Result<FileStatus> {
        self.queue().stat_link(self.node(number)?, b"")
    }

    /// Finds a name; the kernel knows its node from now on.
    pub(super) fn lookup(&self, parent: u64, name: &[u8]) -> Result<(u64, FileStatus)> {
        let parent = self.node(parent)?;
        let mut queue = self.queue();
        let status = queue.stat_link(parent, name)?;
        if let Some(number) = self.nodes.tell_again(&status) {
            return Ok((number, status));
        }
        let handle = queue.open(parent, name, OpenFlags::PATH | OpenFlags::NO_FOLLOW, 0)?;
        self.tell(&mut queue, handle)
    }

    /// Tells the kernel about what a PATH handle names.
    fn tell(&self, queue: &mut Queue, handle: Handle) -> Result<(u64, FileStatus)> {
        // Of the handle: the name may be another file's by now.
        let status = match queue.stat_link(handle, b"") {
            Ok(status) => status,
            Err(error) => {
                queue.submit_close(handle)?;
                return Err(error);
            }
        };
        let (number, surplus) = self.nodes.tell(handle, &status);
        if let Some(surplus) = surplus {
            queue.submit_close(surplus)?;
        }
        Ok((number, status))
    }

    pub(super) fn forget(&self, number: u64, times: u64) {
        if let Some(handle) = self.nodes.forget(number, times) {
            // If it fails the session is over, and all its handles with it.
            let _closed = self.queue().submit_close(handle);
        }
    }

    /// Makes something by `make` as the caller, and tells the kernel about it.
    pub(super) fn make(
        &self,
        caller: Caller,
        (parent, name): (u64, &[u8]),
        make: impl FnOnce(&mut Queue, Handle) -> Result<()>,
    ) -> Result<(u64, FileStatus)> {
        let directory = self.node(parent)?;
        let mut queue = self.queue_of(caller)?;
        make(&mut queue, directory)?;
        queue.act_as_itself();
        let flags = OpenFlags::PATH | OpenFlags::NO_FOLLOW;
        let handle = queue.open(directory, name, flags, 0)?;
        self.tell(&mut queue, handle)
    }

    /// Opens a node's file.
    pub(super) fn open(&self, caller: Caller, number: u64, flags: i32) -> Result<u64> {
        let node = self.node(number)?;
        // To execute a file that cannot be read is for the kernel to allow, and it has.
        let executes = flags & EXECUTE != 0;
        let mut queue = if executes { self.queue() } else { self.queue_of(caller)? };
        let access = convert::access(flags) | OpenFlags::REOPEN;
        let handle = queue.open(node, b"", access, 0)?;
        queue.act_as_itself();
        self.opened(&mut queue, node, handle, flags)
    }

    /// The kernel's name of a file that was opened; closes it again if it cannot be used.
    fn opened(&self, queue: &mut Queue, node: Handle, file: Handle, flags: i32) -> Result<u64> {
        let number = file.to_word();
        if flags & APPEND != 0 && convert::access(flags).writes() {
            let how = OpenFlags::WRITE_ONLY | OpenFlags::APPEND | OpenFlags::REOPEN;
            match queue.open(node, b"", how, 0) {
                Ok(end) => drop(self.appending().insert(number, end)),
                Err(error) => {
                    queue.submit_close(file)?;
                    return Err(error);
                }
            }
        }
        Ok(number)
    }

    fn appending(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Handle>> {
        self.appending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle to write through: the kernel's own pages go where they say, all else of a file
    /// opened for appending goes to the end.
    pub(super) fn writer(&self, file: u64, appends: bool) -> Result<Handle> {
        let end = if appends { self.appending().get(&file).copied() } else { None };
        end.map_or_else(|| open_file(file), Ok)
    }

    pub(super) fn release(&self, file: u64) -> Result<()> {
        let end = self.appending().remove(&file);
        let mut queue = self.queue();
        if let Some(end) = end {
            queue.submit_close(end)?;
        }
        queue.submit_close(open_file(file)?)
    }

    /// Makes a file, unless it is there, and opens it.
    pub(super) fn create(
        &self,
        caller: Caller,
        (parent, name): (u64, &[u8]),
        mode: u32,
        flags: i32,
    ) -> Result<(u64, FileStatus, u64)> {
        let directory = self.node(parent)?;
        let mut queue = self.queue_of(caller)?;
        let how = convert::access(flags) | OpenFlags::CREATE | OpenFlags::NO_FOLLOW;
        let made = queue.open(directory, name, how | OpenFlags::EXCLUSIVE, mode);
        let file = match made {
            Ok(file) => file,
            Err(ClientError::Service(Errno::EEXIST)) if flags & EXCLUSIVE == 0 => {
                queue.open(directory, name, how, mode)?
            }
            Err(error) => return Err(error),
        };
        queue.act_as_itself();
        let opened = self.opened(&mut queue, file, file, flags)?;
        let path = queue.open(file, b"", OpenFlags::PATH | OpenFlags::REOPEN, 0);
        match path.and_then(|path| self.tell(&mut queue, path)) {
            Ok((number, status)) => Ok((number, status, opened)),
            Err(error) => {
                drop(queue);
                self.release(opened)?;
                Err(error)
            }
        }
    }

    /// Changes attributes, and the size first if that is wanted.
    pub(super) fn change(
        &self,
        number: u64,
        file: Option<u64>,
        size: Option<u64>,
        wanted: &Wanted,
    ) -> Result<FileStatus> {
        let node = self.node(number)?;
        let mut queue = self.queue();
        if let Some(size) = size {
            truncate(&mut queue, node, file, size)?;
        }
        let change = wanted.change();
        if change.mask != 0 {
            queue.set_link_attributes((node, b""), &change)?;
        }
        queue.stat_link(node, b"")
    }

    pub(super) fn remove(
        &self,
        caller: Caller,
        (parent, name): (u64, &[u8]),
        kind: UnlinkKind,
    ) -> Result<()> {
        self.queue_of(caller)?.unlink(self.node(parent)?, name, kind)
    }
}

/// Through the open file if there is one that can: else opened for this alone.
fn truncate(queue: &mut Queue, node: Handle, file: Option<u64>, size: u64) -> Result<()> {
    if let Some(file) = file {
        match queue.truncate(open_file(file)?, size) {
            Err(ClientError::Service(Errno::EINVAL)) => {}
            done => return done,
        }
    }
    let flags = OpenFlags::WRITE_ONLY | OpenFlags::REOPEN;
    let writer = queue.open(node, b"", flags, 0)?;
    let done = queue.truncate(writer, size);
    queue.submit_close(writer)?;
    done
}

/// The handle in the kernel's name of an open file.
pub(super) fn open_file(number: u64) -> Result<Handle> {
    Handle::from_word(number).ok_or(ClientError::Service(Errno::EBADF))
}

impl Wanted {
    fn change(&self) -> AttributeChange {
        let mut change = AttributeChange::default();
        let mut mask = AttributeMask::empty();
        let mut set = |bit, to: &mut u32, value: Option<u32>| {
            if let Some(value) = value {
                (*to, mask) = (value, mask | bit);
            }
        };
        let permissions = self.permissions.map(|mode| mode & 0o7777);
        set(AttributeMask::PERMISSIONS, &mut change.permissions, permissions);
        set(AttributeMask::OWNER, &mut change.uid, self.uid);
        set(AttributeMask::GROUP, &mut change.gid, self.gid);
        let mut set = |to: &mut _, value: Option<TimeOrNow>, at, now| {
            if let Some(value) = value {
                match convert::file_time(value) {
                    Some(time) => (*to, mask) = (time, mask | at),
                    None => mask |= now,
                }
            }
        };
        let (at, now) = (AttributeMask::ACCESSED, AttributeMask::ACCESSED_NOW);
        set(&mut change.accessed, self.accessed, at, now);
        let (at, now) = (AttributeMask::MODIFIED, AttributeMask::MODIFIED_NOW);
        set(&mut change.modified, self.modified, at, now);
        change.mask = mask.bits();
        change
    }
}
