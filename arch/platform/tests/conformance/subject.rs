//! A platform under test, and the report of what was checked.

use crate::roles;
use control::platform::{
    Channel, Listener, MakePoller, Packet, Pairing, SpawnError, Spawning, Started, Unit,
};
use dataplane::Descriptor;
use dataplane::platform::{Doorbells, Instant, Memory, Offload, Poller, Token, Waiting};
use platform::{ConnectError, ListenError, linux, local};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// After this long something is taken to have been lost. No check passes by waiting for it.
pub(crate) const LOST_NS: u64 = 30_000_000_000;

/// The exit code of the role that exits at once.
pub(crate) const EXIT_CODE: i32 = 7;

/// One platform.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) waiting: Arc<dyn Waiting>,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) doorbells: Arc<dyn Doorbells>,
    pub(crate) pairing: Box<dyn Pairing + Send + Sync>,
    make_poller: MakePoller,
    system: System,
}

enum System {
    Local(local::Platform),
    Linux(linux::Platform),
}

impl Subject {
    pub(crate) fn local() -> Self {
        let platform = local::Platform::new();
        Self {
            name: "local",
            waiting: platform.waiting(),
            memory: platform.memory(),
            doorbells: platform.doorbells(),
            pairing: Box::new(platform.clone()),
            make_poller: local::poller,
            system: System::Local(platform),
        }
    }

    pub(crate) fn linux(platform: linux::Platform, name: &'static str) -> Self {
        Self {
            name,
            waiting: platform.waiting(),
            memory: platform.memory(),
            doorbells: platform.doorbells(),
            pairing: Box::new(platform.clone()),
            make_poller: linux::poller,
            system: System::Linux(platform),
        }
    }

    /// Whether service regions are in a store.
    pub(crate) fn has_store(&self) -> bool {
        matches!(&self.system, System::Linux(platform) if platform.has_store())
    }

    pub(crate) fn poller(&self) -> Box<dyn Poller> {
        (self.make_poller)().unwrap()
    }

    pub(crate) fn offload(&self, threads: usize) -> Arc<dyn Offload> {
        match &self.system {
            System::Local(platform) => platform.offload(threads),
            System::Linux(platform) => platform.offload(threads),
        }
    }

    pub(crate) fn pair(&self) -> (Arc<dyn Channel>, Arc<dyn Channel>) {
        self.pairing.pair().unwrap()
    }

    pub(crate) fn listen(&self, address: &str) -> Result<Arc<dyn Listener>, ListenError> {
        match &self.system {
            System::Local(platform) => platform.listen(address),
            System::Linux(platform) => platform.listen(address),
        }
    }

    pub(crate) fn connect(&self, address: &str) -> Result<Arc<dyn Channel>, ConnectError> {
        match &self.system {
            System::Local(platform) => platform.connect(address),
            System::Linux(platform) => platform.connect(address, LOST_NS),
        }
    }

    pub(crate) fn spawner(&self) -> Box<dyn Spawning> {
        match &self.system {
            System::Local(platform) => {
                let mut roles = HashMap::new();
                for name in ["echo", "exit"] {
                    let role: local::Role = Arc::new(move |channel| roles::run(name, &channel));
                    roles.insert(name.to_owned(), role);
                }
                Box::new(platform.spawning(roles))
            }
            System::Linux(platform) => {
                Box::new(platform.spawning(linux::Program::default()).unwrap())
            }
        }
    }

    /// A spawner, and how it refuses a service that it has no program for.
    pub(crate) fn refused_spawn(&self) -> Option<SpawnError> {
        match &self.system {
            System::Local(_) => self.spawner().spawn(&unit("nobody")).err(),
            System::Linux(platform) => {
                let program =
                    linux::Program { path: "/nonexistent".into(), ..linux::Program::default() };
                platform.spawning(program).unwrap().spawn(&unit("nobody")).err()
            }
        }
    }

    /// When something that has not happened is taken to be lost.
    pub(crate) fn lost(&self) -> Option<Instant> {
        Some(self.waiting.now().after_ns(LOST_NS))
    }

    /// What a poller reports next; fails if nothing comes.
    pub(crate) fn ready(&self, poller: &dyn Poller) -> Vec<Token> {
        let mut ready = Vec::new();
        poller.wait(self.lost(), &mut ready);
        ready
    }

    /// What a poller reports without waiting.
    pub(crate) fn ready_now(&self, poller: &dyn Poller) -> Vec<Token> {
        let mut ready = Vec::new();
        poller.wait(Some(Instant(0)), &mut ready);
        ready
    }

    /// Waits for a service's end, and reaps it.
    pub(crate) fn reaped(&self, spawner: &dyn Spawning, started: &Started) -> i32 {
        let poller = self.poller();
        poller.add(&started.exit, Token(1)).unwrap();
        assert_eq!(self.ready(&*poller), [Token(1)], "the end was not reported");
        loop {
            // A thread tells of its end a little before it is over.
            if let Some(code) = spawner.reap(started.pid) {
                return code;
            }
            self.waiting.yield_now();
        }
    }
}

/// A unit of which only the name matters.
pub(crate) fn unit(name: &str) -> Unit {
    Unit::new(name)
}

/// A message of some bytes.
pub(crate) fn packet(bytes: &[u8]) -> Packet {
    with(bytes, &[])
}

/// A message with descriptors.
pub(crate) fn with(bytes: &[u8], descriptors: &[&Descriptor]) -> Packet {
    Packet {
        bytes: bytes.to_vec(),
        descriptors: descriptors.iter().map(|it| Arc::clone(it)).collect(),
    }
}

/// What was checked.
#[derive(Default)]
pub(crate) struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    /// Runs a check and prints how it went.
    pub(crate) fn check(&mut self, subject: &str, what: &str, check: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(check)).is_ok() {
            self.passed += 1;
            println!("{subject}: {what}: ok");
        } else {
            self.failed += 1;
            println!("{subject}: {what}: FAILED");
        }
    }

    /// The exit code of it all.
    pub(crate) fn finish(&self) -> i32 {
        println!("conformance: {} passed, {} failed", self.passed, self.failed);
        i32::from(self.failed != 0)
    }
}
