//! A service that tries what it may not, each thing when it is told to.

use control::client::{ClientMachine, Connection};
use control::message::{Layer, LayerState, ServiceStatus};
use control::platform::{Channel, Limits, Machine, Unit};
use control::runtime::serve;
use control::service::{Sender, Service};
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::service::{Answer, DataService};
use dataplane::{HandleTable, SessionInfo};
use host::confine::{Files, Handed, Profile, confine};
use init::{Init, InitMachine, Policy};
use logger::Page;
use platform::linux::{Platform, Program, poller, service_channel};
use rustix::fd::AsFd;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::MountFlags;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, Signal};
use std::ffi::CString;
use std::fs::File;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest wait for a record that must come.
const WITHIN: Duration = Duration::from_secs(60);
const PROBES: [&str; 2] = ["probe-alone", "probe-files"];
/// Most that each service may have open: fewer than this process may, and more than they need.
const DESCRIPTORS: u32 = 200;

/// What is tried, and the number of the call that is refused for it.
const ATTEMPTS: [(&str, i64); 8] = [
    ("socket", libc::SYS_socket),
    ("execute", libc::SYS_execve),
    ("mount", libc::SYS_mount),
    ("kill", libc::SYS_kill),
    ("namespace", libc::SYS_setns),
    ("open", libc::SYS_openat),
    ("other process", libc::SYS_openat),
    ("program", libc::SYS_openat),
];

/// The profile of a role of this file.
pub(crate) fn profile(name: &str) -> Option<Profile> {
    match name {
        "probe-alone" => Some(Profile::new()),
        "probe-files" => Some(Profile::new().with_files(Files::ByDescriptor)),
        _ => None,
    }
}

pub(crate) fn run(profile: Profile) -> ExitCode {
    let handed = Handed::look();
    let channel = service_channel().unwrap();
    // What it could have kept, had it been careless: to find its way into another namespace.
    let namespace = File::open("/proc/self/ns/uts").unwrap();
    let confinement = Arc::new(confine(&profile, handed, &[]).unwrap());
    let platform = Platform::new();
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement,
    };
    let served = serve(channel, machine, poller().unwrap(), |_, _| Probe { namespace });
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Probe {
    namespace: File,
}

impl Probe {
    fn attempt(&self, what: &str) -> rustix::io::Result<()> {
        let open = |path, flags| rustix::fs::openat(CWD, path, flags, Mode::empty()).map(drop);
        match what {
            "socket" => {
                rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).map(drop)
            }
            "execute" => {
                let program = CString::from(c"/bin/true");
                let failed = nix::unistd::execve(&program, &[&program], &[] as &[&CString]);
                Err(rustix::io::Errno::from_raw_os_error(failed.unwrap_err() as i32))
            }
            "mount" => rustix::mount::mount("none", "/proc", "tmpfs", MountFlags::empty(), None),
            "kill" => rustix::process::kill_process(Pid::INIT, Signal::TERM),
            "namespace" => {
                let any = rustix::thread::LinkNameSpaceType::HostNameAndNISDomainName;
                rustix::thread::move_into_link_name_space(self.namespace.as_fd(), Some(any))
            }
            "open" => open("/etc/passwd", OFlags::RDONLY),
            "other process" => open("/proc/1/environ", OFlags::RDONLY),
            "program" => open("/proc/self/exe", OFlags::WRONLY),
            _ => panic!("there is no attempt {what}"),
        }
    }
}

impl Service for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    async fn start(&self) -> Result<(), Errno> {
        Ok(())
    }

    async fn handle_message(&self, _: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        let outcome = self.attempt(std::str::from_utf8(message).unwrap());
        Ok(format!("{:?}", outcome.map_err(|error| error.raw_os_error())).into_bytes())
    }

    async fn stop(&self) {}
}

impl DataService for Probe {
    type Session = ();
    type Held = ();

    fn open_session(&self, _: &SessionInfo) -> Result<(Rc<()>, Handle), Errno> {
        Ok((Rc::new(()), HandleTable::new(1).insert(())?))
    }

    fn close_session(&self, _: &Rc<()>) {}

    fn supports(&self, _: Opcode) -> bool {
        false
    }

    fn request(self: &Rc<Self>, _: &Rc<()>, _: &Sqe) -> Answer<()> {
        Err::<dataplane::service::Completion<()>, _>(Errno::EOPNOTSUPP).into()
    }
}

/// Each attempt is answered EPERM, counted by init, and in the log; the service goes on.
pub(crate) fn what_is_refused_is_logged() {
    let address = format!("@veridian-confinement-{}", std::process::id());
    let (connection, init) = start(&address);
    for probe in PROBES {
        let before = status(&connection, probe);
        assert_eq!(before.confinement.state(Layer::SystemCalls), LayerState::InForce);
        assert_eq!(before.confinement.state(Layer::ResourceLimits), LayerState::InForce);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", before.pid)).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let words: Vec<&str> = line.unwrap().split_whitespace().collect();
        assert_eq!(words, [&*DESCRIPTORS.to_string(), &*DESCRIPTORS.to_string(), "files"]);
        for (count, (what, call)) in (1..).zip(ATTEMPTS) {
            let answer = connection.tell(probe, what.as_bytes()).unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(answer, format!("Err({})", libc::EPERM), "{probe}: {what}");
            await_count(&connection, probe, count);
            await_record(&connection, probe, call);
        }
        let after = status(&connection, probe);
        assert_eq!((after.pid, after.restarts), (before.pid, 0), "the same process");
        println!("{probe}: {} attempts refused, counted and logged", ATTEMPTS.len());
    }
    connection.shutdown().unwrap();
    init.join().unwrap();
}

fn start(address: &str) -> (Connection, JoinHandle<()>) {
    let platform = Platform::new();
    let listener = platform.listen(address).unwrap();
    let (ready, started) = mpsc::channel();
    let on = platform.clone();
    let init = thread::spawn(move || {
        let machine = InitMachine {
            waiting: on.waiting(),
            pairing: Arc::new(on.clone()),
            random: Arc::new(platform::Entropy),
            memory: on.memory(),
            doorbells: on.doorbells(),
            spawning: Box::new(on.spawning(Program::default()).unwrap()),
            poller: poller().unwrap(),
            listener,
            lifeline: None,
            pid: std::process::id(),
            keeper: None,
            configuration: None,
        };
        let units = [&["logger"][..], &PROBES].concat().into_iter().map(limited).collect();
        let policy = Policy::new(rustix::process::getuid().as_raw());
        let mut init = Init::new(machine, units, policy).unwrap();
        init.start().unwrap();
        ready.send(()).unwrap();
        init.run();
    });
    started.recv().unwrap();
    let memory = platform.memory();
    let machine = ClientMachine {
        waiting: platform.waiting(),
        doorbells: platform.doorbells(),
        fork_guard: memory.fork_guard().unwrap(),
        memory,
    };
    let channel: Arc<dyn Channel> = platform.connect(address, 10_000_000_000).unwrap();
    (Connection::new(channel, machine).unwrap(), init)
}

fn limited(name: &str) -> Unit {
    let limits = Limits { descriptors: Some(DESCRIPTORS), ..Limits::default() };
    Unit { limits, ..Unit::new(name) }
}

fn status(connection: &Connection, name: &str) -> ServiceStatus {
    let report = connection.status().unwrap();
    *report.services.iter().find(|service| service.name.as_str() == name).unwrap()
}

fn await_count(connection: &Connection, probe: &str, count: u32) {
    until(|| {
        let refused = status(connection, probe).refused;
        assert!(refused <= count, "counted once: {refused}");
        refused == count
    });
}

/// init's records that a call with this number was refused to the service: at least one by now.
fn await_record(connection: &Connection, probe: &str, call: i64) {
    let call = call.to_string();
    until(|| {
        let page = connection.tell("logger", b"read 0 trace init").unwrap();
        let page = Page::parse(&page).unwrap();
        page.entries.iter().any(|entry| {
            let has = |name: &str, value: &str| {
                entry.record.fields.iter().any(|(n, v)| n == name && v == value)
            };
            has("service", probe) && has("call", &call)
        })
    });
}

fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time");
        thread::sleep(Duration::from_millis(2));
    }
}
