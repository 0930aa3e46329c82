//! auth as a process.

use crate::config::ServiceSettings;
use auth::{AuthConfig, AuthService, HashJob, Hashing, LockOutRules, MemoryStore, Surroundings};
use control::platform::{Channel, Machine};
use control::runtime::{ServeError, serve};
use control::service::LocalFuture;
use control::store::Store;
use dataplane::entry::Errno;
use dataplane::platform::{Offload, Poller};
use host::confine::{Handed, Profile};
use host::state::StateDirectory;
use platform::linux::{self, Platform};
use platform::offload;
use rustix::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) const NAME: &str = "auth";

/// Passwords that are checked at a time; each takes 19 MiB.
const HASH_THREADS: usize = 2;

/// `directory`: where it keeps what it must not forget; without one, that is in memory alone.
pub(super) fn run(
    channel: Arc<dyn Channel>,
    directory: Option<OwnedFd>,
    handed: Handed,
) -> Result<(), String> {
    // Passwords are checked on threads, whether or not there are files.
    let profile = Profile { threads: true, ..super::profile_below(directory.as_ref())? };
    let confinement = super::confined(&profile, handed)?;
    let platform = Platform::new();
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement,
    };
    let poller = linux::poller().map_err(|_| "no descriptor to be had".to_owned())?;
    let store: Rc<dyn Store> = match directory {
        Some(directory) => Rc::new(StateDirectory::new(directory, platform.offload(1))),
        None => Rc::new(MemoryStore::default()),
    };
    let settings = ServiceSettings::of_process();
    match serve_on(channel, machine, poller, platform.offload(HASH_THREADS), store, &settings) {
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
    settings: &ServiceSettings,
) -> Result<(), ServeError> {
    let config = AuthConfig {
        idle_ns: settings.number("auth.idle"),
        lasts_ns: settings.number("auth.expiry"),
        lock_out: LockOutRules {
            after: u32::try_from(settings.number("auth.lock_out_after")).unwrap_or(u32::MAX),
            first_ns: settings.number("auth.lock_out_least"),
            longest_ns: settings.number("auth.lock_out_most"),
        },
        ..AuthConfig::default()
    };
    serve(channel, machine, poller, |machine, broker| {
        let waiting = machine.waiting;
        let surroundings = Surroundings {
            now: Box::new(move || waiting.wall_clock()),
            random: Arc::new(platform::Entropy),
            hashing: Box::new(Threads(threads)),
            store,
        };
        AuthService::new(config, surroundings, broker)
    })
}

struct Threads(Arc<dyn Offload>);

impl Hashing for Threads {
    fn hash(&self, job: HashJob) -> LocalFuture<'static, Result<[u8; 32], Errno>> {
        let call = offload::call(&*self.0, move || job.run());
        Box::pin(async move { call.await.unwrap_or(Err(Errno::EIO)) })
    }
}
