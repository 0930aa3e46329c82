//! auth as a process.

use auth::{AuthConfig, AuthService, HashJob, Hashing, MemoryStore, Surroundings};
use control::platform::{Channel, Machine};
use control::runtime::{ServeError, serve};
use control::service::LocalFuture;
use control::store::Store;
use dataplane::entry::Errno;
use dataplane::platform::{Offload, Poller};
use host::state::StateDirectory;
use platform::linux::{self, Platform};
use platform::offload;
use rustix::fd::OwnedFd;
use rustix::rand::{GetRandomFlags, getrandom};
use std::rc::Rc;
use std::sync::Arc;

pub(crate) const NAME: &str = "auth";

/// Passwords that are checked at a time; each takes 19 MiB.
const HASH_THREADS: usize = 2;

/// `directory`: where it keeps what it must not forget; without one, that is in memory alone.
pub(super) fn run(channel: Arc<dyn Channel>, directory: Option<OwnedFd>) -> Result<(), String> {
    let platform = Platform::new();
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
    };
    let poller = linux::poller().map_err(|_| "no descriptor to be had".to_owned())?;
    let store: Rc<dyn Store> = match directory {
        Some(directory) => Rc::new(StateDirectory::new(directory, platform.offload(1))),
        None => Rc::new(MemoryStore::default()),
    };
    match serve_on(channel, machine, poller, platform.offload(HASH_THREADS), store) {
        // The system was ended from outside; there is nobody left to tell.
        Ok(()) | Err(ServeError::BrokerGone) => Ok(()),
        Err(ServeError::Start(Errno::EPROTO)) => Err("the file 'principals' is damaged, or of \
             another version; put a copy of it back, or remove it to begin without principals"
            .into()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// The same on any platform.
pub(crate) fn serve_on(
    channel: Arc<dyn Channel>,
    machine: Machine,
    poller: Box<dyn Poller>,
    threads: Arc<dyn Offload>,
    store: Rc<dyn Store>,
) -> Result<(), ServeError> {
    serve(channel, machine, poller, |machine, broker| {
        let waiting = machine.waiting;
        let surroundings = Surroundings {
            now: Box::new(move || waiting.wall_clock()),
            random: Box::new(random),
            hashing: Box::new(Threads(threads)),
            store,
        };
        AuthService::new(AuthConfig::default(), surroundings, broker)
    })
}

/// From the kernel, which waits for nothing once the machine has started.
fn random(bytes: &mut [u8]) -> Result<(), Errno> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Errno::EIO),
        }
    }
    Ok(())
}

struct Threads(Arc<dyn Offload>);

impl Hashing for Threads {
    fn hash(&self, job: HashJob) -> LocalFuture<'static, Result<[u8; 32], Errno>> {
        let call = offload::call(&*self.0, move || job.run());
        Box::pin(async move { call.await.unwrap_or(Err(Errno::EIO)) })
    }
}
