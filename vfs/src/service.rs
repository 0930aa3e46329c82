//! The vfs as a service: entries in, calls of the domain, completions out.
//!
//! What is in memory is answered at once: cached reads without even a future, all else by a future that is polled once in a box left by an earlier request (`tasks`). Only what really
//! has to wait becomes a task of the reactor.

use crate::config::{Usage, VfsConfig};
use crate::grants::PinnedPages;
use crate::operations::{End, Granted, How};
use crate::session::Session;
use crate::tasks::{Start, Started, Tasks};
use crate::tmpfs::Tmpfs;
use crate::vfs::Vfs;
use crate::walk::{Links, Walk};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use capability::Rights;
use control::platform::Machine;
use control::service::{Broker, Sender, Service};
use core::cell::RefCell;
use dataplane::entry::{CqeFlags, Errno, Handle, Opcode, Sqe, Status};
use dataplane::file::{MAX_PATH, Request};
use dataplane::filesystem::FileSystem;
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{Arena, ArenaRange, SessionInfo};
use zerocopy::IntoBytes;

/// Permissions of the root of the root tmpfs: as /tmp.
const ROOT_PERMISSIONS: u32 = 0o1777;
/// Buffers kept for the paths of later requests.
const SPARE_PATHS: usize = 16;

/// The operations that it serves; what else the protocol has is answered with EOPNOTSUPP.
const SERVED: &[Opcode] = &[
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
];

type Done = Completion<PinnedPages>;
type Outcome = Result<Done, Errno>;

/// A request whose fields have been parsed.
struct Job {
    inner: Rc<Inner>,
    session: Rc<Session>,
    request: Request,
    credential: u16,
}

struct Inner {
    vfs: Vfs,
    paths: RefCell<Vec<Vec<u8>>>,
}

/// The service.
pub struct VfsService {
    inner: Rc<Inner>,
    tasks: Box<dyn Start<Job, Done>>,
    seed: u64,
}

impl VfsService {
    /// A vfs in which nothing is mounted yet: [`Service::start`] mounts a tmpfs as its root,
    /// unless [`VfsService::mount_root`] has mounted something else.
    #[must_use]
    pub fn new(config: VfsConfig, machine: Machine, broker: Rc<dyn Broker>) -> Self {
        Self {
            inner: Rc::new(Inner {
                vfs: Vfs::new(&config, machine, broker),
                paths: RefCell::default(),
            }),
            tasks: Box::new(Tasks::new(|job: Job| async move { job.run().await.into() })),
            seed: config.seed,
        }
    }

    /// Mounts a file system as the root of everything.
    ///
    /// # Errors
    /// EBUSY if there is one, or what the file system says.
    pub async fn mount_root(&self, filesystem: Box<dyn FileSystem>) -> Result<(), Errno> {
        self.inner.vfs.mount(None, filesystem).await
    }

    /// Mounts a file system on a directory, given by its path from the root.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EBUSY if something is mounted there, or what a file system says.
    pub async fn mount(&self, path: &[u8], filesystem: Box<dyn FileSystem>) -> Result<(), Errno> {
        let vfs = &self.inner.vfs;
        let at = Walk::from_root(vfs, path).await?;
        vfs.mount(Some(&at), filesystem).await
    }

    /// A tmpfs whose contents, inodes and names are charged to this vfs's budget; for
    /// [`VfsService::mount`].
    #[must_use]
    pub fn tmpfs(&self) -> Box<dyn FileSystem> {
        let vfs = &self.inner.vfs;
        let budget = Rc::clone(&vfs.budget);
        let tmpfs = Tmpfs::new(budget, self.seed, ROOT_PERMISSIONS, vfs.time());
        Box::new(tmpfs)
    }

    /// What it has in memory.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.inner.vfs.usage()
    }

    /// Forgets all dentries; those in use are found again. For measuring and for tests of leaks.
    pub fn drop_dentries(&self) {
        self.inner.vfs.dentries.clear();
    }
}

impl Service for VfsService {
    fn name(&self) -> &'static str {
        "vfs"
    }

    async fn start(&self) -> Result<(), Errno> {
        match self.mount_root(self.tmpfs()).await {
            Ok(()) | Err(Errno::EBUSY) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `usage`: what the vfs has in memory, one `name=value` a line; for holders of AUDIT.
    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        match message {
            b"usage" if sender.rights.contains(Rights::AUDIT) => {
                Ok(self.usage().to_string().into_bytes())
            }
            b"usage" => Err(Errno::EPERM),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    async fn stop(&self) {
        // What cannot be written now is lost; whoever asked for it to be durable was told.
        let _written = self.inner.vfs.sync_all().await;
    }
}

impl DataService for VfsService {
    type Session = Session;
    type Held = PinnedPages;

    fn open_session(&self, info: &SessionInfo) -> Result<(Rc<Session>, Handle), Errno> {
        let root = self.inner.vfs.root()?;
        let (session, handle) = Session::new(info, root, self.seed)?;
        Ok((Rc::new(session), handle))
    }

    fn close_session(&self, session: &Rc<Session>) {
        session.close_all();
    }

    fn supports(&self, opcode: Opcode) -> bool {
        SERVED.contains(&opcode)
    }

    #[inline]
    fn request(self: &Rc<Self>, session: &Rc<Session>, sqe: &Sqe) -> Answer<PinnedPages> {
        let request = match Request::parse(sqe) {
            Ok(request) => request,
            Err(_) if !SERVED.contains(&sqe.opcode()) => return Errno::EOPNOTSUPP.into(),
            Err(error) => return error.into(),
        };
        if let Err(error) = session.principal(sqe.credential) {
            return error.into();
        }
        if let Some(done) = self.inner.now(session, &request) {
            return Answer::Now(done.into());
        }
        let job = Job {
            inner: Rc::clone(&self.inner),
            session: Rc::clone(session),
            request,
            credential: sqe.credential,
        };
        match self.tasks.start(job) {
            Started::Done(done) => Answer::Now(done),
            Started::Waiting(task) => Answer::Later(task),
        }
    }
}

impl Inner {
    /// Answers what needs no future.
    #[inline]
    fn now(&self, session: &Session, request: &Request) -> Option<Outcome> {
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
    async fn run(self) -> Outcome {
        let who = self.session.principal(self.credential)?;
        match self.request {
            Request::OpenAt { .. }
            | Request::Statx { .. }
            | Request::MkdirAt { .. }
            | Request::UnlinkAt { .. }
            | Request::RenameAt { .. } => self.run_on_path(who).await,
            _ => self.run_on_file(who).await,
        }
    }

    async fn run_on_file(&self, who: &dataplane::Credentials) -> Outcome {
        let (vfs, session) = (&self.inner.vfs, &*self.session);
        let arena = &session.arena;
        match self.request {
            Request::Read { handle, offset, into } => {
                let file = session.file(handle)?;
                vfs.read(&file, offset, arena, into).await.map(count)
            }
            Request::Write { handle, offset, from } => {
                let file = session.file(handle)?;
                let written = vfs.write(&file, who, offset, arena, from);
                written.await.map(count)
            }
            Request::ReadGrant { handle, offset, len, hold } => {
                let file = session.file(handle)?;
                let granted = vfs.read_grant(session, &file, offset, len).await?;
                Ok(grant_done(session, granted, hold))
            }
            Request::Fsync { handle, kind } => {
                let file = session.file(handle)?;
                vfs.sync(&file, kind).await.map(|()| ok())
            }
            Request::Ftruncate { handle, size } => {
                let file = session.file(handle)?;
                vfs.truncate(&file, who, size).await.map(|()| ok())
            }
            Request::Getdents { handle, cookie, into } => {
                let file = session.file(handle)?;
                arena.check(into)?;
                let part = vfs.list(&file, cookie, into.len as usize).await?;
                let bytes = part.records.as_bytes();
                arena.write(into, bytes)?;
                let len = u32::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
                Ok(count(len).with_aux(part.next))
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    async fn run_on_path(&self, who: &dataplane::Credentials) -> Outcome {
        let (inner, session) = (&self.inner, &*self.session);
        let (vfs, arena) = (&inner.vfs, &session.arena);
        match self.request {
            Request::OpenAt { directory, path, flags, mode } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let how = How { flags, mode };
                let opened = vfs.open(session, who, &from, &path.bytes, how).await?;
                Ok(ok().with_aux(opened.to_word()))
            }
            Request::Statx { handle, path, follow, into } => {
                let from = session.file(handle)?;
                arena.check(into)?;
                let path = inner.path(arena, path)?;
                let links = if follow { Links::Follow } else { Links::Keep };
                let status = vfs.status(session, who, &from, &path.bytes, links).await?;
                arena.write(into, status.as_bytes())?;
                Ok(ok())
            }
            Request::MkdirAt { directory, path, mode } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let made = vfs.make_directory(session, who, &from, &path.bytes, mode);
                made.await.map(|()| ok())
            }
            Request::UnlinkAt { directory, path, kind } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let removed = vfs.remove(session, who, &from, &path.bytes, kind);
                removed.await.map(|()| ok())
            }
            Request::RenameAt { from, old, to, new, flags } => {
                let (from, to) = (session.file(from)?, session.file(to)?);
                let old = inner.path(arena, old)?;
                let new = inner.path(arena, new)?;
                let old = End { from: &from, path: &old.bytes };
                let new = End { from: &to, path: &new.bytes };
                let renamed = vfs.rename(session, who, old, new, flags);
                renamed.await.map(|()| ok())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }
}
