//! The test itself: a system, a victim, and ten repeats of everything that clients can do wrong.

use crate::common::census::{Census, resident_kib};
use crate::common::processes::{self, User};
use crate::common::random::{self, Random};
use crate::common::raw::RawClient;
use crate::entries::PLAYGROUND;
use crate::mortal::STEPS;
use crate::victim::Victim;
use control::client::{Connection, SessionOptions};
use control::message::{ServiceState, ServiceStatus};
use dataplane::client::Queue;
use dataplane::entry::Handle;
use dataplane::file::{FileKind, OpenFlags, UnlinkKind};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};
use veridian::system::Embedded;

/// How often everything is repeated.
const REPEATS: usize = 10;
/// The repeat after which memory is looked at first: by then caches have filled.
const FIRST_LOOK: usize = 2;
/// Memory may grow by less than this between the two looks, KiB.
const MAX_GROWTH_KIB: u64 = 1024;
/// Sessions that scribblers open in all, at least.
const LEAST_SESSIONS: u64 = 10_000;
/// Scribblers at a time.
const SCRIBBLERS: usize = 2;
/// Dying clients at a time.
const MORTALS: usize = 4;
/// How long a client's process may take.
const CLIENT_WITHIN: Duration = Duration::from_secs(120);
/// Names looked up to fill the cache of names, which is no leak.
const LOOKUPS: u32 = 70_000;
/// SIGKILL.
const KILLED: Option<i32> = Some(9);

/// The system under siege.
struct Siege {
    system: Embedded,
    pids: Vec<u32>,
    victim: Victim,
    users: Vec<User>,
    random: Random,
}

pub(crate) fn run() {
    let seed = random::seed();
    let begun = Instant::now();
    let system = Embedded::start_from(Path::new(env!("CARGO_BIN_EXE_veridian"))).unwrap();
    let mut siege = Siege::new(system, seed);
    let before = siege.status();
    siege.victim.rest();
    let census = Census::take(&siege.system.connection, &siege.pids);
    let mut looks = Vec::new();
    for repeat in 1..=REPEATS {
        siege.assault();
        siege.victim.rest();
        siege.clear();
        census.await_same(&siege.system.connection, &siege.pids);
        let resident: Vec<u64> = siege.pids.iter().map(|pid| resident_kib(*pid)).collect();
        println!(
            "repeat {repeat}: init {} KiB, vfs {} KiB, {:.1} s",
            resident[0],
            resident[1],
            begun.elapsed().as_secs_f64()
        );
        looks.push(resident);
    }
    let report = siege.finish(&before);
    for (early, late) in looks[FIRST_LOOK - 1].iter().zip(&looks[REPEATS - 1]) {
        assert!(
            late.saturating_sub(*early) < MAX_GROWTH_KIB,
            "memory grows from {early} to {late} KiB"
        );
    }
    println!("{report}");
    println!("held: {census:?}");
    println!("ok");
}

/// How the vfs is; other services are beside it.
fn vfs(connection: &Connection) -> ServiceStatus {
    let report = connection.status().unwrap();
    *report.services.iter().find(|service| service.name.as_str() == "vfs").unwrap()
}

impl Siege {
    fn new(system: Embedded, seed: u64) -> Self {
        let connection = &system.connection;
        let raw = RawClient::connect(&system.address.0).unwrap();
        let init = raw.channel.peer().pid;
        let vfs = vfs(connection).pid;
        drop(raw);
        fill_names(connection);
        let victim = Victim::start(&system.address, seed);
        Self {
            pids: vec![init, vfs],
            victim,
            users: processes::users(),
            random: Random::new(seed),
            system,
        }
    }

    fn status(&self) -> ServiceStatus {
        vfs(&self.system.connection)
    }

    /// Everything at once.
    fn assault(&mut self) {
        self.victim.work();
        make_playground(&self.system.connection);
        let mut clients = Vec::new();
        for number in 0..SCRIBBLERS {
            clients.push(("scribbler", self.start("scribbler", number)));
        }
        for number in 0..self.users.len() {
            clients.push(("talker", self.start("talker", number)));
        }
        for (at, steps) in STEPS.chunks(MORTALS).enumerate() {
            let mortals: Vec<_> = (0..steps.len())
                .map(|within| {
                    let step = at * MORTALS + within;
                    (steps[within].0, self.start_mortal(step))
                })
                .collect();
            for (step, mut mortal) in mortals {
                let status = processes::wait(&mut mortal, CLIENT_WITHIN);
                assert_eq!(status.signal(), KILLED, "the client that was to die when {step}");
            }
            self.victim.check();
        }
        for (name, mut client) in clients {
            while client.try_wait().unwrap().is_none() {
                self.victim.check();
                std::thread::sleep(Duration::from_millis(5));
            }
            let status = processes::wait(&mut client, CLIENT_WITHIN);
            assert!(status.success(), "a {name} has failed, see above: {status}");
        }
    }

    fn user(&self, number: usize) -> User {
        self.users[number % self.users.len()]
    }

    fn start(&mut self, role: &str, number: usize) -> Child {
        let seed = self.random.word().to_string();
        let arguments = [role.to_owned(), self.system.address.0.clone(), seed];
        processes::start(&arguments, self.user(number))
    }

    fn start_mortal(&mut self, step: usize) -> Child {
        let arguments = ["mortal".to_owned(), self.system.address.0.clone(), step.to_string()];
        let number = self.random.index(self.users.len());
        processes::start(&arguments, self.user(number))
    }

    /// Removes the files that hostile clients have made.
    fn clear(&mut self) {
        let mut session = self.system.connection.connect("vfs", SessionOptions::default()).unwrap();
        let mut queue = session.take_queue().unwrap();
        remove_all(&mut queue, session.root());
    }

    /// What there was to see; the system is stopped.
    fn finish(self, before: &ServiceStatus) -> String {
        let victim = self.victim.stop();
        let after = vfs(&self.system.connection);
        assert_eq!((after.pid, after.epoch), (before.pid, before.epoch), "the vfs has died");
        assert_eq!(after.state, ServiceState::Ready);
        let sessions = after.opened - before.opened;
        assert!(sessions >= LEAST_SESSIONS, "only {sessions} sessions");
        let accepted = after.accepted - before.accepted;
        let errors = after.errors - before.errors;
        let quarantines = after.quarantined - before.quarantined;
        for (name, count) in [("accepted", accepted), ("errors", errors), ("quar", quarantines)] {
            assert!(count > 0, "no {name}");
        }
        assert!(victim.rounds > 0);
        let deaths = STEPS.len() * REPEATS;
        self.system.stop().unwrap();
        format!(
            "sessions: {sessions}\naccepted entries: {accepted}\nerror completions: {errors}\n\
             quarantines: {quarantines}\ndeaths: {deaths}\nvictim: {} rounds without an error, \
             longest {:?}",
            victim.rounds, victim.longest
        )
    }
}

fn open(connection: &Connection) -> (control::client::Session, Queue) {
    let mut session = connection.connect("vfs", SessionOptions::default()).unwrap();
    let queue = session.take_queue().unwrap();
    (session, queue)
}

fn make_playground(connection: &Connection) {
    let (session, mut queue) = open(connection);
    queue.mkdir(session.root(), PLAYGROUND, 0o777).unwrap();
}

/// Looks up names that are not there, until the cache of names is full.
fn fill_names(connection: &Connection) {
    let (session, mut queue) = open(connection);
    for number in 0..LOOKUPS {
        let name = format!("not there, whoever looks for it: {number:010}");
        assert!(queue.stat(session.root(), name.as_bytes()).is_err());
    }
}

fn remove_all(queue: &mut Queue, directory: Handle) {
    let mut found = Vec::new();
    let note = |entry: &dataplane::file::DirectoryEntry<'_>| {
        found.push((entry.name.to_vec(), entry.kind));
    };
    queue.read_directory(directory, note).unwrap();
    for (name, kind) in found {
        if kind == Some(FileKind::Directory) {
            let below = queue.open(directory, &name, OpenFlags::DIRECTORY, 0).unwrap();
            remove_all(queue, below);
            queue.close(below).unwrap();
            queue.unlink(directory, &name, UnlinkKind::Directory).unwrap();
        } else {
            queue.unlink(directory, &name, UnlinkKind::File).unwrap();
        }
    }
}
