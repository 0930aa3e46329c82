//! The system that our contenders talk to: attached to, not started, by its address.

use std::cell::OnceCell;
use std::ffi::CString;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow, ensure};
use control::client::{ClientMachine, Connection, Session, SessionOptions};
use dataplane::WaitMode;
use dataplane::client::Queue;
use dataplane::entry::Handle;
use dataplane::file::OpenFlags;
use platform::linux::Platform;
use rustix::process::Pid;
use rustix::thread::CpuSet;

use crate::c_client::CSession;
use crate::contender::Mode;
use crate::env::only;
use crate::fixtures::{Once, made, tree_paths, write_pages};
use crate::names::names;
use crate::threads::Threads;

/// The service that answers.
const SERVICE: &str = "vfs";

/// Sessions that are open and idle while ours is measured.
const OTHER_SESSIONS: usize = 4;

/// What an idle session has: as little as can be.
const IDLE: SessionOptions = SessionOptions {
    queues: 1,
    sq_entries: 8,
    cq_entries: 16,
    arena_bytes: 64 << 10,
    waiting: WaitMode::Adaptive,
};

const ANSWER_WITHIN_NS: u64 = 5_000_000_000;

/// A connection to a running system, with idle sessions beside ours.
pub struct System {
    address: CString,
    connection: Connection,
    service: Pid,
    _others: Vec<(Session, Queue)>,
    tree: Once<()>,
    page_file: Once<()>,
    names: Once<()>,
}

impl System {
    /// Connects to the system at `address`, `@name` or a path.
    ///
    /// # Errors
    /// When nobody answers there, or not as a system with a vfs.
    pub fn attach(address: &str) -> Result<Self> {
        Self::attach_beside(address, OTHER_SESSIONS)
    }

    /// The same, with so many idle sessions.
    ///
    /// # Errors
    /// When nobody answers there, not as a system with a vfs, or not so many sessions are allowed.
    pub fn attach_beside(address: &str, others: usize) -> Result<Self> {
        let c_address = CString::new(address).context("an address has no byte 0")?;
        let platform = Platform::new();
        let channel = platform
            .connect(address, ANSWER_WITHIN_NS)
            .map_err(|error| anyhow!("no system answers at {address}: {error:?}"))?;
        let memory = platform.memory();
        let fork_guard =
            memory.fork_guard().map_err(|error| anyhow!("no memory for a client: {error:?}"))?;
        let machine = ClientMachine {
            waiting: platform.waiting(),
            memory,
            doorbells: platform.doorbells(),
            fork_guard,
        };
        let connection = Connection::new(channel, machine)?;
        let services = connection.status()?;
        let service = services.services.iter().find(|service| service.name.as_str() == SERVICE);
        let service = service.and_then(|service| i32::try_from(service.pid).ok());
        let service = service.and_then(Pid::from_raw).context("the system has no vfs process")?;
        let others = (0..others).map(|_| open(&connection, IDLE));
        let others = others.collect::<Result<_>>()?;
        let [tree, page_file, names] = [const { OnceCell::new() }; 3];
        let address = c_address;
        Ok(Self { address, connection, service, _others: others, tree, page_file, names })
    }

    /// Where it is reached.
    ///
    /// # Errors
    /// When it is not text.
    pub fn address(&self) -> Result<&str> {
        self.address.to_str().context("the address of the system is not text")
    }

    /// The service's process.
    #[must_use]
    pub fn service(&self) -> Pid {
        self.service
    }

    /// What the service has in memory, one `name=value` a line.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn usage(&self) -> Result<String> {
        Ok(String::from_utf8(self.connection.tell(SERVICE, b"usage")?)?)
    }

    /// A new session whose service runs on processor `cpu`. Polling is the default policy, which
    /// adapts: a service told to poll for ever would not leave the others their processor.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn client(&self, cpu: usize, mode: Mode) -> Result<Client> {
        let service = self.service_on(&only(cpu))?;
        let waiting = match mode {
            Mode::Polling => WaitMode::Adaptive,
            Mode::Sleeping => WaitMode::Sleeping,
        };
        let (session, queue) = session(&self.connection, waiting)?;
        let root = session.root();
        Ok(Client { service, root, queue, _session: session })
    }

    /// The service's threads, moved to these processors.
    ///
    /// # Errors
    /// When the service is gone, or the kernel does not let it.
    pub fn service_on(&self, cpus: &CpuSet) -> Result<Threads> {
        Threads::moved_to(self.service, cpus)
    }

    /// A new session through the C interface. Who wants the service on a processor of its own asks
    /// for a [`System::client`] too.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn c_session(&self, mode: Mode) -> Result<CSession> {
        CSession::connect(&self.address, mode)
    }

    /// Makes the tree of [`tree_paths`] in the system, unless it has been made.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make_tree(&self, client: &mut Client) -> Result<()> {
        made(&self.tree, || {
            let mut last_directory = String::new();
            for path in tree_paths() {
                let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
                if directory != last_directory {
                    client.make_directories(directory)?;
                    directory.clone_into(&mut last_directory);
                }
                let handle =
                    client.queue.open(client.root, path.as_bytes(), OpenFlags::CREATE, 0o644)?;
                client.queue.close(handle)?;
            }
            Ok(())
        })
        .copied()
    }

    /// Opens a directory in the system with the files of [`names`], empty; they are made the first
    /// time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open_names(&self, client: &mut Client) -> Result<Handle> {
        // Of a system that stays, the next run finds nothing in its way.
        let path = format!("names-{}", std::process::id());
        made(&self.names, || {
            client.make_directories(&path)?;
            let directory = client.queue.open(client.root, path.as_bytes(), OpenFlags::PATH, 0)?;
            for name in names() {
                let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
                let file = client.queue.open(directory, name.to_bytes(), flags, 0o644)?;
                client.queue.close(file)?;
            }
            Ok(client.queue.close(directory)?)
        })?;
        Ok(client.queue.open(client.root, path.as_bytes(), OpenFlags::empty(), 0)?)
    }

    /// Opens the page file in the system; it is written the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open_pages(&self, client: &mut Client) -> Result<Handle> {
        const PATH: &[u8] = b"pages";
        made(&self.page_file, || {
            let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
            let handle = client.queue.open(client.root, PATH, flags, 0o644)?;
            write_pages(&mut Writer { queue: &mut client.queue, handle, offset: 0 })?;
            Ok(client.queue.close(handle)?)
        })?;
        Ok(client.queue.open(client.root, PATH, OpenFlags::empty(), 0)?)
    }
}

fn session(connection: &Connection, waiting: WaitMode) -> Result<(Session, Queue)> {
    open(connection, SessionOptions { waiting, ..SessionOptions::default() })
}

fn open(connection: &Connection, options: SessionOptions) -> Result<(Session, Queue)> {
    let mut session = connection.connect(SERVICE, options)?;
    let queue = session.take_queue().context("a session without a queue")?;
    Ok((session, queue))
}

/// A session that is measured.
pub struct Client {
    /// The service's threads.
    pub service: Threads,
    /// The handle that paths are relative to.
    pub root: Handle,
    /// The session's only queue.
    pub queue: Queue,
    _session: Session,
}

impl Client {
    fn make_directories(&mut self, path: &str) -> Result<()> {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let part = path.get(..end).unwrap_or(path);
            let made = self.queue.mkdir(self.root, part.as_bytes(), 0o755);
            let there =
                made.is_ok_and(|()| true) || self.queue.stat(self.root, part.as_bytes()).is_ok();
            ensure!(there, "the system does not make the directory {part}");
        }
        Ok(())
    }
}

/// Appends to a file of the system.
struct Writer<'a> {
    queue: &'a mut Queue,
    handle: Handle,
    offset: u64,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written =
            self.queue.write(self.handle, self.offset, bytes).map_err(io::Error::other)?;
        self.offset += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
