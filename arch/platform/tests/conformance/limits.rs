//! What a service may take of the machine: what is said to be in force is, and nothing is left over.
//!
//! Which limits can be had depends on the machine and the user, so the checks go by what is said; but
//! as root with control groups of version 1 to be written, those must be had. Memory is bounded as
//! nobody alone, whose limits are resource limits everywhere: a group for memory would be made below
//! the one that the test itself is in.

use crate::subject::{LOST_NS, Report, Subject, packet, unit};
use crate::system;
use control::message::{Layer, LayerState, Layers};
use control::platform::{Channel, Limits, Spawning, Started, Unit};
use platform::linux;
use rustix::io::Errno;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where a hierarchy of version 1 usually is.
const PIDS: &str = "/sys/fs/cgroup/pids";

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("who has no limits is told so", unlimited);
    check("descriptors are limited", descriptors);
    check("tasks and processor time are limited, or said not to be", grouped);
    check("a group that was left behind is removed", stale);
    check("limits hold without rights, too", as_nobody);
}

fn limited(name: &str, limits: Limits) -> Unit {
    Unit { limits, ..unit(name) }
}

fn unlimited(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("exit")).unwrap();
    assert_eq!(started.limits, Layers::default());
    subject.reaped(&*spawner, &started);
}

fn descriptors(subject: &Subject) {
    let spawner = subject.spawner();
    let limits = Limits { descriptors: Some(20), ..Limits::default() };
    let started = spawner.spawn(&limited("taker", limits)).unwrap();
    assert_eq!(started.limits.state(Layer::ResourceLimits), LayerState::InForce);
    assert_eq!(started.limits.state(Layer::ControlGroup), LayerState::NotWanted);
    // 0 to 3 are open.
    assert_eq!(asked(&started, "descriptors"), "16, then EMFILE");
    spawner.kill(started.pid);
    subject.reaped(&*spawner, &started);
}

fn grouped(subject: &Subject) {
    let spawner = subject.spawner();
    let limits = Limits { tasks: Some(5), cpu_percent: Some(50), ..Limits::default() };
    let started = spawner.spawn(&limited("taker", limits)).unwrap();
    let state = started.limits.state(Layer::ControlGroup);
    if state != LayerState::InForce {
        assert!(!can_group(), "groups can be made here, and yet: {state:?}");
        println!("limits by control groups: not observed, because there are none: {state:?}");
        spawner.kill(started.pid);
        subject.reaped(&*spawner, &started);
        return;
    }
    // Its first thread is one.
    assert_eq!(asked(&started, "threads"), "4, then EAGAIN");
    let groups = groups_of(started.pid);
    assert!(!groups.is_empty(), "it is in a group of its own");
    let processor = groups.iter().find(|group| group.join("cpu.cfs_quota_us").exists());
    if let Some(group) = processor {
        let quota = fs::read_to_string(group.join("cpu.cfs_quota_us")).unwrap();
        assert_eq!(quota.trim(), "50000");
    }
    spawner.kill(started.pid);
    subject.reaped(&*spawner, &started);
    for group in groups {
        assert!(!group.exists(), "{} was left behind", group.display());
    }
}

fn stale(subject: &Subject) {
    if !can_group() {
        println!("groups that were left behind: not observed, because none can be made");
        return;
    }
    let left = Path::new(PIDS).join("veridian-left-7");
    fs::create_dir(&left).unwrap();
    let kept = Path::new(PIDS).join("veridian-kept-7");
    fs::create_dir(&kept).unwrap();
    let directory = File::open(&kept).unwrap();
    rustix::fs::flock(&directory, rustix::fs::FlockOperation::LockExclusive).unwrap();

    let spawner = subject.spawner();
    let limits = Limits { tasks: Some(5), ..Limits::default() };
    let started = spawner.spawn(&limited("exit", limits)).unwrap();
    subject.reaped(&*spawner, &started);
    let (left_is_there, kept_is_there) = (left.exists(), kept.exists());
    fs::remove_dir(&kept).unwrap();
    assert!(!left_is_there, "of a system that is no more");
    assert!(kept_is_there, "of a system that runs");
}

fn as_nobody(subject: &Subject) {
    if !rustix::process::getuid().is_root() {
        return all_without_groups(&*subject.spawner());
    }
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("poor spawner")).unwrap();
    assert_eq!(subject.reaped(&*spawner, &started), 0);
}

/// The role of that name: as nobody, starts one with every limit.
pub(crate) fn poor_spawner() -> i32 {
    system::become_nobody();
    all_without_groups(&linux::Platform::new().spawning(linux::Program::default()).unwrap());
    0
}

fn all_without_groups(spawner: &dyn Spawning) {
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        tasks: Some(5),
        cpu_percent: Some(50),
        descriptors: Some(20),
    };
    let started = spawner.spawn(&limited("taker", limits)).unwrap();
    assert_eq!(started.limits.state(Layer::ResourceLimits), LayerState::InForce);
    let group = started.limits.state(Layer::ControlGroup);
    assert!(matches!(group, LayerState::NotPermitted | LayerState::NotInKernel), "{group:?}");
    assert_eq!(asked(&started, "descriptors"), "16, then EMFILE");
    // Of 64 MiB, the program takes some itself.
    let memory = asked(&started, "mebibytes");
    let (taken, error) = memory.split_once(", then ").unwrap();
    let taken: u32 = taken.parse().unwrap();
    assert!((32..64).contains(&taken) && error == "ENOMEM", "{memory}");
}

fn asked(started: &Started, what: &str) -> String {
    started.channel.send(&packet(what.as_bytes())).unwrap();
    let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
    String::from_utf8(answer.bytes).unwrap()
}

/// The role of that name: takes as much as it gets of what it is asked for, and tells how much.
pub(crate) fn taker(channel: &dyn Channel) -> i32 {
    while let Ok(message) = channel.receive_within(None) {
        let (taken, error) = match &*message.bytes {
            b"descriptors" => most(|| File::open("/dev/null").map_err(|error| number(&error))),
            b"threads" => most(|| {
                let thread = std::thread::Builder::new();
                thread.spawn(std::thread::park).map_err(|error| number(&error))
            }),
            _ => most(|| system::private_memory(1 << 20)),
        };
        let error = match error {
            Some(Errno::MFILE) => "EMFILE".to_owned(),
            Some(Errno::AGAIN) => "EAGAIN".to_owned(),
            Some(Errno::NOMEM) => "ENOMEM".to_owned(),
            other => format!("{other:?}"),
        };
        if channel.send(&packet(format!("{taken}, then {error}").as_bytes())).is_err() {
            break;
        }
    }
    0
}

fn number(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap()
}

/// How often something succeeds, and how it fails then. What was taken is kept until then.
fn most<T>(mut take: impl FnMut() -> Result<T, Errno>) -> (usize, Option<Errno>) {
    /// More than any limit of these checks.
    const BOUND: usize = 1000;
    let mut taken = Vec::with_capacity(BOUND);
    loop {
        match take() {
            Ok(one) if taken.len() < BOUND => taken.push(one),
            Ok(_) => return (BOUND, None),
            Err(error) => return (taken.len(), Some(error)),
        }
    }
}

/// Whether this process may make a group beside its own, which is the root of a hierarchy.
fn can_group() -> bool {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    let is_root_of = |name: &str| {
        groups.lines().any(|line| line.split_once(':').is_some_and(|(_, rest)| rest == name))
    };
    rustix::process::getuid().is_root()
        && is_root_of("pids:/")
        && is_root_of("cpu:/")
        && Path::new(PIDS).join("cgroup.procs").exists()
}

/// The groups of ours that a process is in.
fn groups_of(pid: u32) -> Vec<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = groups.lines().filter(|line| line.contains("/veridian-"));
    ours.map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap(), fields.next().unwrap());
        Path::new("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/'))
    })
    .collect()
}
