//! A system whose vfs does not do what revocation asks of it: what init tells it passes through a
//! channel that leaves out or falsifies some.

use control::client::{ClientMachine, Connection};
use control::message::{Header, Message, ServiceCommand, ServiceMessage};
use control::platform::{Channel, ChannelError, Machine, Packet, Pairing, Peer, Unconfined, Unit};
use control::runtime::serve;
use dataplane::entry::Errno;
use dataplane::filesystem::{Answer, FileSystem, FileSystems, Reply};
use dataplane::platform::{Access, Memory, MemoryError, NewRegion, Writer};
use dataplane::{Descriptor, Region, Word};
use init::{Init, InitMachine, Policy};
use platform::local::{Platform, Role, Roles, poller};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use vfs::{VfsConfig, VfsService};

const ADDRESS: &str = "faulty";

/// What the service does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It acknowledges a revocation, and serves the session as before.
    KeepsServing,
    /// It does not hear of revocations.
    IsDeaf,
    /// It does not hear of clients' messages.
    AnswersNobody,
    /// None: but what was begun for requests goes on until the gate is opened.
    HasLeftovers,
}

/// A system of such a vfs alone; it ends when this is dropped.
pub(crate) struct FaultySystem {
    platform: Platform,
    /// What the service was told and has not heard.
    pub(crate) unheard: Arc<AtomicU64>,
    /// Lets what was begun end.
    pub(crate) gate: Arc<AtomicBool>,
    lifeline: Option<Arc<dyn Channel>>,
    init: Option<JoinHandle<()>>,
}

impl FaultySystem {
    pub(crate) fn start(fault: Fault) -> Self {
        let platform = Platform::new();
        let unheard = Arc::new(AtomicU64::new(0));
        let gate = Arc::new(AtomicBool::new(fault != Fault::HasLeftovers));
        let role = role(&platform, fault, (&unheard, &gate));
        let roles = Roles::from([("vfs".to_owned(), role)]);
        let listener = platform.listen(ADDRESS).unwrap();
        let (lifeline, theirs) = platform.pair().unwrap();
        let (ready, started) = mpsc::channel();
        let on = platform.clone();
        let init = thread::spawn(move || {
            let machine = InitMachine {
                waiting: on.waiting(),
                memory: Arc::new(Keeping(on.memory())),
                doorbells: on.doorbells(),
                spawning: Box::new(on.spawning(roles)),
                poller: poller().unwrap(),
                listener,
                lifeline: Some(theirs),
                pairing: Arc::new(on.clone()),
                random: Arc::new(platform::Entropy),
                pid: std::process::id(),
                keeper: None,
                configuration: None,
            };
            let policy = Policy::new(rustix::process::getuid().as_raw());
            let mut init = Init::new(machine, vec![Unit::new("vfs")], policy).unwrap();
            init.start().unwrap();
            ready.send(()).unwrap();
            init.run();
        });
        started.recv().unwrap();
        Self { platform, unheard, gate, lifeline: Some(lifeline), init: Some(init) }
    }

    /// A channel to init, of a client that has not said anything.
    pub(crate) fn channel(&self) -> Arc<dyn Channel> {
        self.platform.connect(ADDRESS).unwrap()
    }

    pub(crate) fn connect(&self) -> Connection {
        let memory = self.platform.memory();
        let machine = ClientMachine {
            waiting: self.platform.waiting(),
            doorbells: self.platform.doorbells(),
            fork_guard: memory.fork_guard().unwrap(),
            memory,
        };
        Connection::new(self.channel(), machine).unwrap()
    }
}

impl Drop for FaultySystem {
    fn drop(&mut self) {
        self.lifeline = None;
        if let Some(init) = self.init.take() {
            let _ = init.join();
        }
    }
}

fn role(
    platform: &Platform,
    fault: Fault,
    (unheard, gate): (&Arc<AtomicU64>, &Arc<AtomicBool>),
) -> Role {
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    };
    let (unheard, gate) = (Arc::clone(unheard), Arc::clone(gate));
    Arc::new(move |channel: Arc<dyn Channel>| {
        let channel = Arc::new(Falsified { channel, fault, unheard: Arc::clone(&unheard) });
        let served = serve(channel, machine.clone(), poller().unwrap(), |machine, broker| {
            let filesystems = Rc::new(Gated(Arc::clone(&gate)));
            VfsService::new(VfsConfig::new(64 << 20, 1), machine, broker)
                .with_filesystems(filesystems)
        });
        i32::from(served.is_err())
    })
}

/// No file systems; what they have begun goes on until the gate is opened.
struct Gated(Arc<AtomicBool>);

impl FileSystems for Gated {
    fn open(&self, _: &[u8], _: &Descriptor) -> Answer<Box<dyn FileSystem>> {
        Reply::Now(Err(Errno::ENODEV))
    }

    fn settled(&self) -> Answer<()> {
        let gate = Arc::clone(&self.0);
        Reply::Later(Box::pin(std::future::poll_fn(move |context| {
            if gate.load(Ordering::Acquire) {
                return Poll::Ready(Ok(()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })))
    }
}

/// Memory of which nothing is given back: what a service does with a session that init has let go of
/// is then seen, and not only that its rings are empty.
struct Keeping(Arc<dyn Memory>);

impl Memory for Keeping {
    fn create(&self, bytes: u64, writer: Writer) -> Result<NewRegion, MemoryError> {
        self.0.create(bytes, writer)
    }

    fn map(&self, region: &Descriptor, access: Access) -> Result<Region, MemoryError> {
        self.0.map(region, access)
    }

    fn prefault(&self, region: &Region, offset: usize, len: usize) {
        self.0.prefault(region, offset, len);
    }

    fn commit(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        self.0.commit(region, offset, len)
    }

    fn punch(&self, _: &Descriptor, _: u64, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Denied)
    }

    fn seal(&self, region: &Descriptor) -> Result<(), MemoryError> {
        self.0.seal(region)
    }

    fn fork_guard(&self) -> Result<Word, MemoryError> {
        self.0.fork_guard()
    }
}

/// A service's channel to init.
struct Falsified {
    channel: Arc<dyn Channel>,
    fault: Fault,
    unheard: Arc<AtomicU64>,
}

impl Falsified {
    /// Whether the service is not to hear of this.
    fn keeps_from_it(&self, packet: &Packet) -> bool {
        let (header, command) = ServiceCommand::decode(&packet.bytes).unwrap();
        match (self.fault, command) {
            (Fault::KeepsServing, ServiceCommand::RevokeSession(_)) => {
                let bytes = ServiceMessage::Done.encode(Header::new(header.request));
                self.channel.send(&Packet { bytes, descriptors: Vec::new() }).unwrap();
                true
            }
            (Fault::IsDeaf, ServiceCommand::RevokeSession(_))
            | (Fault::AnswersNobody, ServiceCommand::Tell(_)) => true,
            _ => false,
        }
    }
}

impl Channel for Falsified {
    fn send(&self, packet: &Packet) -> Result<(), ChannelError> {
        self.channel.send(packet)
    }

    fn receive(&self) -> Result<Option<Packet>, ChannelError> {
        loop {
            match self.channel.receive()? {
                Some(packet) if self.keeps_from_it(&packet) => {
                    self.unheard.fetch_add(1, Ordering::Release);
                }
                other => return Ok(other),
            }
        }
    }

    fn peek(&self) -> Result<Option<Packet>, ChannelError> {
        self.channel.peek()
    }

    fn discard(&self) {
        self.channel.discard();
    }

    fn receive_within(&self, timeout_ns: Option<u64>) -> Result<Packet, ChannelError> {
        self.channel.receive_within(timeout_ns)
    }

    fn is_connected(&self) -> bool {
        self.channel.is_connected()
    }

    fn peer(&self) -> Peer {
        self.channel.peer()
    }

    fn source(&self) -> Descriptor {
        self.channel.source()
    }
}
