//! A logger, and two services that log what they are told to: as threads of one process.

use capability::Rights;
use control::client::{ClientMachine, Connection};
use control::platform::{Channel, Machine, Unconfined, Unit};
use control::runtime::serve;
use control::service::{Broker, Sender, Service};
use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::log::Level;
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{HandleTable, SessionInfo};
use init::{Init, InitMachine, Policy};
use logger::{LoggerConfig, LoggerService, Page, SourceCounts, SourcesPage};
use platform::local::{Platform, Role, Roles, poller};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Instant;

const ADDRESS: &str = "logging";
/// Records that `flood` asks for.
pub(crate) const FLOOD: u64 = 3_000_000;
/// Records between two looks of the runtime.
const AT_ONCE: u64 = 500;

/// Logs what it is told to.
struct Talker {
    broker: Rc<dyn Broker>,
}

impl DataService for Talker {
    type Session = ();
    type Held = ();

    fn open_session(&self, _: &SessionInfo) -> Result<(Rc<()>, Handle), Errno> {
        Ok((Rc::new(()), HandleTable::new(1).insert(())?))
    }

    fn close_session(&self, _: &Rc<()>) {}

    fn supports(&self, opcode: Opcode) -> bool {
        opcode == Opcode::Fsync
    }

    /// A request makes one record.
    fn request(self: &Rc<Self>, _: &Rc<()>, _: &Sqe) -> Answer<()> {
        self.broker.log(Level::Information, &"a request", &[("kind", "quiet")]);
        Ok::<_, Errno>(Completion::new(Status::count(0))).into()
    }
}

impl Service for Talker {
    fn name(&self) -> &'static str {
        "talker"
    }

    async fn start(&self) -> Result<(), Errno> {
        Ok(())
    }

    /// `flood`: logs without end, and lets the runtime look in between.
    async fn handle_message(&self, _: Sender, _: &[u8]) -> Result<Vec<u8>, Errno> {
        let begun = Instant::now();
        for number in 0..FLOOD {
            self.broker.log(Level::Warning, &"a flood", &[]);
            if number % AT_ONCE == 0 {
                let mut looked = false;
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut looked, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
        }
        Ok(format!("{}", begun.elapsed().as_nanos()).into_bytes())
    }

    async fn stop(&self) {}
}

fn machine(platform: &Platform) -> Machine {
    Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    }
}

fn roles(platform: &Platform) -> Roles {
    let on = machine(platform);
    let talker: Role = Arc::new(move |channel: Arc<dyn Channel>| {
        let Ok(poller) = poller() else { return 1 };
        let served = serve(channel, on.clone(), poller, |_, broker| Talker { broker });
        i32::from(served.is_err())
    });
    let on = machine(platform);
    let logger: Role = Arc::new(move |channel: Arc<dyn Channel>| {
        let Ok(poller) = poller() else { return 1 };
        let config = LoggerConfig::default();
        let make = |machine, _| LoggerService::new(config, machine, None);
        i32::from(serve(channel, on.clone(), poller, make).is_err())
    });
    Roles::from([
        ("logger".to_owned(), logger),
        ("noisy".to_owned(), Arc::clone(&talker)),
        ("quiet".to_owned(), talker),
    ])
}

pub(crate) fn start(platform: &Platform) -> JoinHandle<()> {
    let listener = platform.listen(ADDRESS).unwrap();
    let (ready, started) = mpsc::channel();
    let on = platform.clone();
    let init = thread::spawn(move || {
        let machine = InitMachine {
            configuration: None,
            waiting: on.waiting(),
            memory: on.memory(),
            doorbells: on.doorbells(),
            spawning: Box::new(on.spawning(roles(&on))),
            poller: poller().unwrap(),
            listener,
            lifeline: None,
            pairing: Arc::new(on.clone()),
            random: Arc::new(platform::Entropy),
            pid: std::process::id(),
            keeper: None,
        };
        let to_log = vec![("logger".to_owned(), Rights::CONNECT | Rights::WRITE)];
        let talker = |name| Unit { capabilities: to_log.clone(), ..Unit::new(name) };
        let units = vec![Unit::new("logger"), talker("noisy"), talker("quiet")];
        let policy = Policy::new(rustix::process::getuid().as_raw());
        let mut init = Init::new(machine, units, policy).unwrap();
        init.start().unwrap();
        ready.send(()).unwrap();
        init.run();
    });
    started.recv().unwrap();
    init
}

pub(crate) fn connect(platform: &Platform) -> Connection {
    let memory = platform.memory();
    let machine = ClientMachine {
        waiting: platform.waiting(),
        doorbells: platform.doorbells(),
        fork_guard: memory.fork_guard().unwrap(),
        memory,
    };
    Connection::new(platform.connect(ADDRESS).unwrap(), machine).unwrap()
}

/// Received, kept, dropped and limited records of each source.
pub(crate) fn counts(connection: &Connection) -> BTreeMap<String, [u64; 4]> {
    let page = SourcesPage::parse(&connection.tell("logger", b"sources").unwrap()).unwrap();
    assert!(page.is_last, "there are not many");
    let one = |it: SourceCounts| (it.source, [it.received, it.kept, it.dropped, it.limited]);
    page.sources.into_iter().map(one).collect()
}

/// How many records of a source can be read.
pub(crate) fn readable(connection: &Connection, source: &str) -> u64 {
    let (mut cursor, mut count) = (0, 0);
    loop {
        let ask = format!("read {cursor} trace {source}");
        let page = Page::parse(&connection.tell("logger", ask.as_bytes()).unwrap()).unwrap();
        count += page.entries.len() as u64;
        if page.is_last {
            return count;
        }
        cursor = page.next;
    }
}
