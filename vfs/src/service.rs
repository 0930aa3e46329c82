//! The vfs as a service: entries in, calls of the domain, completions out.
//!
//! What is in memory is answered at once: cached reads without even a future, all else by a future
//! that is polled once in a box left by an earlier request (`tasks`). Only what really has to wait
//! becomes a task of the reactor. What each operation does is in `requests`.

use crate::config::{Usage, VfsConfig};
use crate::grants::PinnedPages;
use crate::mounts::Writability;
use crate::requests::{Done, Inner, Job, SERVED};
use crate::session::Session;
use crate::tasks::{Start, Started, Tasks};
use crate::tmpfs::Tmpfs;
use crate::vfs::Vfs;
use crate::walk::Walk;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use capability::Rights;
use control::platform::Machine;
use control::service::{Broker, Sender, Service};
use dataplane::SessionInfo;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::file::Request;
use dataplane::filesystem::FileSystem;
use dataplane::service::{Answer, DataService};

/// Permissions of the root of the root tmpfs: as /tmp.
const ROOT_PERMISSIONS: u32 = 0o1777;

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
            inner: Rc::new(Inner::new(Vfs::new(&config, machine, broker))),
            tasks: Box::new(Tasks::new(|job: Job| async move { job.run().await.into() })),
            seed: config.seed,
        }
    }

    /// Mounts a file system as the root of everything.
    ///
    /// # Errors
    /// EBUSY if there is one, or what the file system says.
    pub async fn mount_root(&self, filesystem: Box<dyn FileSystem>) -> Result<(), Errno> {
        self.inner.vfs.mount(None, filesystem, Writability::ReadWrite).await
    }

    /// Mounts a file system on a directory, given by its path from the root.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EBUSY if something is mounted there, or what a file system says.
    pub async fn mount(
        &self,
        path: &[u8],
        filesystem: Box<dyn FileSystem>,
        writability: Writability,
    ) -> Result<(), Errno> {
        let vfs = &self.inner.vfs;
        let at = Walk::from_root(vfs, path).await?;
        vfs.mount(Some(&at), filesystem, writability).await
    }

    /// Unmounts what is mounted on a directory, given by its path from the root.
    ///
    /// # Errors
    /// EINVAL if nothing is mounted there, EBUSY if any of it is in use, or what the file system
    /// says.
    pub async fn unmount(&self, path: &[u8]) -> Result<(), Errno> {
        self.inner.vfs.unmount(path).await
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
