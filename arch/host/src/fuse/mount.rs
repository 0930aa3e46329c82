//! Mounting: from a session to a mount point, and back.

use super::frontend::Frontend;
use super::locks::Locks;
use super::nodes::Nodes;
use super::place::MountNumber;
use super::principals::Principals;
use super::requests::Client;
use super::waits;
use control::client::{Connection, SessionOptions};
use dataplane::WaitMode;
use dataplane::client::{ClientError, Queue};
use dataplane::file::OpenFlags;
use dataplane::platform::Instant;
use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use rustix::mount::UnmountFlags;
use std::io;
use std::path::Path;
use std::process::Command;

/// Arena of each queue: a read and a write of the largest size at a time.
const ARENA_BYTES_EACH: u64 = 4 << 20;

/// How to mount.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that answer, each with a queue of its own; 1 to 14.
    pub threads: u16,
    /// Whether users other than the one who mounts may use it; their permissions are checked.
    pub others: bool,
}

/// What /proc/mounts shows as mounted: this, and the system's address.
pub(super) const SOURCE: &str = "veridian:";

/// A mount.
pub struct Mounted {
    session: BackgroundSession,
    number: MountNumber,
    /// A queue that nothing is asked through: it tells whether the session is over.
    watch: Queue,
    // Ends when the mount does, where the front end does not hold it.
    _session: Option<control::client::Session>,
}

impl Mounted {
    /// Whether it was unmounted, by whomever.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.session.guard.is_finished()
    }

    /// Whether the service no longer answers: the session, or the whole system, has ended.
    pub fn is_deserted(&mut self) -> bool {
        let looked = self.watch.wait(Some(Instant(0)));
        !matches!(looked, Err(ClientError::TimedOut | ClientError::Interrupted))
    }

    /// Takes the mount out of the tree, wherever it is by now. Programs that are in it keep it
    /// until they have left; they get errors once this process has ended.
    ///
    /// # Errors
    /// Of the kernel, or of fusermount3.
    pub fn detach(self) -> io::Result<()> {
        let done = self.number.unmount(|certain, point| {
            match rustix::mount::unmount(certain, UnmountFlags::DETACH) {
                // It looks for itself that the mount is this user's.
                Err(rustix::io::Errno::PERM) => by_fusermount(point, true),
                done => done.map_err(Into::into),
            }
        });
        // Dropped, the session would wait for whoever is still in there.
        std::mem::forget(self.session);
        done
    }
}

/// Unmounts what is mounted at a point; directly where that is allowed, else by fusermount3.
///
/// # Errors
/// Of the kernel, or of fusermount3.
pub fn unmount(point: &Path, flags: UnmountFlags) -> io::Result<()> {
    match rustix::mount::unmount(point, flags) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::PERM) => by_fusermount(point, flags.contains(UnmountFlags::DETACH)),
        Err(error) => Err(error.into()),
    }
}

fn by_fusermount(point: &Path, detach: bool) -> io::Result<()> {
    let mut command = Command::new("fusermount3");
    command.arg("-u").args(detach.then_some("-z")).arg("--").arg(point);
    let status = command.status().map_err(|error| {
        io::Error::new(error.kind(), format!("fusermount3, of the package fuse3: {error}"))
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("fusermount3 could not unmount it"))
    }
}

/// Mounts the vfs of a system that is reached at an address.
///
/// # Errors
/// The system refuses the session, or the kernel the mount.
pub fn mount(
    connection: &Connection,
    address: &str,
    point: &Path,
    options: Options,
) -> io::Result<Mounted> {
    let threads = options.threads.clamp(1, 14);
    let queues = threads + 2;
    let wish = SessionOptions {
        queues,
        arena_bytes: ARENA_BYTES_EACH * u64::from(queues),
        sq_entries: 64,
        cq_entries: waits::SLOTS,
        waiting: WaitMode::Adaptive,
    };
    let mut session = connection.connect("vfs", wish).map_err(io::Error::other)?;
    let mut queues: Vec<_> = std::iter::from_fn(|| session.take_queue()).collect();
    let mut last = || queues.pop().ok_or_else(|| io::Error::other("no queue"));
    let (watch, locks) = (last()?, Locks::new(last()?)?);
    let root = session.root();
    let nodes = {
        let queue = queues.first_mut().ok_or_else(|| io::Error::other("no queue"))?;
        let handle = queue
            .open(root, b".", OpenFlags::PATH, 0)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let status =
            queue.stat_link(handle, b"").map_err(|error| io::Error::other(format!("{error:?}")))?;
        Nodes::new(handle, &status)
    };
    // Who gets in alone is the session's own principal.
    let (principals, kept) =
        if options.others { (Some(Principals::new(session)), None) } else { (None, Some(session)) };
    let frontend = Frontend(Client::new(queues, nodes, locks, principals));
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(format!("{SOURCE}{address}")),
        MountOption::Subtype("veridian".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::NoDev,
    ];
    config.acl = if options.others { SessionACL::All } else { SessionACL::Owner };
    config.n_threads = Some(usize::from(threads));
    config.clone_fd = true;
    let fuse = Session::new(frontend, point, &config)?;
    let number = MountNumber::at(point)?;
    Ok(Mounted { session: fuse.spawn()?, number, watch, _session: kept })
}
