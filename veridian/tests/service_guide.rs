//! The example of docs/service-guide.md: a service that counts, started by init and called by a
//! client, in threads of this process.
//!
//! The last test holds that every Rust block of the guide is in this file, word for word.

use capability::Rights;
use control::client::{ClientMachine, Connection, SessionOptions};
use control::platform::{Channel, Listener, Machine, Pairing, Unconfined, Unit};
use control::runtime::serve;
use control::service::{Sender, Service};
use dataplane::client::ClientError;
use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::file::Request;
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{Arena, HandleTable, SessionInfo, SessionRights};
use init::{Init, InitMachine, Policy};
use platform::local::{Platform, Role, Roles, poller};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

/// A number that all clients share.
#[derive(Default)]
struct Counter {
    value: Cell<u64>,
}

/// What the counter keeps for a session.
struct CounterSession {
    arena: Arena,
    rights: SessionRights,
    handles: HandleTable<()>,
}

impl CounterSession {
    /// Whether the session may do this with what the handle names.
    fn check(&self, handle: Handle, right: SessionRights) -> Result<(), Errno> {
        self.handles.find(handle)?;
        if self.rights.contains(right) { Ok(()) } else { Err(Errno::EPERM) }
    }
}

impl Counter {
    /// Reading at 0 gives the number, writing at 0 adds to it: 8 bytes, little-endian.
    fn answer(&self, session: &CounterSession, sqe: &Sqe) -> Result<Completion<()>, Errno> {
        match Request::parse(sqe)? {
            Request::Read { handle, offset: 0, into } => {
                session.check(handle, SessionRights::READ)?;
                session.arena.write(into, &self.value.get().to_le_bytes())?;
            }
            Request::Write { handle, offset: 0, from } => {
                session.check(handle, SessionRights::WRITE)?;
                let mut amount = [0; 8];
                session.arena.read(from, &mut amount)?;
                self.value.set(self.value.get().wrapping_add(u64::from_le_bytes(amount)));
            }
            Request::Read { .. } | Request::Write { .. } => return Err(Errno::EINVAL),
            _ => return Err(Errno::EOPNOTSUPP),
        }
        Ok(Completion::new(Status::count(8)))
    }
}

impl DataService for Counter {
    type Session = CounterSession;
    type Held = ();

    fn open_session(&self, info: &SessionInfo) -> Result<(Rc<CounterSession>, Handle), Errno> {
        let mut handles = HandleTable::new(1);
        let root = handles.insert(())?;
        let session = CounterSession { arena: info.arena.clone(), rights: info.rights, handles };
        Ok((Rc::new(session), root))
    }

    fn close_session(&self, _: &Rc<CounterSession>) {}

    fn supports(&self, opcode: Opcode) -> bool {
        matches!(opcode, Opcode::Read | Opcode::Write)
    }

    fn request(self: &Rc<Self>, session: &Rc<CounterSession>, sqe: &Sqe) -> Answer<()> {
        self.answer(session, sqe).into()
    }
}

impl Service for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    async fn start(&self) -> Result<(), Errno> {
        Ok(())
    }

    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        match message {
            b"reset" if sender.rights.contains(Rights::WRITE) => {
                Ok(self.value.replace(0).to_string().into_bytes())
            }
            b"reset" => Err(Errno::EPERM),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    async fn stop(&self) {}
}

/// What a thread that is the counter runs; the result is its exit code.
fn counter_role(platform: &Platform) -> Role {
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    };
    Arc::new(move |channel: Arc<dyn Channel>| {
        let Ok(poller) = poller() else { return 1 };
        let served = serve(channel, machine.clone(), poller, |_, _| Counter::default());
        i32::from(served.is_err())
    })
}

const ADDRESS: &str = "guide";

/// Starts init with the counter as its only service; returns when the counter is ready.
fn start(platform: &Platform) -> Option<JoinHandle<()>> {
    let listener = platform.listen(ADDRESS).ok()?;
    let (ready, started) = mpsc::channel();
    let on = platform.clone();
    let init = thread::spawn(move || {
        if let Some(mut init) = counting_init(&on, listener)
            && init.start().is_ok()
            && ready.send(()).is_ok()
        {
            init.run();
        }
    });
    started.recv().ok().map(|()| init)
}

fn counting_init(platform: &Platform, listener: Arc<dyn Listener>) -> Option<Init> {
    let roles = Roles::from([("counter".to_owned(), counter_role(platform))]);
    let machine = InitMachine {
        configuration: None,
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        spawning: Box::new(platform.spawning(roles)),
        poller: poller().ok()?,
        listener,
        lifeline: None,
        pairing: Arc::new(platform.clone()),
        random: Arc::new(platform::Entropy),
        pid: std::process::id(),
        keeper: None,
    };
    let units = vec![Unit::new("counter")];
    Init::new(machine, units, Policy::new(rustix::process::getuid().as_raw())).ok()
}

/// A connection to init. Sessions are opened over it.
fn connect(platform: &Platform) -> Option<Connection> {
    let memory = platform.memory();
    let machine = ClientMachine {
        waiting: platform.waiting(),
        doorbells: platform.doorbells(),
        fork_guard: memory.fork_guard().ok()?,
        memory,
    };
    Connection::new(platform.connect(ADDRESS).ok()?, machine).ok()
}

#[test]
fn clients_count() {
    let platform = Platform::new();
    let init = start(&platform).unwrap();
    let connection = connect(&platform).unwrap();

    let mut session = connection.connect("counter", SessionOptions::default()).unwrap();
    let root = session.root();
    let mut queue = session.take_queue().unwrap();
    let mut value = [0; 8];
    assert_eq!(queue.write(root, 0, &40u64.to_le_bytes()), Ok(8));
    assert_eq!(queue.write(root, 0, &2u64.to_le_bytes()), Ok(8));
    assert_eq!(queue.read(root, 0, &mut value), Ok(8));
    assert_eq!(u64::from_le_bytes(value), 42);

    assert_eq!(connection.tell("counter", b"reset"), Ok(b"42".to_vec()));
    assert_eq!(queue.read(root, 0, &mut value), Ok(8));
    assert_eq!(u64::from_le_bytes(value), 0);

    drop((queue, session));
    connection.shutdown().unwrap();
    init.join().unwrap();
}

#[test]
fn a_client_with_fewer_rights_can_only_look() {
    let platform = Platform::new();
    let init = start(&platform).unwrap();
    let connection = connect(&platform).unwrap();

    let all = connection.capability("counter").unwrap();
    let looking = connection.derive(all, Rights::CONNECT | Rights::READ, 0).unwrap();
    let options = SessionOptions::default();
    let mut session = connection.connect_by(looking, "counter", options).unwrap();
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    assert_eq!(queue.read(root, 0, &mut [0; 8]), Ok(8));
    let refused = queue.write(root, 0, &[1; 8]);
    assert_eq!(refused, Err(ClientError::Service(Errno::EPERM)));

    connection.revoke(looking).unwrap();
    let over = queue.read(root, 0, &mut [0; 8]);
    assert_eq!(over, Err(ClientError::Ended(Errno::EKEYREVOKED)));

    drop((queue, session));
    connection.shutdown().unwrap();
    init.join().unwrap();
}

#[test]
fn what_the_counter_does_not_know_it_refuses() {
    let platform = Platform::new();
    let init = start(&platform).unwrap();
    let connection = connect(&platform).unwrap();

    let mut session = connection.connect("counter", SessionOptions::default()).unwrap();
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    let service = |errno| Err(ClientError::Service(errno));
    assert_eq!(queue.read(root, 8, &mut [0; 8]), service(Errno::EINVAL));
    assert_eq!(queue.write(root, 0, &[1; 9]), service(Errno::EINVAL));
    assert_eq!(queue.read(root, 0, &mut [0; 7]), service(Errno::EFAULT));
    assert_eq!(queue.read(Handle::NONE, 0, &mut [0; 8]), service(Errno::EBADF));
    assert_eq!(queue.truncate(root, 0), Err(ClientError::Service(Errno::EOPNOTSUPP)));
    let told = connection.tell("counter", b"double");
    assert_eq!(told.unwrap_err().errno(), Errno::EOPNOTSUPP);

    drop((queue, session));
    connection.shutdown().unwrap();
    init.join().unwrap();
}

/// Serves a counter of this connection's own under a name, until the connection closes.
fn serve_own(platform: &Platform, connection: &Connection) -> Option<JoinHandle<i32>> {
    let (endpoint, descriptor) = connection.create_endpoint("tally").ok()?;
    let channel = platform.other_half(&descriptor)?;
    let role = counter_role(platform);
    let serving = thread::spawn(move || role(channel));
    connection.register(endpoint).ok()?;
    Some(serving)
}

#[test]
fn a_client_serves_others() {
    let platform = Platform::new();
    let init = start(&platform).unwrap();
    let provider = connect(&platform).unwrap();
    let serving = serve_own(&platform, &provider).unwrap();

    let client = connect(&platform).unwrap();
    let mut session = loop {
        match client.connect("tally", SessionOptions::default()) {
            Ok(session) => break session,
            // It is not ready yet.
            Err(error) => assert_eq!(error.errno(), Errno::ENOTCONN),
        }
    };
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    assert_eq!(queue.write(root, 0, &2u64.to_le_bytes()), Ok(8));
    assert_eq!(client.tell("tally", b"reset"), Ok(b"2".to_vec()));

    drop(provider);
    serving.join().unwrap();
    drop((queue, session));
    client.shutdown().unwrap();
    init.join().unwrap();
}

#[test]
fn the_guide_shows_this_file() {
    let guide = include_str!("../../docs/service-guide.md");
    let here = include_str!("service_guide.rs");
    let fences: Vec<&str> = guide.split("```").skip(1).step_by(2).collect();
    let blocks: Vec<&str> = fences.iter().filter_map(|it| it.strip_prefix("rust\n")).collect();
    assert!(blocks.len() >= 5, "the guide has {} Rust blocks", blocks.len());
    for block in blocks {
        assert!(here.contains(block), "the guide has, and the example has not:\n{block}");
    }
}
