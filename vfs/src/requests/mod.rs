//! From a parsed request to the call that it asks for, and from its outcome to a completion.
//!
//! ```text
//!   files   what a handle stands for: contents, listings, file systems
//!   locks   advisory locks
//!   paths   what a path names
//!   watches change events
//!   xattrs  extended attributes
//! ```

mod files;
mod locks;
mod paths;
mod watches;
mod xattrs;

use crate::grants::PinnedPages;
use crate::operations::Granted;
use crate::session::Session;
use crate::vfs::Vfs;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use dataplane::entry::{CqeFlags, Errno, Opcode, Status};
use dataplane::file::{MAX_PATH, Request};
use dataplane::service::Completion;
use dataplane::{Arena, ArenaRange, Credentials};

/// Buffers kept for the paths of later requests.
const SPARE_PATHS: usize = 16;

/// The operations that it serves; what else the protocol has is answered with EOPNOTSUPP.
pub(crate) const SERVED: &[Opcode] = &[
    Opcode::Release,
    Opcode::OpenAt,
    Opcode::Close,
    Opcode::Read,
    Opcode::ReadGrant,
    Opcode::Write,
    Opcode::Fsync,
    Opcode::Ftruncate,
    Opcode::Statx,
    Opcode::Getdents,
    Opcode::MkdirAt,
    Opcode::UnlinkAt,
    Opcode::RenameAt,
    Opcode::LinkAt,
    Opcode::SymlinkAt,
    Opcode::ReadlinkAt,
    Opcode::MknodAt,
    Opcode::Fallocate,
    Opcode::Lseek,
    Opcode::CopyFileRange,
    Opcode::Statfs,
    Opcode::Syncfs,
    Opcode::Setattr,
    Opcode::Getxattr,
    Opcode::Setxattr,
    Opcode::Listxattr,
    Opcode::Removexattr,
    Opcode::Lock,
    Opcode::Watch,
];

pub(crate) type Done = Completion<PinnedPages>;
type Outcome = Result<Done, Errno>;

/// A request whose fields have been parsed.
pub(crate) struct Job {
    pub(crate) inner: Rc<Inner>,
    pub(crate) session: Rc<Session>,
    pub(crate) request: Request,
    pub(crate) who: Rc<Credentials>,
}

/// What all requests share.
pub(crate) struct Inner {
    pub(crate) vfs: Vfs,
    paths: RefCell<Vec<Vec<u8>>>,
}

impl Inner {
    pub(crate) fn new(vfs: Vfs) -> Self {
        Self { vfs, paths: RefCell::default() }
    }

    /// Answers what needs no future.
    #[inline]
    pub(crate) fn now(&self, session: &Session, request: &Request) -> Option<Outcome> {
        Some(match *request {
            Request::Close { handle } => session.close(handle).map(|()| ok()),
            Request::Read { handle, offset, into } => {
                let read = session
                    .file(handle)
                    .and_then(|file| self.vfs.read_now(&file, offset, &session.arena, into));
                match read {
                    Ok(None) => return None,
                    Ok(Some(bytes)) => Ok(count(bytes)),
                    Err(error) => Err(error),
                }
            }
            Request::Release { grant, count } => {
                session.grants.release(grant, count).map(|()| ok())
            }
            Request::ReadGrant { handle, offset, len, hold } => {
                let granted = session
                    .file(handle)
                    .and_then(|file| self.vfs.read_grant_now(session, &file, offset, len));
                match granted {
                    Ok(None) => return None,
                    Ok(Some(granted)) => Ok(grant_done(session, granted, hold)),
                    Err(error) => Err(error),
                }
            }
            _ => return None,
        })
    }

    /// Copies a path out of the arena, once.
    fn path(self: &Rc<Self>, arena: &Arena, range: ArenaRange) -> Result<PathBuffer, Errno> {
        let mut bytes = self.paths.borrow_mut().pop().unwrap_or_default();
        bytes.clear();
        bytes.resize(range.len as usize, 0);
        let buffer = PathBuffer { bytes, inner: Rc::clone(self) };
        let mut buffer = buffer;
        arena.read(range, &mut buffer.bytes)?;
        Ok(buffer)
    }
}

/// A private copy of a path; its memory is used again.
struct PathBuffer {
    bytes: Vec<u8>,
    inner: Rc<Inner>,
}

impl Drop for PathBuffer {
    fn drop(&mut self) {
        let mut paths = self.inner.paths.borrow_mut();
        if paths.len() < SPARE_PATHS && self.bytes.capacity() <= MAX_PATH {
            paths.push(core::mem::take(&mut self.bytes));
        }
    }
}

fn ok() -> Done {
    Completion::new(Status::OK)
}

fn count(bytes: u32) -> Done {
    Completion::new(Status::count(bytes))
}

fn grant_done(session: &Session, granted: Granted, hold: bool) -> Done {
    let mut done = count(granted.bytes);
    let Some(pages) = granted.pages else {
        return done;
    };
    done.flags = CqeFlags::GRANT;
    done.aux = granted.id.to_word();
    if hold {
        session.grants.hold(granted.id.grant, pages);
    } else {
        done.held = Some(pages);
    }
    done
}

impl Job {
    /// Runs it; before each step it is said whose it is.
    pub(crate) async fn run(self) -> Outcome {
        let (watches, session) = (&self.inner.vfs.watches, self.session.id);
        let mut steps = pin!(self.carry_out());
        poll_fn(|context| {
            watches.act_for(session);
            steps.as_mut().poll(context)
        })
        .await
    }

    async fn carry_out(&self) -> Outcome {
        let who = &self.who;
        match self.request {
            Request::OpenAt { .. }
            | Request::Statx { .. }
            | Request::MkdirAt { .. }
            | Request::UnlinkAt { .. }
            | Request::RenameAt { .. } => self.run_on_path(who).await,
            Request::LinkAt { .. }
            | Request::SymlinkAt { .. }
            | Request::ReadlinkAt { .. }
            | Request::MknodAt { .. }
            | Request::Setattr { .. } => self.run_on_name(who).await,
            Request::Getxattr { .. }
            | Request::Setxattr { .. }
            | Request::Listxattr { .. }
            | Request::Removexattr { .. } => self.run_on_xattr(who).await,
            Request::Lock { .. } => self.run_on_lock().await,
            _ => self.run_on_file(who).await,
        }
    }
}
