//! The shared memory of a session, as the broker makes it, and one client's end of a queue.

use super::machine::FakeDoorbell;
use super::memory::region;
use dataplane::entry::{Cqe, CqeFlags, Opcode, Sqe};
use dataplane::service::SessionParts;
use dataplane::{
    Arena, Credentials, Owner, Quota, Region, SessionId, SessionInfo, SessionRights, WaitMode,
    ledger,
};
use rings::sync::Ordering;
use rings::{ClientQueue, Completion, Corrupt, Full, Geometry, layout};
use std::sync::Arc;

/// Bytes of every arena.
pub(crate) const ARENA: usize = 4096;
/// Where a slot of a ledger has its marker; see the table in `dataplane::ledger`.
const LEDGER_ENTRIES: usize = 128;
const LEDGER_ENTRY: usize = 128;
const LEDGER_MARKER: usize = 64;

/// What the broker decides of a session.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) id: SessionId,
    pub(crate) queues: u16,
    pub(crate) geometry: Geometry,
    pub(crate) waiting: WaitMode,
}

/// The memory of a session.
#[derive(Clone)]
pub(crate) struct Blocks {
    pub(crate) plan: Plan,
    client: Region,
    service: Region,
    ledgers: Region,
    pub(crate) arena: Region,
    pub(crate) doorbell: Arc<FakeDoorbell>,
}

impl Blocks {
    pub(crate) fn new(plan: Plan) -> Self {
        let queues = usize::from(plan.queues);
        Self {
            plan,
            client: region(queues * plan.geometry.client_bytes()),
            service: region(queues * plan.geometry.service_bytes()),
            ledgers: region(queues * ledger::bytes(plan.geometry)),
            arena: region(ARENA),
            doorbell: Arc::default(),
        }
    }

    /// What the service gets.
    pub(crate) fn parts(&self) -> SessionParts {
        let Plan { id, queues, geometry, waiting } = self.plan;
        SessionParts {
            info: SessionInfo {
                id,
                epoch: 1,
                badge: 7,
                rights: SessionRights::all(),
                quota: Quota::default(),
                credentials: vec![Credentials { uid: 0, gid: 0, groups: Vec::new() }],
                queues,
                geometry,
                waiting,
                arena: Arena::new(self.arena.clone()),
            },
            client_blocks: self.client.clone(),
            service_blocks: self.service.clone(),
            ledgers: self.ledgers.clone(),
            doorbell: self.doorbell.clone(),
        }
    }

    /// One queue's part.
    pub(crate) fn queue(&self, index: u16) -> QueueBlocks {
        let geometry = self.plan.geometry;
        let part = |of: &Region, bytes: usize| of.view(usize::from(index) * bytes, bytes).unwrap();
        QueueBlocks {
            client: part(&self.client, geometry.client_bytes()),
            service: part(&self.service, geometry.service_bytes()),
            ledger: part(&self.ledgers, ledger::bytes(geometry)),
            geometry,
        }
    }
}

/// The memory of one queue.
#[derive(Clone)]
pub(crate) struct QueueBlocks {
    pub(crate) client: Region,
    pub(crate) service: Region,
    pub(crate) ledger: Region,
    pub(crate) geometry: Geometry,
}

impl QueueBlocks {
    /// A queue's memory without a session around it.
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self {
            client: region(geometry.client_bytes()),
            service: region(geometry.service_bytes()),
            ledger: region(ledger::bytes(geometry)),
            geometry,
        }
    }

    pub(crate) fn client_end(&self) -> ClientQueue<Owner> {
        ClientQueue::new(&self.client, &self.service, self.geometry).unwrap()
    }

    /// Submissions accepted, as the ledger has it.
    pub(crate) fn accepted(&self) -> u64 {
        self.ledger.load(0, Ordering::Acquire).unwrap()
    }

    /// Completions posted, as the ledger has it.
    pub(crate) fn posted(&self) -> u64 {
        self.ledger.load(8, Ordering::Acquire).unwrap()
    }

    /// Completions that the client has told the service that it has consumed.
    pub(crate) fn consumed(&self) -> u64 {
        self.client.load(layout::CLIENT_CQ_HEAD, Ordering::Acquire).unwrap()
    }

    /// What is accepted and not completed: index in the submission ring, and entry.
    pub(crate) fn in_flight(&self) -> Vec<(u64, Sqe)> {
        let slots = self.geometry.cq_entries() as usize;
        let word = |offset| self.ledger.load(offset, Ordering::Acquire).unwrap();
        (0..slots)
            .map(|slot| LEDGER_ENTRIES + slot * LEDGER_ENTRY)
            .filter_map(|entry| {
                let index = word(entry + LEDGER_MARKER).checked_sub(1)?;
                let words = std::array::from_fn(|at| word(entry + at * 8));
                Some((index, Sqe::from_words(words)))
            })
            .collect()
    }

    /// Completion slots that neither hold an entry nor are spoken for, as far as the client has
    /// said. Panics if a completion may not find one.
    pub(crate) fn spare(&self) -> u64 {
        let unconsumed = self.posted() - self.consumed();
        let in_flight = self.in_flight().len() as u64;
        let slots = u64::from(self.geometry.cq_entries());
        let spare = slots.checked_sub(in_flight + unconsumed);
        spare.unwrap_or_else(|| panic!("{in_flight} in flight, {unconsumed} unconsumed"))
    }

    /// What the service says of the session.
    pub(crate) fn state(&self) -> rings::State {
        let word = self.service.load(layout::SERVICE_STATE, Ordering::Acquire).unwrap();
        rings::State::from_word(word)
    }
}

/// Submits, and rings if the service sleeps.
pub(crate) fn submit(
    client: &mut ClientQueue<Owner>,
    doorbell: &FakeDoorbell,
    sqe: &Sqe,
) -> Result<(), Full> {
    client.submit(&sqe.to_words())?;
    notify(client, doorbell);
    Ok(())
}

/// Rings if the service sleeps.
pub(crate) fn notify(client: &mut ClientQueue<Owner>, doorbell: &FakeDoorbell) {
    use dataplane::platform::Doorbell;
    if client.must_ring() {
        doorbell.ring();
    }
}

/// Takes the next completion.
pub(crate) fn take(client: &mut ClientQueue<Owner>) -> Result<Option<Cqe>, Corrupt> {
    let Some(words) = client.peek()? else { return Ok(None) };
    let cqe = Cqe::from_words(words);
    let more = cqe.flags().contains(CqeFlags::MORE);
    client.consume(&words, if more { Completion::More } else { Completion::Last })?;
    Ok(Some(cqe))
}

/// An entry with an opcode and user data.
pub(crate) fn entry(opcode: Opcode, user_data: u64) -> Sqe {
    Sqe { user_data, ..Sqe::new(opcode, dataplane::entry::Handle::NONE) }
}
