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
    /// How many were dropped when the logger was told last.
    told: Cell<u64>,
    records: RefCell<VecDeque<Vec<u8>>>,
    session: RefCell<Option<LogSession>>,
}

struct LogSession {
    queue: Queue,
    in_flight: Vec<(Ticket, Buffer)>,
}

impl Log {
    pub(super) fn new(waiting: Arc<dyn Waiting>) -> Self {
        Self {
            waiting,
            sequence: Cell::new(0),
            dropped: Cell::new(0),
            told: Cell::new(0),
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
        let session = queue(machine, connected, descriptors);
        *self.session.borrow_mut() =
            session.map(|queue| LogSession { queue, in_flight: Vec::new() });
        // The new logger knows of none.
        self.told.set(0);
    }

    /// Sends what can be sent; when to look again, if something is left.
    pub(super) fn pump(&self) -> Option<Instant> {
        let mut records = self.records.borrow_mut();
        let mut session = self.session.borrow_mut();
        let open = session.as_mut()?;
        let untold = self.dropped.get() != self.told.get();
        if records.is_empty() && open.in_flight.is_empty() && !untold {
            return None;
        }
        if open.take_back().is_err() {
            // The logger is gone; the broker opens another session when it is back.
            *session = None;
            return None;
        }
        while !records.is_empty() || self.dropped.get() != self.told.get() {
            match open.send(&mut records, self.dropped.get()) {
                Ok(true) => self.told.set(self.dropped.get()),
                Ok(false) => break,
                Err(_) => {
                    *session = None;
                    return None;
                }
            }
        }
        let is_idle = records.is_empty() && open.in_flight.is_empty();
        (!is_idle).then(|| self.waiting.now().after_ns(AGAIN_NS))
    }
}

/// The session is over.
struct Over;

impl LogSession {
    /// Takes the completions that are there.
    fn take_back(&mut self) -> Result<(), Over> {
        while let Some(done) = self.queue.poll().map_err(|_| Over)? {
            if let Some(at) = self.in_flight.iter().position(|(ticket, _)| *ticket == done.ticket) {
                let (_, buffer) = self.in_flight.swap_remove(at);
                self.queue.give_back(buffer);
            }
        }
        Ok(())
    }

    /// Sends some records, or a count alone; false if there is no room now.
    fn send(&mut self, records: &mut VecDeque<Vec<u8>>, dropped: u64) -> Result<bool, Over> {
        let mut batch = Vec::new();
        let mut count = 0;
        while let Some(record) = records.get(count)
            && batch.len() + record.len() <= BATCH_BYTES
        {
            batch.extend_from_slice(record);
            count += 1;
        }
        let Ok(buffer) = self.queue.buffer_with(&batch) else { return Ok(false) };
        let append = Append { records: buffer.range(), dropped };
        match self.queue.submit(append.to_sqe()) {
            Ok(ticket) => {
                self.in_flight.push((ticket, buffer));
                records.drain(..count);
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
