//! The guardian's own loop: does what init asks, one thing after the other, and starts it again.

use super::super::listener::LinuxListener;
use super::super::memfd;
use super::super::poller::LinuxPoller;
use super::super::spawning::{Program, Spawner};
use super::super::store::RegionStore;
use super::REBOOT;
use super::kept::Kept;
use super::orphans::{self, ChildSignal};
use crate::address::ListenError;
use crate::linux::descriptor;
use control::message::{
    Begin, EndCode, Failed, GuardianCommand, GuardianReply, Header, Keys, Layers, Message,
    RunningProcess, SpawnUnit, StartSystem,
};
use control::platform::{Channel, Limits, Packet, Spawning, Started, Unit};
use dataplane::Descriptor;
use dataplane::entry::Errno;
use dataplane::platform::{Poller, Token, Writer};
use rustix::process::set_child_subreaper;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the journal's region, of which only what is written takes memory.
const JOURNAL_BYTES: u64 = 128 << 20;
/// So many inits in a row that live no longer than this, and none is started any more.
const MOST_SHORT_LIVES: u32 = 10;
const SHORT_LIFE: Duration = Duration::from_millis(100);
/// The exit code of a program that has panicked.
const PANICKED: i32 = 101;

/// In place of an exit code: there was no process to be had.
const NOT_STARTED: i32 = i32::MIN;
/// How long services may take to be gone when they are killed.
const GONE_WITHIN: Duration = Duration::from_secs(10);

const INIT: Token = Token(1);
const CHILDREN: Token = Token(2);

/// How a guardian has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The system has stopped in order.
    Stopped,
    /// init has ended with this exit code, having said why.
    Failed(i32),
    /// init was killed, or has panicked, again and again.
    GaveUp,
    /// No process, memory or descriptor to be had.
    Exhausted,
    /// Clients cannot reach the address.
    Listen(ListenError),
}

/// Starts a system and watches over it until it ends. To be called in a process of its own, before it
/// has other threads.
pub fn guard(launcher: &Arc<dyn Channel>, start: &StartSystem, program: Program) -> Verdict {
    let Ok(address) = std::str::from_utf8(&start.address) else {
        return Verdict::Listen(ListenError::BadAddress);
    };
    let listener = match LinuxListener::open(address) {
        Ok(listener) => listener,
        Err(error) => return Verdict::Listen(error),
    };
    match Guardian::new(launcher, start, listener, program) {
        Ok(mut guardian) => guardian.guard().unwrap_or(Verdict::Exhausted),
        Err(_) => Verdict::Exhausted,
    }
}

struct Guardian {
    launcher: Descriptor,
    start: StartSystem,
    listener: LinuxListener,
    store: Option<[Descriptor; 2]>,
    journal: Descriptor,
    spawner: Spawner,
    /// What earlier inits have started: its end of the control channel, what tells of the end, and how
    /// it has ended, until init has heard of that.
    children: HashMap<u32, Child>,
    /// The init of now, and how it has ended, if it has.
    init_pid: u32,
    init_code: Option<i32>,
    kept: Kept,
    /// How often the system was started again in place.
    reboots: u64,
    signal: ChildSignal,
    poller: LinuxPoller,
}

struct Child {
    channel: Arc<dyn Channel>,
    exit: Descriptor,
    limits: Layers,
    code: Option<i32>,
}

/// No process or descriptor to be had.
struct Exhausted;

impl Guardian {
    fn new(
        launcher: &Arc<dyn Channel>,
        start: &StartSystem,
        listener: LinuxListener,
        program: Program,
    ) -> rustix::io::Result<Self> {
        // As the first of its namespace, it gets all orphans anyway.
        set_child_subreaper(Some(rustix::process::getpid()))?;
        if start.stays != 0 {
            rustix::process::set_parent_process_death_signal(None)?;
        }
        let signal = ChildSignal::watch()?;
        let poller = LinuxPoller::new()?;
        let nomem = |_| rustix::io::Errno::NOMEM;
        poller.add(&signal.source(), CHILDREN).map_err(nomem)?;
        let store = RegionStore::create().ok().map(RegionStore::into_directories);
        Ok(Self {
            launcher: launcher.source(),
            start: start.clone(),
            listener,
            store: store.map(|(writable, read_only)| [writable, read_only].map(descriptor)),
            journal: new_journal()?,
            spawner: Spawner::new(program).map_err(|_| rustix::io::Errno::MFILE)?,
            children: HashMap::new(),
            init_pid: 0,
            init_code: None,
            kept: Kept::default(),
            reboots: 0,
            signal,
            poller,
        })
    }

    /// One init after the other.
    fn guard(&mut self) -> Result<Verdict, Exhausted> {
        let mut short_lives = 0;
        let mut incarnation = 0;
        loop {
            incarnation += 1;
            let begun = Instant::now();
            // A machine that has no process to spare may have one in a moment.
            let code = self.one_init(incarnation).unwrap_or(NOT_STARTED);
            match code {
                0 => return Ok(Verdict::Stopped),
                REBOOT => {
                    self.end_all();
                    short_lives = 0;
                    self.kept.forget_all();
                    self.journal = new_journal().map_err(|_| Exhausted)?;
                    incarnation = 0;
                    self.reboots += 1;
                }
                code if code > 0 && code != PANICKED && incarnation == 1 => {
                    return Ok(Verdict::Failed(code));
                }
                _ if begun.elapsed() > SHORT_LIFE => short_lives = 0,
                _ => {
                    short_lives += 1;
                    std::thread::sleep(if code == NOT_STARTED {
                        SHORT_LIFE
                    } else {
                        Duration::ZERO
                    });
                    if short_lives >= MOST_SHORT_LIVES {
                        return Ok(Verdict::GaveUp);
                    }
                }
            }
        }
    }

    /// Starts init, does what it asks until it ends, and says how it has.
    fn one_init(&mut self, incarnation: u64) -> Result<i32, Exhausted> {
        let init = self.spawner.spawn(&Unit::new("init")).map_err(|_| Exhausted)?;
        self.init_pid = init.pid;
        let (start, reboots) = (self.start.clone(), self.reboots);
        let begin = Begin { start, incarnation, reboots, pid: init.pid };
        let mut descriptors =
            vec![self.listener_source(), self.launcher.clone(), self.journal.clone()];
        let begin = match &self.store {
            Some(directories) => {
                descriptors.extend_from_slice(directories);
                GuardianReply::BeginStored(begin)
            }
            None => GuardianReply::Begin(begin),
        };
        reply(&*init.channel, 0, &begin, descriptors);
        let source = init.channel.source();
        self.poller.add(&source, INIT).map_err(|_| Exhausted)?;
        let mut ready = Vec::new();
        let code = loop {
            self.poller.wait(None, &mut ready);
            if ready.drain(..).any(|token| token == CHILDREN) {
                self.signal.clear();
                self.reap();
            }
            // All of it, also what an init that has ended has left: it was said in order.
            while let Ok(Some(packet)) = init.channel.receive() {
                self.obey(&*init.channel, packet);
            }
            if let Some(code) = self.init_code.take() {
                break code;
            }
        };
        self.poller.remove(&source);
        Ok(code)
    }

    fn listener_source(&self) -> Descriptor {
        use control::platform::Listener;
        self.listener.source()
    }

    /// Reaps whoever has ended: services and init, whose ends it notes, and orphans.
    fn reap(&mut self) {
        let (spawner, children) = (&self.spawner, &mut self.children);
        let (init_pid, init_code) = (self.init_pid, &mut self.init_code);
        orphans::reap(|own| {
            let Some(pid) = spawner.named(own) else { return false };
            let code = spawner.reap(pid);
            match children.get_mut(&pid) {
                Some(child) => child.code = code,
                None if pid == init_pid => *init_code = code,
                // Nobody wants to know.
                None => {}
            }
            true
        });
    }

    fn obey(&mut self, init: &dyn Channel, packet: Packet) {
        let Ok((Header { request, .. }, command)) = GuardianCommand::decode(&packet.bytes) else {
            return;
        };
        let mut descriptors = Vec::new();
        let answer = match command {
            GuardianCommand::Spawn(unit) => self.spawn(&unit, &mut descriptors),
            GuardianCommand::Adopt(named) => self.running(named.pid, &mut descriptors),
            GuardianCommand::Kill(named) => return self.spawner.kill(named.pid),
            GuardianCommand::Retain(known) => return self.retain(&known.pids),
            GuardianCommand::Interrogate(named) => return self.spawner.interrogate(named.pid),
            GuardianCommand::Reap(named) => self.ended(named.pid),
            GuardianCommand::KeepOne(named)
            | GuardianCommand::KeepTwo(named)
            | GuardianCommand::KeepSix(named) => {
                return self.kept.keep(named.key, packet.descriptors, named.poked != 0);
            }
            GuardianCommand::Forget(named) => return self.kept.forget(named.key),
            GuardianCommand::Kept(named) => {
                descriptors = self.kept.show(named.key);
                match descriptors.len() {
                    1 => GuardianReply::KeptOne,
                    2 => GuardianReply::KeptTwo,
                    6 => GuardianReply::KeptSix,
                    _ => {
                        descriptors.clear();
                        GuardianReply::Done
                    }
                }
            }
            GuardianCommand::Keys(from) => {
                let keys = self.kept.keys(from.key, Keys::MOST).try_into().unwrap_or_default();
                GuardianReply::Keys(Keys { keys })
            }
            GuardianCommand::Poke(word) => {
                return self.kept.poke(word.key, word.offset, word.value);
            }
        };
        reply(init, request, &answer, descriptors);
    }

    fn spawn(&mut self, unit: &SpawnUnit, descriptors: &mut Vec<Descriptor>) -> GuardianReply {
        match self.spawner.spawn(&unit_of(unit)) {
            Ok(Started { channel, pid, exit, limits }) => {
                self.children.insert(pid, Child { channel, exit, limits, code: None });
                self.running(pid, descriptors)
            }
            Err(_) => failed("the process cannot be started"),
        }
    }

    fn retain(&mut self, known: &[u32]) {
        let spawner = &self.spawner;
        self.children.retain(|pid, _| {
            let is_known = known.contains(pid);
            if !is_known {
                spawner.kill(*pid);
            }
            is_known
        });
    }

    fn running(&self, pid: u32, descriptors: &mut Vec<Descriptor>) -> GuardianReply {
        let Some(child) = self.children.get(&pid) else {
            return failed("there is no such process");
        };
        descriptors.extend([child.channel.source(), child.exit.clone()]);
        GuardianReply::Running(RunningProcess { pid, limits: child.limits })
    }

    /// How a process has ended, once: it is forgotten then.
    fn ended(&mut self, pid: u32) -> GuardianReply {
        // It may have ended just now.
        self.reap();
        let Some(child) = self.children.get_mut(&pid) else { return GuardianReply::Done };
        match child.code {
            Some(code) => {
                self.children.remove(&pid);
                GuardianReply::Ended(EndCode { code })
            }
            None => GuardianReply::Done,
        }
    }

    /// Ends all services at once, and waits until they are gone.
    fn end_all(&mut self) {
        for pid in self.spawner.pids() {
            self.spawner.kill(pid);
        }
        let deadline = Instant::now() + GONE_WITHIN;
        while !self.spawner.pids().is_empty() && Instant::now() < deadline {
            self.reap();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.children.clear();
    }
}

fn new_journal() -> rustix::io::Result<Descriptor> {
    Ok(memfd::create(JOURNAL_BYTES, Writer::Service)?.writable)
}

fn unit_of(spawn: &SpawnUnit) -> Unit {
    let words = spawn.command.split(|byte| *byte == 0);
    let words = words.map(|word| String::from_utf8_lossy(word).into_owned());
    let mut command: Vec<String> = words.collect();
    // What is behind the last 0.
    command.pop();
    let limit = |value: u64| (value != 0).then_some(value);
    let number = |value| limit(value).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let limits = Limits {
        memory_bytes: limit(spawn.limits.memory_bytes),
        tasks: number(spawn.limits.tasks),
        cpu_percent: number(spawn.limits.cpu_percent),
        descriptors: number(spawn.limits.descriptors),
    };
    Unit { command, limits, ..Unit::new(spawn.name.as_str()) }
}

fn failed(reason: &str) -> GuardianReply {
    GuardianReply::Failed(Failed::new(Errno::EIO, reason))
}

/// An init that does not read is as good as one that has ended, which is noticed.
fn reply(init: &dyn Channel, request: u64, reply: &GuardianReply, descriptors: Vec<Descriptor>) {
    let bytes = reply.encode(Header::new(request));
    let _ = init.send(&Packet { bytes, descriptors });
}
