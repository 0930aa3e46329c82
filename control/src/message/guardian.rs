//! What init asks of the guardian, over the channel that the guardian has started it with. The guardian
//! does it in order, also what an init that has been killed has left, and says nothing by itself but
//! `Begin`, first of all.
//!
//! | kind   | message     | body                                                    | descriptors |
//! |--------|-------------|---------------------------------------------------------|-------------|
//! | 0x0701 | Spawn       | `SpawnUnit`                                              |             |
//! | 0x0702 | Kill        | pid u32                                                  |             |
//! | 0x0703 | Interrogate | pid u32                                                  |             |
//! | 0x0704 | Reap        | pid u32                                                  |             |
//! | 0x0705 | Adopt       | pid u32                                                  |             |
//! | 0x0706 | KeepOne     | key u64, poked u16: 1 if words of the first are poked    | 1           |
//! | 0x0707 | KeepTwo     | the same                                                 | 2           |
//! | 0x0708 | KeepSix     | the same                                                 | 6           |
//! | 0x0709 | Forget      | key u64                                                  |             |
//! | 0x070a | Kept        | key u64                                                  |             |
//! | 0x070b | Keys        | from u64: the first key that is of interest              |             |
//! | 0x070c | Poke        | key u64, offset u64, value u64                           |             |
//! | 0x070d | Retain      | list of up to 64 pids, each u32                          |             |
//!
//! From the guardian:
//!
//! | kind   | message     | body                                                    | descriptors |
//! |--------|-------------|---------------------------------------------------------|-------------|
//! | 0x0001 | Done        |                                                          |             |
//! | 0x0002 | Failed      | see `failed`                                             |             |
//! | 0x0801 | Begin       | `StartSystem` (see `launch`), incarnation u64, reboots u64, pid u32 | listener, launcher's channel, journal |
//! | 0x0802 | BeginStored | the same                                                 | the same, and the region store's directories: writable, read-only |
//! | 0x0803 | Running     | pid u32, limits u32: see `confinement`                   | control channel, what tells of the end |
//! | 0x0804 | Ended       | code i32: exit code, or negated signal                   |             |
//! | 0x0805 | KeptOne     |                                                          | 1           |
//! | 0x0806 | KeptTwo     |                                                          | 2           |
//! | 0x0807 | KeptSix     |                                                          | 6           |
//! | 0x0808 | Keys        | list of up to 400 u64, ascending                         |             |
//!
//! `SpawnUnit`: name (64 bytes), then memory bytes, tasks, percent of a processor, descriptors, each u64
//! and 0 if not limited, then a text: the command's words, each ended by a 0; none: this program.

use super::codec::messages;
use super::confinement::Layers;
use super::failed::Failed;
use super::field::{record, sequence};
use super::launch::StartSystem;
use super::list::{List, Text};
use super::name::Name;

messages! {
    /// What init asks of the guardian.
    GuardianCommand {
        /// Start a process. Answered by `Running` or `Failed`.
        0x0701 + 0 => Spawn(body: SpawnUnit),
        /// End a process at once. Not answered.
        0x0702 + 0 => Kill(body: ProcessNamed),
        /// Send a process the signal that makes it say where it is. Not answered.
        0x0703 + 0 => Interrogate(body: ProcessNamed),
        /// Has it ended? Answered, once for each process, by `Ended`; by `Done` if it has not.
        0x0704 + 0 => Reap(body: ProcessNamed),
        /// Hand over a process that an earlier init had started. Answered by `Running` or `Failed`.
        0x0705 + 0 => Adopt(body: ProcessNamed),
        /// Keep a descriptor. Not answered.
        0x0706 + 1 => KeepOne(body: KeepNamed),
        /// The same.
        0x0707 + 2 => KeepTwo(body: KeepNamed),
        /// The same.
        0x0708 + 6 => KeepSix(body: KeepNamed),
        /// Let go of them. Not answered.
        0x0709 + 0 => Forget(body: KeyNamed),
        /// Show what is kept. Answered by `KeptOne` and so on, or by `Done` if nothing is.
        0x070a + 0 => Kept(body: KeyNamed),
        /// Which keys are there, from this one on? Answered by `Keys`.
        0x070b + 0 => Keys(body: KeyNamed),
        /// Store a word in a region that is kept, and wake who sleeps on it. Not answered.
        0x070c + 0 => Poke(body: PokeWord),
        /// End all processes but these, which are all that init knows of. Not answered.
        0x070d + 0 => Retain(body: Processes),
    }
}

messages! {
    /// What the guardian tells init.
    GuardianReply {
        /// It is done.
        0x0001 + 0 => Done,
        /// It could not be done.
        0x0002 + 0 => Failed(body: Failed),
        /// Be the init of this system, whose regions are anonymous files.
        0x0801 + 3 => Begin(body: Begin),
        /// The same, with a store for regions.
        0x0802 + 5 => BeginStored(body: Begin),
        /// A process.
        0x0803 + 2 => Running(body: RunningProcess),
        /// It has ended.
        0x0804 + 0 => Ended(body: EndCode),
        /// What is kept.
        0x0805 + 1 => KeptOne,
        /// The same.
        0x0806 + 2 => KeptTwo,
        /// The same.
        0x0807 + 6 => KeptSix,
        /// Keys under which something is kept.
        0x0808 + 0 => Keys(body: Keys),
    }
}

sequence! {
    /// A process to start.
    SpawnUnit {
        /// Its name.
        name: Name,
        /// Its limits.
        limits: LimitWords,
        /// The words of its command.
        command: Text,
    }
}

record! {
    /// Limits; 0: none.
    LimitWords, 32 bytes {
        /// Bytes.
        0 => memory_bytes: u64,
        /// Threads and processes.
        8 => tasks: u64,
        /// Hundredths of a processor.
        16 => cpu_percent: u64,
        /// Descriptors.
        24 => descriptors: u64,
    }
}

record! {
    /// A process.
    ProcessNamed, 4 bytes {
        /// Its number.
        0 => pid: u32,
    }
}

record! {
    /// A process that was started.
    RunningProcess, 8 bytes {
        /// Its number.
        0 => pid: u32,
        /// What became of its limits.
        4 => limits: Layers,
    }
}

record! {
    /// Descriptors to keep.
    KeepNamed, 10 bytes {
        /// Under which key.
        0 => key: u64,
        /// 1 if the first is a region in which words will be stored.
        8 => poked: u16,
    }
}

record! {
    /// A key.
    KeyNamed, 8 bytes {
        /// Which.
        0 => key: u64,
    }
}

record! {
    /// A word to store.
    PokeWord, 24 bytes {
        /// Under which key the region is.
        0 => key: u64,
        /// Bytes from its start.
        8 => offset: u64,
        /// The word.
        16 => value: u64,
    }
}

record! {
    /// How a process has ended.
    EndCode, 4 bytes {
        /// Its exit code, or the negated signal.
        0 => code: i32,
    }
}

sequence! {
    /// What an init begins with.
    Begin {
        /// How the system is started.
        start: StartSystem,
        /// How many inits it has had, with this one, since it was started or started again in place.
        incarnation: u64,
        /// How often it was started again in place.
        reboots: u64,
        /// The number by which the machine knows this one.
        pid: u32,
    }
}

sequence! {
    /// Keys.
    Keys {
        /// In ascending order; the next ones are asked for from the last of them on.
        keys: List<u64, { Keys::MOST }>,
    }
}

impl Keys {
    /// Most keys in one answer.
    pub const MOST: usize = 400;
}

sequence! {
    /// Processes.
    Processes {
        /// Their numbers.
        pids: List<u32, 64>,
    }
}
