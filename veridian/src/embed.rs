//! A system in threads of this process: for tests, and for programs that want the services
//! without processes. Nothing is isolated; a service that panics takes only its thread along.

use crate::config::ServiceSettings;
use crate::roles::{self, units};
use auth::MemoryStore;
use control::client::{ClientMachine, Connection};
use control::platform::{Channel, Machine, Pairing, SpawnError, Unconfined};
use init::{Init, InitError, InitMachine, Policy, StartReport};
use platform::NotifierThread;
use platform::local::{Platform, Role, Roles, poller};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// The only address of such a system.
const ADDRESS: &str = "embedded";

/// A running system; it ends when this is dropped.
pub struct LocalSystem {
    platform: Platform,
    lifeline: Option<Arc<dyn Channel>>,
    init: Option<JoinHandle<()>>,
    /// How long each service took to start.
    pub report: StartReport,
}

/// Why the system did not start, or cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalError {
    /// init says no.
    Init(InitError),
    /// No thread or memory to be had.
    Exhausted,
    /// The broker does not answer as it should.
    Connect(control::client::ConnectError),
}

impl LocalSystem {
    /// Starts every service as a thread.
    ///
    /// # Errors
    /// [`LocalError`].
    pub fn start() -> Result<Self, LocalError> {
        let platform = Platform::new();
        let (ours, theirs) = platform.pair().map_err(|_| LocalError::Exhausted)?;
        let (ready, started) = mpsc::channel();
        let on = platform.clone();
        let init = thread::Builder::new()
            .name("init".into())
            .spawn(move || run_init(&on, theirs, &ready))
            .map_err(|_| LocalError::Exhausted)?;
        let report = started.recv().map_err(|_| LocalError::Exhausted)??;
        Ok(Self { platform, lifeline: Some(ours), init: Some(init), report })
    }

    /// A new connection to the broker.
    ///
    /// # Errors
    /// [`LocalError`].
    pub fn connect(&self) -> Result<Connection, LocalError> {
        let channel = self.platform.connect(ADDRESS).map_err(|_| LocalError::Exhausted)?;
        let memory = self.platform.memory();
        let machine = ClientMachine {
            waiting: self.platform.waiting(),
            doorbells: self.platform.doorbells(),
            fork_guard: memory.fork_guard().map_err(|_| LocalError::Exhausted)?,
            memory,
        };
        Connection::new(channel, machine).map_err(LocalError::Connect)
    }
}

impl LocalSystem {
    /// A thread that wakes the futures of this system's clients.
    ///
    /// # Errors
    /// No thread or memory to be had.
    pub fn notifier(&self) -> Result<NotifierThread, SpawnError> {
        NotifierThread::start(self.platform.waiting(), &*self.platform.memory())
    }
}

impl Drop for LocalSystem {
    fn drop(&mut self) {
        self.lifeline = None;
        if let Some(init) = self.init.take() {
            let _ = init.join();
        }
    }
}

fn run_init(
    platform: &Platform,
    lifeline: Arc<dyn Channel>,
    ready: &mpsc::Sender<Result<StartReport, LocalError>>,
) {
    let started = prepare(platform, lifeline).and_then(|mut init| {
        let report = init.start().map_err(LocalError::Init)?;
        Ok((init, report))
    });
    match started {
        Ok((mut init, report)) => {
            if ready.send(Ok(report)).is_ok() {
                init.run();
            }
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

fn prepare(platform: &Platform, lifeline: Arc<dyn Channel>) -> Result<Init, LocalError> {
    let machine = InitMachine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        spawning: Box::new(platform.spawning(local_roles(platform))),
        poller: poller().map_err(|_| LocalError::Exhausted)?,
        listener: platform.listen(ADDRESS).map_err(|_| LocalError::Exhausted)?,
        lifeline: Some(lifeline),
        configuration: None,
        pairing: Arc::new(platform.clone()),
        random: Arc::new(platform::Entropy),
        pid: std::process::id(),
        keeper: None,
    };
    let policy = Policy::new(rustix::process::getuid().as_raw());
    Init::new(machine, units(), policy).map_err(LocalError::Init)
}

fn local_roles(platform: &Platform) -> Roles {
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement: Arc::new(Unconfined),
    };
    let for_auth = machine.clone();
    let settings = ServiceSettings::default();
    let (for_logger, auth_settings) = (settings.clone(), settings.clone());
    let (for_vfs, pools) = (machine.clone(), platform.clone());
    let vfs = move |channel: Arc<dyn Channel>| {
        let pools = pools.clone();
        let offload = move || pools.offload(roles::vfs::HOST_THREADS);
        let serve =
            |poller| roles::vfs::serve_on(channel, for_vfs.clone(), poller, offload, &settings);
        i32::from(!matches!(poller().map(serve), Ok(Ok(()))))
    };
    let logger = move |channel: Arc<dyn Channel>| {
        let serve =
            |poller| roles::logger::serve_on(channel, machine.clone(), poller, None, &for_logger);
        i32::from(!matches!(poller().map(serve), Ok(Ok(()))))
    };
    let threads = platform.clone();
    let auth = move |channel: Arc<dyn Channel>| {
        let threads = threads.offload(1);
        let store = Rc::new(MemoryStore::default());
        let machine = for_auth.clone();
        let serve = |poller| {
            roles::auth::serve_on(channel, machine, poller, threads, store, &auth_settings)
        };
        i32::from(!matches!(poller().map(serve), Ok(Ok(()))))
    };
    Roles::from([
        (roles::auth::NAME.to_owned(), Arc::new(auth) as Role),
        (roles::vfs::NAME.to_owned(), Arc::new(vfs) as Role),
        (roles::logger::NAME.to_owned(), Arc::new(logger) as Role),
    ])
}
