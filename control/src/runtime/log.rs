//! A service's records on their way to the logger: a bounded queue, and a session that the broker has
//! opened. Nothing here ever waits.
//!
//! While there is no logger, or it does not keep up, the newest records are dropped and counted; the
//! count travels with the next ones.

use crate::message::Connected;
use crate::platform::Machine;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use dataplane::client::{Buffer, GrantSource, Queue, QueueParts, Ticket};
use dataplane::entry::Errno;
use dataplane::log::{Append, Level, Record};
use dataplane::platform::{Access, Instant, Waiting};
use dataplane::{Arena, ArenaRange, Descriptor, Region};
use rings::Geometry;

/// Records that wait for the logger.
const MOST_WAITING: usize = 256;
/// Bytes that go with one entry.
const BATCH_BYTES: usize = 16 << 10;
/// How soon the logger is looked after again while records wait, ns.
const AGAIN_NS: u64 = 2_000_000;

/// The records of one service.
pub(super) struct Log {
    waiting: Arc<dyn Waiting>,
    sequence: Cell<u64>,
    dropped: Cell<u64>,
    /// Of these, how many the logger was told of, and how many it has answered for.
    told: Cell<u64>,
    known: Cell<u64>,
    records: RefCell<VecDeque<Vec<u8>>>,
    session: RefCell<Option<LogSession>>,
}

struct LogSession {
    queue: Queue,
    in_flight: Vec<InFlight>,
    /// What an earlier session has told.
    base: u64,
}

/// Records on their way.
struct InFlight {
    ticket: Ticket,
    buffer: Buffer,
    records: u64,
    /// How many were dropped before.
    dropped: u64,
}

impl Log {
    pub(super) fn new(waiting: Arc<dyn Waiting>) -> Self {
        Self {
            waiting,
            sequence: Cell::new(0),
            dropped: Cell::new(0),
            told: Cell::new(0),
            known: Cell::new(0),
            records: RefCell::default(),
            session: RefCell::default(),
        }
    }

    /// Notes something.
    pub(super) fn log(&self, level: Level, message: &dyn fmt::Display, fields: &[(&str, &str)]) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        let mut records = self.records.borrow_mut();
        if records.len() >= MOST_WAITING {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let own = |(name, value): &(&str, &str)| (String::from(*name), String::from(*value));
        let record = Record {
            level,
            sequence,
            time: self.waiting.wall_clock(),
            pid: 0,
            message: message.to_string(),
            fields: fields.iter().map(own).collect(),
        };
        records.push_back(record.encode());
    }

    /// The broker has opened a session with the logger.
    pub(super) fn connected(
        &self,
        machine: &Machine,
        connected: &Connected,
        descriptors: &[Descriptor],
    ) {
        self.lose();
        let queue = queue(machine, connected, descriptors);
        let base = self.known.get();
        *self.session.borrow_mut() =
            queue.map(|queue| LogSession { queue, in_flight: Vec::new(), base });
    }

    /// The session is over: what was on its way counts as dropped.
    fn lose(&self) {
        if let Some(session) = self.session.borrow_mut().take() {
            let lost: u64 = session.in_flight.iter().map(|it| it.records).sum();
            self.dropped.set(self.dropped.get() + lost);
        }
        self.told.set(self.known.get());
    }

    /// Sends what can be sent; when to look again, if something is left.
    pub(super) fn pump(&self) -> Option<Instant> {
        match self.try_pump() {
            Ok(again) => again,
            // The logger is gone; the broker opens another session when it is back.
            Err(Over) => {
                self.lose();
                None
            }
        }
    }

    fn try_pump(&self) -> Result<Option<Instant>, Over> {
        let mut records = self.records.borrow_mut();
        let mut session = self.session.borrow_mut();
        let Some(open) = session.as_mut() else { return Ok(None) };
        let untold = self.dropped.get() != self.told.get();
        if records.is_empty() && open.in_flight.is_empty() && !untold {
            return Ok(None);
        }
        open.take_back(self)?;
        while !records.is_empty() || self.dropped.get() != self.told.get() {
            if !open.send(&mut records, self.dropped.get())? {
                break;
            }
            self.told.set(self.dropped.get());
        }
        let is_idle = records.is_empty() && open.in_flight.is_empty();
        Ok((!is_idle).then(|| self.waiting.now().after_ns(AGAIN_NS)))
    }
}

/// The session is over.
struct Over;

impl LogSession {
    /// Takes the completions that are there.
    fn take_back(&mut self, log: &Log) -> Result<(), Over> {
        while let Some(done) = self.queue.poll().map_err(|_| Over)? {
            let Some(at) = self.in_flight.iter().position(|it| it.ticket == done.ticket) else {
                continue;
            };
            let sent = self.in_flight.swap_remove(at);
            self.queue.give_back(sent.buffer);
            let taken = done.status.result().map_or(0, u64::from);
            log.dropped.set(log.dropped.get() + sent.records.saturating_sub(taken));
            log.known.set(log.known.get().max(sent.dropped));
        }
        Ok(())
    }

    /// Sends some records, or a count alone; false if there is no room now.
    fn send(&mut self, waiting: &mut VecDeque<Vec<u8>>, dropped: u64) -> Result<bool, Over> {
        let mut batch = Vec::new();
        let mut count = 0;
        while let Some(record) = waiting.get(count)
            && batch.len() + record.len() <= BATCH_BYTES
        {
            batch.extend_from_slice(record);
            count += 1;
        }
        let Ok(buffer) = self.queue.buffer_with(&batch) else { return Ok(false) };
        let of_session = dropped.saturating_sub(self.base);
        let append = Append { records: buffer.range(), dropped: of_session };
        match self.queue.submit(append.to_sqe()) {
            Ok(ticket) => {
                let records = count as u64;
                self.in_flight.push(InFlight { ticket, buffer, records, dropped });
                waiting.drain(..count);
                Ok(true)
            }
            Err(dataplane::client::ClientError::Full) => {
                self.queue.give_back(buffer);
                Ok(false)
            }
            Err(_) => Err(Over),
        }
    }
}

/// The one queue of a session.
fn queue(machine: &Machine, connected: &Connected, descriptors: &[Descriptor]) -> Option<Queue> {
    let [client, service, arena, doorbell] = descriptors else { return None };
    let terms = &connected.terms;
    let geometry = Geometry::new(terms.sq_entries, terms.cq_entries).ok()?;
    let map = |region: &Descriptor, access| machine.memory.map(region, access).ok();
    let arena = Arena::new(map(arena, Access::ReadWrite)?);
    let share = u32::try_from(arena.len()).unwrap_or(u32::MAX);
    let parts = QueueParts {
        client_block: map(client, Access::ReadWrite)?,
        service_block: map(service, Access::ReadOnly)?,
        geometry,
        share: ArenaRange { offset: 0, len: share },
        arena,
        waiting_mode: terms.waiting,
        waiting: Arc::clone(&machine.waiting),
        doorbell: machine.doorbells.open(doorbell).ok()?,
        grants: Arc::new(NoGrants),
        fork_guard: machine.memory.fork_guard().ok()?,
    };
    Queue::new(parts).ok()
}

/// The logger grants nothing; that the system is gone is noticed elsewhere.
struct NoGrants;

impl GrantSource for NoGrants {
    fn map(&self, _grant: u32) -> Result<Region, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    fn prefault(&self, _region: &Region, _offset: usize, _len: usize) {}

    fn is_connected(&self) -> bool {
        true
    }
}
