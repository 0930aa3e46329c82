//! What the vfs's tests share: a machine and a broker that punish misuse, a file system that does,
//! and a client that speaks entries.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod fake;
pub(crate) mod fake_rules;
pub(crate) mod machine;
pub(crate) mod naive;
pub(crate) mod names;
pub(crate) mod watching;

use broker::FakeBroker;
use client::Client;
use control::platform::{Machine, Unconfined};
use control::service::Service;
use dataplane::Descriptor;
use dataplane::filesystem::FileSystem;
use dataplane::platform::{Doorbell, Doorbells, MemoryError};
use fake::{FakeFileSystem, Pace};
use machine::{FakeMemory, FakeTime};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use vfs::{VfsConfig, VfsService};

/// Drives a future that only waits for other polls.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for round in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if round > 10_000 {
            // It waits for another thread.
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
    }
    panic!("the future never gets ready");
}

/// Waits for one more poll.
pub(crate) async fn pause() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A vfs and what is around it.
pub(crate) struct System {
    pub(crate) service: Rc<VfsService>,
    pub(crate) broker: Rc<FakeBroker>,
    pub(crate) memory: Arc<FakeMemory>,
    pub(crate) time: Arc<FakeTime>,
}

/// The vfs is nobody's client.
struct NoDoorbells;

impl Doorbells for NoDoorbells {
    fn create(&self) -> Result<Descriptor, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn open(&self, _: &Descriptor) -> Result<Arc<dyn Doorbell>, MemoryError> {
        Err(MemoryError::WrongDescriptor)
    }
}

impl System {
    /// A vfs with a budget and a tmpfs as its root.
    pub(crate) fn new(budget: u64) -> Self {
        let system = Self::unmounted(budget);
        block_on(system.service.start()).unwrap();
        system
    }

    /// A vfs with this file system as its root.
    pub(crate) fn over(budget: u64, root: Box<dyn FileSystem>) -> Self {
        let system = Self::unmounted(budget);
        block_on(system.service.mount_root(root)).unwrap();
        block_on(system.service.start()).unwrap();
        system
    }

    fn unmounted(budget: u64) -> Self {
        let memory = Arc::new(FakeMemory::default());
        let time = Arc::new(FakeTime::default());
        let broker = Rc::new(FakeBroker::new(&memory));
        let machine = Machine {
            waiting: time.clone(),
            memory: memory.clone(),
            doorbells: Arc::new(NoDoorbells),
            confinement: Arc::new(Unconfined),
        };
        let config = VfsConfig::new(budget, 7);
        let service = VfsService::new(config, machine, broker.clone());
        Self { service: Rc::new(service), broker, memory, time }
    }

    /// A session of user 0.
    pub(crate) fn root_client(&self) -> Client {
        Client::new(self, client::session(0, 0))
    }

    /// A session of somebody else.
    pub(crate) fn client(&self, uid: u32, gid: u32) -> Client {
        Client::new(self, client::session(uid, gid))
    }
}

const BUDGET: u64 = 8 << 20;

/// Runs a test over each file system.
pub(crate) fn each(test: impl Fn(&System, &Client)) {
    each_alone(&test);
    for pace in [Pace::Now, Pace::Later(0xcafe)] {
        println!("over the fake that others change, {pace:?}");
        let system = System::over(BUDGET, Box::new(FakeFileSystem::new(pace).shared()));
        test(&system, &system.root_client());
    }
}

/// Runs a test over each file system whose times are those of the vfs, because nobody else changes
/// it.
pub(crate) fn each_alone(test: impl Fn(&System, &Client)) {
    let over_fake = |pace| System::over(BUDGET, Box::new(FakeFileSystem::new(pace)));
    let systems = [
        ("tmpfs", System::new(BUDGET)),
        ("fake", over_fake(Pace::Now)),
        ("late fake", over_fake(Pace::Later(0x5eed))),
    ];
    for (name, system) in systems {
        println!("over {name}");
        let client = system.root_client();
        test(&system, &client);
    }
}
