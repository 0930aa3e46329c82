//! Services that crash, hang, and need each other, under an init of their own: threads of this
//! process, so that each can be made to fail at will. Processes are in `scenarios/death.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use control::client::{ClientMachine, Connection, SessionOptions};
use control::message::{ServiceAction, ServiceState, ServiceStatus};
use control::platform::{Channel, Machine, Unconfined, Unit};
use control::runtime::serve;
use control::service::{Sender, Service};
use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{HandleTable, SessionInfo};
use init::{Init, InitMachine, Outcome, Policy, StartReport};
use platform::local::{Platform, Role, Roles, poller};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest wait for anything that must come.
const WITHIN: Duration = Duration::from_secs(60);
const ADDRESS: &str = "supervised";

/// Answers every request; told to, it panics or hangs.
struct Fragile {
    channel: Arc<dyn Channel>,
}

impl DataService for Fragile {
    type Session = ();
    type Held = ();

    fn open_session(&self, _: &SessionInfo) -> Result<(Rc<()>, Handle), Errno> {
        Ok((Rc::new(()), HandleTable::new(1).insert(())?))
    }

    fn close_session(&self, _: &Rc<()>) {}

    fn supports(&self, opcode: Opcode) -> bool {
        opcode == Opcode::Fsync
    }

    fn request(self: &Rc<Self>, _: &Rc<()>, _: &Sqe) -> Answer<()> {
        Ok::<_, Errno>(Completion::new(Status::count(0))).into()
    }
}

impl Service for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    async fn start(&self) -> Result<(), Errno> {
        Ok(())
    }

    async fn handle_message(&self, _: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        match message {
            b"panic" => panic!("as it was told"),
            // Until init has had enough of it.
            b"hang" => {
                while self.channel.is_connected() {
                    thread::yield_now();
                }
                Err(Errno::EIO)
            }
            _ => Ok(message.to_vec()),
        }
    }

    async fn stop(&self) {}
}

fn fragile(platform: &Platform) -> Role {
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    };
    Arc::new(move |channel: Arc<dyn Channel>| {
        let Ok(poller) = poller() else { return 1 };
        let held = Arc::clone(&channel);
        let served = serve(channel, machine.clone(), poller, |_, _| Fragile { channel: held });
        i32::from(served.is_err())
    })
}

/// A system of these units; those named `broken` end at once with exit code 3.
struct Supervised {
    platform: Platform,
    init: JoinHandle<Outcome>,
    report: StartReport,
}

impl Supervised {
    fn start(units: Vec<Unit>) -> Self {
        let platform = Platform::new();
        let role = |unit: &Unit| {
            let broken: Role = Arc::new(|_| 3);
            let role = if unit.name == "broken" { broken } else { fragile(&platform) };
            (unit.name.clone(), role)
        };
        let roles: Roles = units.iter().map(role).collect();
        let listener = platform.listen(ADDRESS).unwrap();
        let (ready, started) = mpsc::channel();
        let on = platform.clone();
        let init = thread::spawn(move || {
            let machine = InitMachine {
                configuration: None,
                waiting: on.waiting(),
                memory: on.memory(),
                doorbells: on.doorbells(),
                spawning: Box::new(on.spawning(roles)),
                poller: poller().unwrap(),
                listener,
                lifeline: None,
                pairing: Arc::new(on.clone()),
                random: Arc::new(platform::Entropy),
                pid: std::process::id(),
                keeper: None,
            };
            let policy = Policy::new(rustix::process::getuid().as_raw());
            let mut init = Init::new(machine, units, policy).unwrap();
            ready.send(init.start().unwrap()).unwrap();
            init.run()
        });
        let report = started.recv().unwrap();
        Self { platform, init, report }
    }

    fn connect(&self) -> Connection {
        let memory = self.platform.memory();
        let machine = ClientMachine {
            waiting: self.platform.waiting(),
            doorbells: self.platform.doorbells(),
            fork_guard: memory.fork_guard().unwrap(),
            memory,
        };
        Connection::new(self.platform.connect(ADDRESS).unwrap(), machine).unwrap()
    }

    fn stop(self, connection: &Connection) -> Outcome {
        connection.shutdown().unwrap();
        self.init.join().unwrap()
    }
}

fn status(connection: &Connection, name: &str) -> ServiceStatus {
    let report = connection.status().unwrap();
    *report.services.iter().find(|service| service.name.as_str() == name).unwrap()
}

/// Looks until the service is like that.
fn await_status(
    connection: &Connection,
    name: &str,
    mut is_right: impl FnMut(&ServiceStatus) -> bool,
) -> ServiceStatus {
    let deadline = Instant::now() + WITHIN;
    loop {
        let status = status(connection, name);
        if is_right(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "not in time: {status:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn needing(name: &str, needs: &str) -> Unit {
    Unit { needs: vec![needs.to_owned()], ..Unit::new(name) }
}

/// The delays grow, then it is left alone, and nobody else minds; an operator can try again.
#[test]
fn who_crashes_at_start_waits_longer_each_time_and_is_quarantined() {
    let system = Supervised::start(vec![Unit::new("broken"), Unit::new("fine")]);
    let connection = system.connect();
    let mut delays = Vec::new();
    let last = await_status(&connection, "broken", |status| {
        if status.failures as usize > delays.len() {
            delays.push(status.retry_ns);
        }
        status.state == ServiceState::Quarantined
    });
    let doubling = [100_000_000, 200_000_000, 400_000_000, 800_000_000, 1_600_000_000];
    // Seen a moment later, so less is left; a look may also come too late for a short one.
    for (seen, set) in delays.iter().zip(doubling) {
        assert!(*seen <= set, "{delays:?}");
    }
    assert!(delays.get(4).is_some_and(|seen| *seen > doubling[3]), "it grows: {delays:?}");
    assert_eq!((last.failures, last.restarts, last.last_end), (6, 5, 3));
    let refused = connection.connect("broken", SessionOptions::default()).map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("quarantined"));
    assert_eq!(status(&connection, "fine").restarts, 0, "others are untouched");

    connection.control("broken", ServiceAction::Start).unwrap();
    let again = await_status(&connection, "broken", |status| status.epoch > last.epoch);
    assert!(again.failures <= 1, "the past is forgotten: {again:?}");
    connection.control("broken", ServiceAction::Stop).unwrap();
    await_status(&connection, "broken", |status| status.state == ServiceState::Stopped);
    assert_eq!(system.stop(&connection), Outcome::Stopped);
}

/// It is back at once, and its successor serves; sessions with the dead one are over.
#[test]
fn who_had_worked_is_back_at_once() {
    let system = Supervised::start(vec![Unit::new("worker")]);
    let connection = system.connect();
    for round in 1..=5 {
        let mut session = connection.connect("worker", SessionOptions::default()).unwrap();
        let (root, mut queue) = (session.root(), session.take_queue().unwrap());
        let sync = Sqe::new(Opcode::Fsync, root);
        assert_eq!(queue.call(sync).unwrap().status, Status::count(0));
        assert!(connection.tell("worker", b"panic").is_err(), "it dies over this");
        assert!(queue.call(sync).is_err(), "nobody serves the old session");
        let back = await_status(&connection, "worker", |s| s.state == ServiceState::Ready);
        assert_eq!((back.restarts, back.epoch), (round, round + 1));
        assert_eq!(back.failures, 0, "it had worked");
    }
    system.stop(&connection);
}

/// What it needs is away for a moment: requests wait and are answered then.
#[test]
fn dependants_pause_and_go_on() {
    let system = Supervised::start(vec![needing("upper", "lower"), Unit::new("lower")]);
    let [upper, lower] = &*system.report.services else { panic!("two services") };
    assert_eq!((upper.waited_for, lower.waited_for), (2, 0));
    assert!(upper.spawned_ns >= lower.ready_ns);
    let connection = system.connect();
    let mut session = connection.connect("upper", SessionOptions::default()).unwrap();
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    let before = status(&connection, "upper");
    // It has done nothing, so it comes back after a delay only, in which upper can be looked at.
    assert!(connection.tell("lower", b"panic").is_err());
    assert_eq!(status(&connection, "upper").state, ServiceState::Paused);
    let ticket = queue.submit(Sqe::new(Opcode::Fsync, root)).unwrap();
    assert_eq!(status(&connection, "lower").state, ServiceState::Restarting);
    assert_eq!(queue.wait_for(ticket).unwrap().status, Status::count(0));
    let after = status(&connection, "upper");
    assert_eq!((after.state, after.pid), (ServiceState::Ready, before.pid), "the same one");
    assert_eq!(status(&connection, "lower").restarts, 1, "it was back before the answer came");
    system.stop(&connection);
}

/// No sign of life for as long as the unit allows: ended, said so, started again.
#[test]
fn who_hangs_is_started_again() {
    let hasty = Unit { heartbeat_ns: 200_000_000, ..Unit::new("worker") };
    let system = Supervised::start(vec![hasty]);
    let connection = system.connect();
    assert_eq!(connection.tell("worker", b"hello"), Ok(b"hello".to_vec()));
    assert_eq!(connection.last_words("worker"), Ok(Vec::new()));
    assert!(connection.tell("worker", b"hang").is_err(), "it never answers");
    let back = await_status(&connection, "worker", |s| s.state == ServiceState::Ready);
    assert_eq!((back.restarts, back.failures), (1, 0));
    let words = String::from_utf8(connection.last_words("worker").unwrap()).unwrap();
    assert!(words.contains("no sign of life"), "{words}");
    assert!(words.contains("did not say where"), "threads cannot: {words}");
    system.stop(&connection);
}

/// Told to, it ends and comes back, or stays away; nobody counts that as a failure.
#[test]
fn operators_stop_and_start() {
    let system = Supervised::start(vec![Unit::new("worker")]);
    let connection = system.connect();
    connection.control("worker", ServiceAction::Restart).unwrap();
    let back = await_status(&connection, "worker", |s| s.epoch == 2 && s.uptime_ns > 0);
    assert_eq!((back.failures, back.last_end), (0, 0));
    let running = connection.control("worker", ServiceAction::Start);
    assert_eq!(running.unwrap_err().errno(), Errno::EALREADY);
    connection.control("worker", ServiceAction::Stop).unwrap();
    await_status(&connection, "worker", |s| s.state == ServiceState::Stopped);
    assert!(connection.tell("worker", b"hello").is_err());
    connection.control("worker", ServiceAction::Start).unwrap();
    await_status(&connection, "worker", |s| s.state == ServiceState::Ready);
    connection.reboot().unwrap();
    assert_eq!(system.init.join().unwrap(), Outcome::Reboot);
}
