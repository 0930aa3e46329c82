//! Starting, finding and leaving a system.
//!
//! A system is an init process and the services that it starts. Whoever starts one holds a
//! channel to init; init ends with everything below it when that channel closes, unless it was
//! told to stay.

use crate::config::Sources;
use crate::roles::guardian;
use crate::token_file;
use anyhow::{Context, Result, anyhow, bail};
use control::client::{ClientMachine, ConnectError, Connection};
use control::message::{
    Header, LaunchCommand, LaunchReply, Message, ServiceStart, StartSystem, Started,
};
use control::platform::{Channel, Packet, Spawning, Unit};
use dataplane::entry::Errno;
use platform::linux::{Output, Platform, Program, Spawner};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Names the system that the command line talks to.
pub const ADDRESS_VARIABLE: &str = "VERIDIAN_ADDRESS";
/// Longest waits, ns.
const CONNECT_WITHIN_NS: u64 = 5_000_000_000;
const START_WITHIN_NS: u64 = 30_000_000_000;
const STOP_WITHIN_NS: u64 = 30_000_000_000;
/// How often a system is tried to be reached whose init is being started again.
const MOST_TRIES: u32 = 10;
/// Time between two looks whether a signal has come, ns.
const LOOK_INTERVAL_NS: u64 = 100_000_000;

/// Where clients reach a system: `@name` (an abstract Unix socket) or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(pub String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Address {
    /// One that nobody else uses.
    fn unique() -> Self {
        let number = RandomState::new().build_hasher().finish();
        Self(format!("@veridian-{}-{number:016x}", std::process::id()))
    }
}

/// What `VERIDIAN_ADDRESS` says, else the configuration in `/etc/veridian`, else the user's own:
/// `@veridian-UID`.
#[must_use]
pub fn default_address() -> Address {
    address_of(crate::config::installed_address)
}

/// What `VERIDIAN_ADDRESS` says, else this, else the user's own: `@veridian-UID`.
pub(crate) fn address_of(configured: impl FnOnce() -> Option<String>) -> Address {
    let own = || format!("@veridian-{}", rustix::process::getuid().as_raw());
    Address(std::env::var(ADDRESS_VARIABLE).ok().or_else(configured).unwrap_or_else(own))
}

/// How long a start took.
#[derive(Clone, Debug)]
pub struct StartReport {
    /// From the decision to start until every service was ready.
    pub total: Duration,
    /// Each service.
    pub services: Vec<ServiceStart>,
}

impl StartReport {
    /// The name of the service that a service waited for last before it was spawned.
    #[must_use]
    pub fn waited_for(&self, service: &ServiceStart) -> Option<&str> {
        let place = usize::from(service.waited_for).checked_sub(1)?;
        self.services.get(place).map(|waited_for| waited_for.name.as_str())
    }
}

/// Connects to a running system, and shows it the token of whoever has logged in, if anybody has.
///
/// # Errors
/// Nothing runs there, it is not this user's, or the token counts no more.
pub fn connect(address: &Address) -> Result<Connection> {
    show_token(connect_as_host_user(address)?, address)
}

/// Connects as the user of the host alone, whoever has logged in.
///
/// # Errors
/// Nothing runs there, or it is not this user's.
pub fn connect_as_host_user(address: &Address) -> Result<Connection> {
    let mut tries = 0;
    loop {
        let greeted = greet(reach(address)?, address);
        tries += 1;
        match greeted {
            // init was started again just when it took the connection: the next one takes another.
            Err(error) if tries < MOST_TRIES && is_interrupted(&error) => {}
            greeted => return greeted,
        }
    }
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<ConnectError>().map(ConnectError::errno);
    matches!(cause, Some(Errno::ENOTCONN | Errno::EAGAIN))
}

fn show_token(mut connection: Connection, address: &Address) -> Result<Connection> {
    if let Some(token) = token_file::find(address)? {
        connection.authenticate(&token.encode()).with_context(|| {
            "the login counts no more, or is not for this user; `veridian login` anew, or go on \
             without by `veridian logout`"
        })?;
    }
    Ok(connection)
}

/// A channel to the init of a system.
fn reach(address: &Address) -> Result<Arc<dyn Channel>> {
    let platform = Platform::new();
    let channel = platform.connect(&address.0, CONNECT_WITHIN_NS).map_err(|error| {
        use platform::ConnectError as Unreachable;
        anyhow!(match error {
            Unreachable::NotListening => format!(
                "no system is running at {address}; start one with `veridian up`, or name \
                 another with --address"
            ),
            Unreachable::Denied => format!("no right to reach the system at {address}"),
            Unreachable::TimedOut => format!("the system at {address} does not answer"),
            Unreachable::BadAddress =>
                format!("{address} is no address; use @NAME or the path of a socket"),
            Unreachable::Exhausted => "no descriptor left to connect with".to_owned(),
        })
    })?;
    let (owner, own) = (channel.peer().uid, rustix::process::getuid().as_raw());
    if owner != own && owner != 0 {
        bail!("the system at {address} belongs to user {owner}, who is neither you nor root");
    }
    Ok(channel)
}

fn greet(channel: Arc<dyn Channel>, address: &Address) -> Result<Connection> {
    let platform = Platform::new();
    let machine = ClientMachine {
        waiting: platform.waiting(),
        doorbells: platform.doorbells(),
        fork_guard: platform
            .memory()
            .fork_guard()
            .map_err(|error| anyhow!("no memory to connect with ({error:?})"))?,
        memory: platform.memory(),
    };
    Connection::new(channel, machine).with_context(|| format!("connecting to {address}"))
}

/// A system that lives as long as this, on an address of its own.
pub struct Embedded {
    /// Where it is reached.
    pub address: Address,
    /// A connection to it.
    pub connection: Connection,
    /// From the decision to start until every service was ready.
    pub started_in: Duration,
    /// How long each service took.
    pub report: StartReport,
    process: InitProcess,
}

impl Embedded {
    /// Starts a system on an address that nobody else uses. To be called from a thread that lives
    /// as long as the system: the system dies with it, whatever ends it.
    ///
    /// # Errors
    /// What kept it from starting.
    pub fn start() -> Result<Self> {
        Self::start_configured(&Sources::default())
    }

    /// The same, configured by these sources.
    ///
    /// # Errors
    /// What kept it from starting.
    pub fn start_configured(sources: &Sources) -> Result<Self> {
        Self::start_with(Program::default(), Address::unique(), sources)
    }

    /// The same, where this process is another program than `veridian`.
    ///
    /// # Errors
    /// What kept it from starting.
    pub fn start_from(program: &Path) -> Result<Self> {
        Self::start_from_configured(program, &Sources::default())
    }

    /// The same, configured by these sources.
    ///
    /// # Errors
    /// What kept it from starting.
    pub fn start_from_configured(program: &Path, sources: &Sources) -> Result<Self> {
        let program = Program { path: program.to_owned(), ..Program::default() };
        Self::start_with(program, Address::unique(), sources)
    }

    fn start_with(program: Program, address: Address, sources: &Sources) -> Result<Self> {
        let (process, report) = InitProcess::start(program, &address, sources, Stays::WithStarter)?;
        let connection = connect_as_host_user(&address)?;
        Ok(Self { address, connection, started_in: report.total, report, process })
    }

    /// Stops it; when this returns, nothing of it is left.
    ///
    /// # Errors
    /// It did not stop in time, and was ended by force.
    pub fn stop(self) -> Result<()> {
        drop(self.connection);
        self.process.stop()
    }
}

/// Starts a system that goes on when this process has ended.
///
/// # Errors
/// What kept it from starting.
pub fn start_detached(address: &Address, sources: &Sources) -> Result<StartReport> {
    // Whoever reads this process's output is not to wait for a system that stays.
    let nowhere = File::options().write(true).open("/dev/null").context("opening /dev/null")?;
    let program = Program { output: Output::File(nowhere), ..Program::default() };
    let (process, report) = InitProcess::start(program, address, sources, Stays::Forever)?;
    process.leave();
    Ok(report)
}

/// Runs a system until a signal tells this process to end, or a client tells the system to.
/// `ready` is called when every service is; if it fails, the system is stopped.
///
/// # Errors
/// What kept it from starting, or from ending in order; what `ready` says.
pub fn run_foreground(
    address: &Address,
    sources: &Sources,
    ready: impl FnOnce(&StartReport) -> Result<()>,
) -> Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&told)).context("watching for signals")?;
    }
    let system = Embedded::start_with(Program::default(), address.clone(), sources)?;
    let readied = ready(&system.report);
    let is_over =
        || told.load(Ordering::Relaxed) || system.connection.wait_closed(LOOK_INTERVAL_NS);
    while readied.is_ok() && !is_over() {}
    let stopped = system.stop();
    readied.and(stopped)
}

/// Stops the system at an address.
///
/// # Errors
/// Nothing runs there, this user may not stop it, or it does not stop in time.
pub fn stop(address: &Address) -> Result<()> {
    let channel = reach(address)?;
    let init = i32::try_from(channel.peer().pid).ok().and_then(Pid::from_raw);
    // Of another process-id namespace, it has no number here, and its last moments go unseen.
    let init = init.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let connection = show_token(greet(channel, address)?, address)?;
    connection.shutdown().with_context(|| format!("stopping the system at {address}"))?;
    if connection.wait_closed(STOP_WITHIN_NS) && init.is_none_or(|init| has_ended(&init)) {
        Ok(())
    } else {
        bail!("the system at {address} has not stopped in time")
    }
}

/// Waits until a process has ended; false if it has not in time.
fn has_ended(process: &OwnedFd) -> bool {
    let within = Timespec::try_from(Duration::from_nanos(STOP_WITHIN_NS)).ok();
    let mut ended = [PollFd::new(process, PollFlags::IN)];
    retry_on_intr(|| poll(&mut ended, within.as_ref())).is_ok_and(|count| count > 0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stays {
    WithStarter,
    Forever,
}

/// The init process that this process has started.
struct InitProcess {
    spawner: Spawner,
    channel: Arc<dyn Channel>,
    pid: u32,
}

impl InitProcess {
    fn start(
        program: Program,
        address: &Address,
        sources: &Sources,
        stays: Stays,
    ) -> Result<(Self, StartReport)> {
        let begun = Instant::now();
        let spawner = Platform::new()
            .spawning(program)
            .map_err(|error| anyhow!("cannot start processes ({error:?})"))?;
        let unit = Unit::new(guardian::NAME);
        let started = spawner
            .spawn_apart(&unit)
            .map_err(|error| anyhow!("cannot start the guardian ({error:?})"))?;
        let process = Self { spawner, channel: started.channel, pid: started.pid };
        let started = process.launch(address, sources, stays)?;
        let report = StartReport { total: begun.elapsed(), services: started.services.into_vec() };
        Ok((process, report))
    }

    fn launch(&self, address: &Address, sources: &Sources, stays: Stays) -> Result<Started> {
        let text = address.0.clone().into_bytes();
        let start = StartSystem {
            address: text.try_into().map_err(|_| anyhow!("the address is too long"))?,
            stays: u16::from(stays == Stays::Forever),
            configuration: sources.encode().try_into().map_err(|_| {
                anyhow!("too many settings on the command line and in variables; use a file")
            })?,
        };
        let bytes = LaunchCommand::Start(start).encode(Header::new(1));
        let gone = |_| anyhow!("init ended before the system was up; see its message above");
        self.channel.send(&Packet { bytes, descriptors: Vec::new() }).map_err(gone)?;
        let packet = self.channel.receive_within(Some(START_WITHIN_NS)).map_err(gone)?;
        match LaunchReply::decode(&packet.bytes) {
            Ok((_, LaunchReply::Started(started))) => Ok(started),
            Ok((_, LaunchReply::Failed(failed))) => bail!("{}", failed.reason.as_str()),
            Err(_) => bail!("init is of another version than this program"),
        }
    }

    /// Lets init go on without this process.
    fn leave(self) {
        // Dropping the spawner would end what it has started.
        std::mem::forget(self.spawner);
    }

    fn stop(self) -> Result<()> {
        drop(self.channel);
        let deadline = Instant::now() + Duration::from_nanos(STOP_WITHIN_NS);
        while self.spawner.reap(self.pid).is_none() {
            if Instant::now() > deadline {
                bail!("the system has not stopped in time, and was ended by force");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}
