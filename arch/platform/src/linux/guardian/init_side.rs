//! The guardian as init sees it: what starts and ends processes, and what outlives init.

use super::super::channel::LinuxChannel;
use super::super::handle::Origin;
use super::super::listener::LinuxListener;
use super::super::memory::LinuxMemory;
use super::super::spawning::resident_bytes;
use super::super::{as_fd, client_channel, stack};
use control::message::{
    Begin, GuardianCommand, GuardianReply, Header, KeepNamed, KeyNamed, LimitWords, Message,
    PokeWord, ProcessNamed, Processes, SpawnUnit, StartSystem,
};
use control::platform::{
    Channel, ChannelError, Keeper, Listener, Packet, Poking, SpawnError, Spawning, Started, Unit,
};
use dataplane::platform::{Access, Memory};
use dataplane::{Descriptor, Region};
use rustix::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest wait for the guardian, ns: far longer than it needs.
const ANSWER_WITHIN_NS: u64 = 30_000_000_000;

/// What an init begins with.
pub struct Begun {
    /// How the system is started.
    pub start: StartSystem,
    /// How many inits it has had, with this one, since it was started or started again in place.
    pub incarnation: u64,
    /// How often it was started again in place.
    pub reboots: u64,
    /// The number by which the machine knows this process.
    pub pid: u32,
    /// Where clients come in.
    pub listener: Arc<dyn Listener>,
    /// Whoever has started the system.
    pub launcher: Arc<dyn Channel>,
    /// The directories of the region store, if there is one: writable, read-only.
    pub store: Option<[OwnedFd; 2]>,
    /// The guardian.
    pub guardian: GuardianSide,
}

/// Init's end of the channel to the guardian.
#[derive(Clone)]
pub struct GuardianSide {
    channel: Arc<dyn Channel>,
    journal: Descriptor,
    next: Arc<AtomicU64>,
}

/// Waits for the guardian's first word. `None`: it is not a guardian, or of another version.
#[must_use]
pub fn begin(channel: Arc<dyn Channel>) -> Option<Begun> {
    let packet = channel.receive_within(Some(ANSWER_WITHIN_NS)).ok()?;
    let (_, reply) = GuardianReply::decode(&packet.bytes).ok()?;
    let (GuardianReply::Begin(begin) | GuardianReply::BeginStored(begin)) = reply else {
        return None;
    };
    let Begin { start, incarnation, reboots, pid } = begin;
    let [listener, launcher, journal, directories @ ..] = packet.descriptors.as_slice() else {
        return None;
    };
    let owned = |descriptor: &Descriptor| as_fd(descriptor)?.try_clone_to_owned().ok();
    let store = match directories {
        [writable, read_only] => Some([owned(writable)?, owned(read_only)?]),
        _ => None,
    };
    Some(Begun {
        start,
        incarnation,
        reboots,
        pid,
        listener: Arc::new(LinuxListener::of(owned(listener)?).ok()?),
        launcher: Arc::new(LinuxChannel::new(owned(launcher)?, Origin::System)),
        store,
        guardian: GuardianSide {
            journal: journal.clone(),
            channel,
            next: Arc::new(AtomicU64::new(1)),
        },
    })
}

impl GuardianSide {
    fn ask(
        &self,
        command: &GuardianCommand,
        descriptors: &[Descriptor],
    ) -> Option<(GuardianReply, Vec<Descriptor>)> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        self.send(request, command, descriptors).ok()?;
        loop {
            let packet = self.channel.receive_within(Some(ANSWER_WITHIN_NS)).ok()?;
            let (header, reply) = GuardianReply::decode(&packet.bytes).ok()?;
            if header.request == request {
                return Some((reply, packet.descriptors));
            }
        }
    }

    /// Sends what is not answered.
    fn order(&self, command: &GuardianCommand, descriptors: &[Descriptor]) {
        // If the guardian is gone, so is this process in a moment.
        let _ = self.send(0, command, descriptors);
    }

    /// Waits if the channel is full: the guardian always reads, and waits for nobody.
    fn send(
        &self,
        request: u64,
        command: &GuardianCommand,
        descriptors: &[Descriptor],
    ) -> Result<(), ChannelError> {
        let bytes = command.encode(Header::new(request));
        let packet = Packet { bytes, descriptors: descriptors.to_vec() };
        loop {
            match self.channel.send(&packet) {
                Err(ChannelError::Full) => std::thread::yield_now(),
                sent => return sent,
            }
        }
    }

    fn started(&self, command: &GuardianCommand) -> Option<Started> {
        let (GuardianReply::Running(running), descriptors) = self.ask(command, &[])? else {
            return None;
        };
        let [channel, exit] = descriptors.as_slice() else { return None };
        let socket = as_fd(channel)?.try_clone_to_owned().ok()?;
        let channel = Arc::new(LinuxChannel::new(socket, Origin::System));
        Some(Started { channel, pid: running.pid, exit: exit.clone(), limits: running.limits })
    }
}

impl Spawning for GuardianSide {
    fn spawn(&self, unit: &Unit) -> Result<Started, SpawnError> {
        let limit = |value: Option<u32>| value.map_or(0, u64::from);
        let limits = LimitWords {
            memory_bytes: unit.limits.memory_bytes.unwrap_or(0),
            tasks: limit(unit.limits.tasks),
            cpu_percent: limit(unit.limits.cpu_percent),
            descriptors: limit(unit.limits.descriptors),
        };
        let words = unit.command.iter().flat_map(|word| word.bytes().chain([0]));
        let words: Vec<u8> = words.collect();
        let command = words.try_into().map_err(|_| SpawnError::UnknownRole)?;
        let name = unit.name.parse().map_err(|_| SpawnError::UnknownRole)?;
        let spawn = GuardianCommand::Spawn(SpawnUnit { name, limits, command });
        self.started(&spawn).ok_or(SpawnError::Exhausted)
    }

    fn adopt(&self, pid: u32) -> Option<Started> {
        self.started(&GuardianCommand::Adopt(ProcessNamed { pid }))
    }

    fn retain(&self, pids: &[u32]) {
        let pids = pids.to_vec().try_into().unwrap_or_default();
        self.order(&GuardianCommand::Retain(Processes { pids }), &[]);
    }

    fn kill(&self, pid: u32) {
        self.order(&GuardianCommand::Kill(ProcessNamed { pid }), &[]);
    }

    fn interrogate(&self, pid: u32) {
        self.order(&GuardianCommand::Interrogate(ProcessNamed { pid }), &[]);
    }

    fn describe(&self, frames: &[u64]) -> String {
        stack::describe(frames)
    }

    fn reap(&self, pid: u32) -> Option<i32> {
        match self.ask(&GuardianCommand::Reap(ProcessNamed { pid }), &[])?.0 {
            GuardianReply::Ended(end) => Some(end.code),
            _ => None,
        }
    }

    fn resident_bytes(&self, pid: u32) -> u64 {
        resident_bytes(pid)
    }
}

impl Keeper for GuardianSide {
    fn keep(&self, key: u64, descriptors: &[Descriptor], poking: Poking) {
        let named = KeepNamed { key, poked: u16::from(poking == Poking::First) };
        let keep = match descriptors.len() {
            1 => GuardianCommand::KeepOne(named),
            2 => GuardianCommand::KeepTwo(named),
            _ => GuardianCommand::KeepSix(named),
        };
        self.order(&keep, descriptors);
    }

    fn forget(&self, key: u64) {
        self.order(&GuardianCommand::Forget(KeyNamed { key }), &[]);
    }

    fn kept(&self, key: u64) -> Vec<Descriptor> {
        let kept = self.ask(&GuardianCommand::Kept(KeyNamed { key }), &[]);
        kept.map(|(_, descriptors)| descriptors).unwrap_or_default()
    }

    fn keys(&self) -> Vec<u64> {
        let mut all = Vec::new();
        let mut key = 0;
        while let Some((GuardianReply::Keys(page), _)) =
            self.ask(&GuardianCommand::Keys(KeyNamed { key }), &[])
        {
            let Some(last) = page.keys.last().copied() else { break };
            all.extend(page.keys.iter().copied());
            let Some(next) = last.checked_add(1) else { break };
            key = next;
        }
        all
    }

    fn client_channel(&self, descriptor: &Descriptor) -> Option<Arc<dyn Channel>> {
        client_channel(descriptor)
    }

    fn poke(&self, key: u64, offset: u64, value: u64) {
        self.order(&GuardianCommand::Poke(PokeWord { key, offset, value }), &[]);
    }

    fn journal(&self) -> Option<Region> {
        LinuxMemory::default().map(&self.journal, Access::ReadWrite).ok()
    }
}
