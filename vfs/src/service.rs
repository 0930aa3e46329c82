//! The vfs as a service: entries in, calls of the domain, completions out.
//!
//! What is in memory is answered at once: cached reads without even a future, all else by a future
//! that is polled once in a box left by an earlier request (`tasks`). Only what really has to wait
//! becomes a task of the reactor. What each operation does is in `requests`.

use crate::config::{Usage, VfsConfig};
use crate::grants::PinnedPages;
use crate::message::{self, Message, Mounting};
use crate::mounts::{Label, Writability};
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
use control::platform::Machine;
use control::service::{Broker, Sender, Service};
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::file::Request;
use dataplane::filesystem::{FileSystem, FileSystems};
use dataplane::service::{Answer, DataService};
use dataplane::{Credentials, Descriptor, SessionInfo};

/// Permissions of the root of the root tmpfs: as /tmp.
const ROOT_PERMISSIONS: u32 = 0o1777;

/// The service.
pub struct VfsService {
    inner: Rc<Inner>,
    tasks: Box<dyn Start<Job, Done>>,
    filesystems: Option<Rc<dyn FileSystems>>,
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
            filesystems: None,
            seed: config.seed,
        }
    }

    /// With what makes file systems of what clients hand over; without it, they can mount nothing.
    #[must_use]
    pub fn with_filesystems(mut self, filesystems: Rc<dyn FileSystems>) -> Self {
        self.filesystems = Some(filesystems);
        self
    }

    /// Mounts a file system as the root of everything.
    ///
    /// # Errors
    /// EBUSY if there is one, or what the file system says.
    pub async fn mount_root(&self, filesystem: Box<dyn FileSystem>) -> Result<(), Errno> {
        let writability = Writability::ReadWrite;
        let label = Label { kind: Box::default(), path: Box::default(), writability };
        self.inner.vfs.mount(None, filesystem, label).await
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
        let kind = Box::default();
        self.mount_labelled(filesystem, Label { kind, path: path.into(), writability }).await
    }

    async fn mount_labelled(
        &self,
        filesystem: Box<dyn FileSystem>,
        label: Label,
    ) -> Result<(), Errno> {
        let vfs = &self.inner.vfs;
        let (at, via) = Walk::from_root(vfs, &label.path).await?;
        vfs.mount(Some((&at, &via)), filesystem, label).await
    }

    /// Shows a directory in place of another one, both given by their paths from the root.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EBUSY if something is mounted there.
    pub async fn bind(
        &self,
        source: &[u8],
        path: &[u8],
        writability: Writability,
    ) -> Result<(), Errno> {
        let vfs = &self.inner.vfs;
        let (root, from) = Walk::from_root(vfs, source).await?;
        let (at, via) = Walk::from_root(vfs, path).await?;
        let label = Label { kind: b"bind"[..].into(), path: path.into(), writability };
        vfs.bind((&root, &from), (&at, &via), label)
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

    /// What is mounted behind the root, see `message`.
    fn mounts(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for label in self.inner.vfs.labels() {
            for field in [&label.kind, message::word(label.writability), &label.path] {
                text.extend_from_slice(field);
                text.push(0);
            }
        }
        text
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

    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        match Message::parse(message, sender.rights)? {
            Message::Usage => Ok(self.usage().to_string().into_bytes()),
            Message::Mounts => Ok(self.mounts()),
            Message::Unmount { path } => self.unmount(path).await.map(|()| Vec::new()),
            Message::Bind { source, writability, path } => {
                self.bind(source, path, writability).await.map(|()| Vec::new())
            }
            // It comes with what is to be mounted.
            Message::Mount(_) => Err(Errno::EINVAL),
        }
    }

    async fn handle_message_with(
        &self,
        sender: Sender,
        message: &[u8],
        descriptor: Descriptor,
    ) -> Result<Vec<u8>, Errno> {
        let Message::Mount(Mounting { kind, writability, path }) =
            Message::parse(message, sender.rights)?
        else {
            return Err(Errno::EINVAL);
        };
        let filesystems = self.filesystems.as_ref().ok_or(Errno::ENODEV)?;
        let filesystem = filesystems.open(kind, &descriptor).await?;
        let label = Label { kind: kind.into(), path: path.into(), writability };
        self.mount_labelled(filesystem, label).await.map(|()| Vec::new())
    }

    async fn settled(&self) {
        if let Some(filesystems) = &self.filesystems {
            let _none = filesystems.settled().await;
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
        let vfs = &self.inner.vfs;
        let (root, seed) = (vfs.root()?, self.seed);
        let (session, handle) = Session::new(info, root, &vfs.locks, &vfs.watches, seed)?;
        Ok((Rc::new(session), handle))
    }

    fn close_session(&self, session: &Rc<Session>) {
        session.close_all();
    }

    fn set_credential(
        &self,
        session: &Rc<Session>,
        index: u16,
        credentials: Credentials,
    ) -> Result<(), Errno> {
        session.set_principal(index, credentials)
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
        if let Err(error) = session.check_principal(sqe.credential) {
            return error.into();
        }
        if let Some(done) = self.inner.now(session, &request) {
            return Answer::Now(done.into());
        }
        if let Request::Watch { handle, events, slots } = request {
            return match self.inner.watch(session, handle, events, slots) {
                Ok(reports) => Answer::Many(Box::new(reports)),
                Err(error) => error.into(),
            };
        }
        // Whom it acts as is decided now, whatever the index may stand for later.
        let who = match session.principal(sqe.credential) {
            Ok(who) => who,
            Err(error) => return error.into(),
        };
        let job = Job { inner: Rc::clone(&self.inner), session: Rc::clone(session), request, who };
        match self.tasks.start(job) {
            Started::Done(done) => Answer::Now(done),
            Started::Waiting(task) => Answer::Later(task),
        }
    }
}
