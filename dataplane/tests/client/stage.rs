//! A machine on which services play scripts whenever their client looks at the clock or waits.

use crate::support::memory::region;
use crate::support::session::QueueBlocks;
use dataplane::client::{GrantSource, Queue, QueueParts};
use dataplane::entry::{Cqe, CqeFlags, Errno, Sqe, Status};
use dataplane::grant;
use dataplane::platform::{Doorbell, Instant, Timestamp, Waiting, Wake};
use dataplane::{Arena, ArenaRange, Owner, Region, WaitMode, Word};
use rings::sync::Ordering;
use rings::{Consumer, Geometry, Producer, State, layout};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// Bytes of an arena, all of which is its queue's.
pub(crate) const ARENA: u32 = 16 * 1024;
/// Grants that there are.
const GRANTS: u32 = 3;
/// Bytes of a granted region.
const GRANTED: usize = grant::CONTENTS + 4096;
/// What a look at the clock, or a wait, takes.
const STEP_NS: u64 = 700;

/// Time, doorbells, grants, and the services.
#[derive(Default)]
pub(crate) struct Stage {
    now: AtomicU64,
    scenes: Mutex<Vec<Scene>>,
    pub(crate) rung: AtomicU64,
}

/// One service.
struct Scene {
    blocks: QueueBlocks,
    arena: Region,
    submissions: Consumer<Owner, 8>,
    completions: Producer<Owner, 4>,
    /// Accepted and not answered, and user data that was answered.
    open: Vec<Sqe>,
    finished: Vec<u64>,
    script: std::vec::IntoIter<u8>,
    conduct: Conduct,
}

/// How a service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Answers every request once, in any order.
    Honest,
    /// Writes anything.
    Hostile,
}

impl Stage {
    /// A queue whose service plays a script, and then dies.
    pub(crate) fn enter(
        self: &Arc<Self>,
        geometry: Geometry,
        waiting_mode: WaitMode,
        conduct: Conduct,
        script: Vec<u8>,
    ) -> Queue {
        let blocks = QueueBlocks::new(geometry);
        let arena = region(ARENA as usize);
        let fork_guard = region(8);
        fork_guard.store(0, 1, Ordering::Relaxed).unwrap();
        let slots = |shift: u32| shift.ilog2();
        let submissions =
            blocks.client.slots(layout::CLIENT_SLOTS, slots(geometry.sq_entries())).unwrap();
        let completions =
            blocks.service.slots(layout::SERVICE_SLOTS, slots(geometry.cq_entries())).unwrap();
        let queue = Queue::new(QueueParts {
            client_block: blocks.client.clone(),
            service_block: blocks.service.clone(),
            geometry,
            arena: Arena::new(arena.clone()),
            share: ArenaRange { offset: 0, len: ARENA },
            waiting_mode,
            waiting: self.clone(),
            doorbell: self.clone(),
            grants: self.clone(),
            fork_guard: fork_guard.word(0).unwrap(),
        });
        let scene = Scene {
            blocks,
            arena,
            submissions: Consumer::new(submissions, 0),
            completions: Producer::new(completions, 0, 0),
            open: Vec::new(),
            finished: Vec::new(),
            script: script.into_iter(),
            conduct,
        };
        scene.set_state(State::Open);
        self.scenes.lock().unwrap().push(scene);
        queue.unwrap()
    }

    /// Lets every service take a step.
    pub(crate) fn step(&self) {
        self.now.fetch_add(STEP_NS, Ordering::Relaxed);
        self.scenes.lock().unwrap().iter_mut().for_each(Scene::step);
    }
}

impl Scene {
    fn byte(&mut self) -> u8 {
        self.script.next().unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn set_state(&self, state: State) {
        self.blocks
            .service
            .store(layout::SERVICE_STATE, state.to_word(), Ordering::Release)
            .unwrap();
    }

    fn step(&mut self) {
        while let Ok(Some(words)) = self.submissions.pop() {
            self.open.push(Sqe::from_words(words));
        }
        if self.script.len() == 0 {
            return self.set_state(State::Dead);
        }
        let which = self.byte();
        let scribbles = self.conduct == Conduct::Hostile && which.is_multiple_of(4);
        if !scribbles {
            return self.answer(|cqe| cqe);
        }
        match self.byte() % 12 {
            0 => {
                let user_data = self.word();
                self.post(Cqe::new(user_data, Status::OK, CqeFlags::empty(), 0));
            }
            1 => {
                if let Some(user_data) = self.finished.last().copied() {
                    self.post(Cqe::new(user_data, Status::OK, CqeFlags::empty(), 0));
                }
            }
            2 => self.answer(|cqe| Cqe { user_data: cqe.user_data ^ 1 << 32, ..cqe }),
            3 => self.answer(|cqe| Cqe { status: i32::MAX, ..cqe }),
            4 => self.answer(|cqe| Cqe { flags: CqeFlags::MORE.bits(), ..cqe }),
            5 => {
                let status = self.word() as i32;
                self.answer(|cqe| Cqe { status, ..cqe });
            }
            6 => {
                let aux = self.word();
                self.answer(|cqe| Cqe { aux, flags: CqeFlags::GRANT.bits(), ..cqe });
            }
            7 => {
                let sq_head = self.word() as u32;
                self.answer(|cqe| Cqe { sq_head, ..cqe });
            }
            8 => {
                let state = (self.word() % 6) | (u64::from(self.byte() % 3) << 32);
                self.set_state(State::from_word(state));
            }
            9 => (0..self.byte()).for_each(|_| self.post(Cqe::default())),
            10 => self.scribble(&self.blocks.service.clone()),
            _ => self.scribble(&self.arena.clone()),
        }
    }

    /// Overwrites a word with noise, or with something near what it was.
    fn scribble(&mut self, block: &Region) {
        let offset = self.word() as usize % (block.len() / 8) * 8;
        let before = block.load(offset, Ordering::Relaxed).unwrap();
        let near = before.wrapping_add(u64::from(self.byte() % 3) << (self.byte() % 64));
        let value = if self.byte().is_multiple_of(2) { self.word() } else { near };
        block.store(offset, value, Ordering::Relaxed).unwrap();
    }

    /// Answers one of the open requests, as `twist` has it.
    fn answer(&mut self, twist: impl FnOnce(Cqe) -> Cqe) {
        if self.open.is_empty() {
            return;
        }
        let which = usize::from(self.byte()) % self.open.len();
        let sqe = self.open.swap_remove(which);
        self.finished.push(sqe.user_data);
        // Reads and lists less than was asked for, so that its caller comes again.
        let count = Status::count(sqe.len - sqe.len / 8);
        let sq_head = self.submissions.consumed() as u32;
        let cqe = Cqe::new(sqe.user_data, count, CqeFlags::empty(), sqe.offset);
        self.post(twist(Cqe { sq_head, ..cqe }));
    }

    /// Posts a completion, room or not, and wakes the client.
    fn post(&mut self, cqe: Cqe) {
        let head = match self.conduct {
            Conduct::Honest => self.blocks.consumed(),
            Conduct::Hostile => self.completions.published(),
        };
        self.completions.observe_head(head).unwrap();
        self.completions.push(&cqe.to_words()).unwrap();
        let sequence = self.blocks.service.word(layout::SERVICE_WAKE_SEQUENCE).unwrap();
        sequence.store(sequence.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }
}

impl Waiting for Stage {
    fn now(&self) -> Instant {
        self.step();
        Instant(self.now.load(Ordering::Relaxed))
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(0)
    }

    fn cpu(&self) -> u64 {
        1
    }

    fn yield_now(&self) {
        self.step();
    }

    fn sleep_on(&self, words: &[(&Word, u64)], deadline: Option<Instant>) -> Wake {
        self.step();
        let now = self.now.load(Ordering::Relaxed);
        if words.iter().any(|(word, value)| word.load(Ordering::Acquire) != *value) {
            return Wake::Woken;
        }
        // A sleeper does not sleep on for what the script does not do.
        match deadline {
            Some(deadline) if now >= deadline.0 => Wake::Deadline,
            _ if now.is_multiple_of(11) => Wake::Signal,
            _ => Wake::Woken,
        }
    }

    fn wake(&self, _: &Word) {
        panic!("a client wakes nobody by a word")
    }
}

impl Doorbell for Stage {
    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::Relaxed);
    }
}

impl GrantSource for Stage {
    fn map(&self, grant: u32) -> Result<Region, Errno> {
        if grant >= GRANTS {
            return Err(Errno::ENOENT);
        }
        let granted = region(GRANTED);
        granted.store(grant::ROOM, 4096, Ordering::Relaxed).unwrap();
        Ok(granted)
    }

    fn prefault(&self, region: &Region, offset: usize, len: usize) {
        let end = offset.checked_add(len).unwrap();
        assert!(end <= region.len(), "what was granted is not there");
    }

    fn is_connected(&self) -> bool {
        true
    }
}
