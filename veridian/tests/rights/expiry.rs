//! A ticket counts for a minute, by a clock that the test sets forward.

use capability::Rights;
use control::client::{ClientMachine, ConnectError, Connection};
use control::platform::{Channel, Machine, Pairing, Unconfined, Unit};
use control::runtime::serve;
use dataplane::Word;
use dataplane::entry::Errno;
use dataplane::platform::{Instant, Timestamp, Waiting, Wake};
use init::{Init, InitMachine, Policy};
use platform::local::{Platform, Role, Roles, poller};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use vfs::{VfsConfig, VfsService};

const ADDRESS: &str = "expiry";
const SECOND_NS: u64 = 1_000_000_000;
const RIGHTS: Rights = Rights::CONNECT.union(Rights::READ);

/// A clock that is ahead.
struct Ahead {
    clock: Arc<dyn Waiting>,
    by_ns: Arc<AtomicU64>,
}

impl Waiting for Ahead {
    fn now(&self) -> Instant {
        self.clock.now().after_ns(self.by_ns.load(Ordering::Relaxed))
    }
    fn wall_clock(&self) -> Timestamp {
        self.clock.wall_clock()
    }
    fn cpu(&self) -> u64 {
        self.clock.cpu()
    }
    fn yield_now(&self) {
        self.clock.yield_now();
    }
    fn sleep_on(&self, words: &[(&Word, u64)], deadline: Option<Instant>) -> Wake {
        self.clock.sleep_on(words, deadline)
    }
    fn wake(&self, word: &Word) {
        self.clock.wake(word);
    }
}

fn files(platform: &Platform) -> Role {
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    };
    Arc::new(move |channel: Arc<dyn Channel>| {
        let served = serve(channel, machine.clone(), poller().unwrap(), |machine, broker| {
            VfsService::new(VfsConfig::new(64 << 20, 1), machine, broker)
        });
        i32::from(served.is_err())
    })
}

fn connect(platform: &Platform) -> Connection {
    let memory = platform.memory();
    let machine = ClientMachine {
        waiting: platform.waiting(),
        doorbells: platform.doorbells(),
        fork_guard: memory.fork_guard().unwrap(),
        memory,
    };
    Connection::new(platform.connect(ADDRESS).unwrap(), machine).unwrap()
}

#[test]
fn a_ticket_counts_for_a_minute() {
    let (platform, ahead) = (Platform::new(), Arc::new(AtomicU64::new(0)));
    let roles = Roles::from([("vfs".to_owned(), files(&platform))]);
    let listener = platform.listen(ADDRESS).unwrap();
    let (lifeline, theirs) = platform.pair().unwrap();
    let (ready, started) = mpsc::channel();
    let (on, by_ns) = (platform.clone(), Arc::clone(&ahead));
    let init = thread::spawn(move || {
        let machine = InitMachine {
            waiting: Arc::new(Ahead { clock: on.waiting(), by_ns }),
            memory: on.memory(),
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
        // Signs of life would be late by this clock.
        let unit = Unit { heartbeat_ns: 0, ..Unit::new("vfs") };
        let policy = Policy::new(rustix::process::getuid().as_raw());
        let mut init = Init::new(machine, vec![unit], policy).unwrap();
        init.start().unwrap();
        ready.send(()).unwrap();
        init.run();
    });
    started.recv().unwrap();
    let (giver, taker) = (connect(&platform), connect(&platform));
    let vfs = giver.capability("vfs").unwrap();
    let held = || giver.status().unwrap().counts.capabilities;
    let before = held();
    let (early, late) = (giver.hand(vfs, RIGHTS, 0).unwrap(), giver.hand(vfs, RIGHTS, 0).unwrap());
    ahead.fetch_add(50 * SECOND_NS, Ordering::Relaxed);
    let taken = taker.take(early).unwrap();
    ahead.fetch_add(11 * SECOND_NS, Ordering::Relaxed);
    match taker.take(late) {
        Err(ConnectError::Refused { errno, .. }) => assert_eq!(errno, Errno::EPERM),
        other => panic!("{other:?}"),
    }
    assert_eq!(held(), before + 1, "what was taken stays, and nothing else");
    taker.revoke(taken.handle).unwrap();
    assert_eq!(held(), before);
    drop((giver, taker, lifeline));
    init.join().unwrap();
}
