//! A queue whose service can be cut off after every store, and what must then be left.

use crate::support::memory::{image, region};
use crate::support::session::QueueBlocks;
use dataplane::ledger::{self, InFlight, Ledger, LedgerError, Remains};
use dataplane::{Owner, Region};
use rings::sync::Ordering;
use rings::{
    ClientQueue, Completion, Consumer, Cursors, Geometry, Producer, ServiceQueue, SqeWords, layout,
};
use std::collections::BTreeMap;

/// The service was cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff;

/// The memory of a queue.
pub(crate) struct Memory {
    pub(crate) live: QueueBlocks,
}

impl Memory {
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self { live: QueueBlocks::new(geometry) }
    }

    fn copy(&self) -> Self {
        let QueueBlocks { client, service, ledger, geometry } = &self.live;
        let (client, service, ledger) = (image(client), image(service), image(ledger));
        Self { live: QueueBlocks { client, service, ledger, geometry: *geometry } }
    }

    pub(crate) fn service_end(&self, cursors: Cursors, in_flight: u64) -> ServiceQueue<Owner> {
        let QueueBlocks { client, service, geometry, .. } = &self.live;
        ServiceQueue::new(client, service, *geometry, cursors, in_flight).unwrap()
    }

    pub(crate) fn remains(&self) -> Result<Remains, LedgerError> {
        let QueueBlocks { client, service, ledger, geometry } = &self.live;
        ledger::remains(client, service, ledger, *geometry)
    }

    /// The client goes on as long as it finds room; what it adds.
    fn submit_more(&self, submitted: u64) -> Vec<SqeWords> {
        let QueueBlocks { client, service, geometry, .. } = &self.live;
        let head = service.load(layout::SERVICE_SQ_HEAD, Ordering::Acquire).unwrap();
        let slots = client.slots(layout::CLIENT_SLOTS, geometry.sq_entries().ilog2()).unwrap();
        let mut producer = Producer::new(slots, submitted, head);
        let words = |at: u64| [at, !at, 1, 2, 3, 4, 5, 6];
        (0..).map(words).take_while(|words| producer.push(words).is_ok()).collect()
    }
}

/// The words that differ, in the order of their stores: entries before the words in front of them,
/// and each by offset.
fn stores(before: &Region, after: &Region, entries: usize) -> Vec<(usize, u64)> {
    let word = |of: &Region, offset| of.load(offset, Ordering::Relaxed).unwrap();
    let mut stores: Vec<_> = (0..before.len())
        .step_by(8)
        .filter(|offset| word(before, *offset) != word(after, *offset))
        .map(|offset| (offset, word(after, offset)))
        .collect();
    stores.sort_by_key(|(offset, _)| (*offset < entries, *offset));
    stores
}

/// What is true, whatever the memory says.
#[derive(Clone, Default)]
struct Truth {
    /// Submitted and not completed, by index.
    open: BTreeMap<u64, SqeWords>,
    cursors: Cursors,
    submitted: u64,
}

/// A client, a service that notes each step in a ledger, and what is true.
pub(crate) struct World {
    memory: Memory,
    client: ClientQueue<Owner>,
    service: ServiceQueue<Owner>,
    ledger: Ledger,
    truth: Truth,
    /// Index and ledger slot of what is accepted.
    accepted: Vec<(u64, u32)>,
    free: Vec<u32>,
    /// Completions that the client has taken, by index in the submission ring.
    taken: BTreeMap<u64, usize>,
    /// Instants until the service is cut off.
    left: usize,
}

/// `aux` of a completion with more to come.
const MORE: u64 = 1;

impl World {
    pub(crate) fn new(geometry: Geometry, cursors: Cursors, left: usize) -> Self {
        let memory = Memory::new(geometry);
        let live = &memory.live;
        let client = ClientQueue::resume(&live.client, &live.service, geometry, cursors).unwrap();
        let service = memory.service_end(cursors, 0);
        let ledger = Ledger::new(&live.ledger, geometry).unwrap();
        live.ledger.store(0, cursors.sq_next, Ordering::Relaxed).unwrap();
        live.ledger.store(8, cursors.cq_next, Ordering::Relaxed).unwrap();
        Self {
            client,
            service,
            ledger,
            truth: Truth { open: BTreeMap::new(), cursors, submitted: cursors.sq_next },
            accepted: Vec::new(),
            free: (0..geometry.cq_entries()).collect(),
            taken: BTreeMap::new(),
            left,
            memory,
        }
    }

    pub(crate) fn submit(&mut self, words: &SqeWords) {
        let index = self.truth.submitted;
        let mut words = *words;
        words[4] = index;
        if self.client.submit(&words).is_err() {
            return;
        }
        let lap = {
            let geometry = self.memory.live.geometry;
            rings::Position::at(index, geometry.sq_entries().ilog2()).lap()
        };
        words[7] = words[7] & 0xffff_ffff | u64::from(lap) << 32;
        self.truth.open.insert(index, words);
        self.truth.submitted += 1;
    }

    pub(crate) fn take(&mut self, most: usize) {
        for _ in 0..most {
            let Some(words) = self.client.peek().unwrap() else { break };
            let last = words[2] != MORE;
            let kind = if last { Completion::Last } else { Completion::More };
            self.client.consume(&words, kind).unwrap();
            if last {
                *self.taken.entry(words[0]).or_default() += 1;
            }
        }
        self.client.publish_cq_head();
    }

    /// Makes a call, and judges what a kill would leave before and after each of its stores. One
    /// of them, counted from the end, is what makes the truth another.
    fn call(
        &mut self,
        call: impl FnOnce(&mut Self),
        becomes: impl FnOnce(&mut Truth, &ServiceQueue<Owner>),
        from_end: usize,
    ) -> Result<(), CutOff> {
        let before = self.memory.copy();
        call(self);
        let live = &self.memory.live;
        let in_service = stores(&before.live.service, &live.service, layout::SERVICE_SLOTS);
        let in_ledger = stores(&before.live.ledger, &live.ledger, 128);
        let all: Vec<_> = in_service
            .iter()
            .map(|store| (&before.live.service, store))
            .chain(in_ledger.iter().map(|store| (&before.live.ledger, store)))
            .collect();
        let visible = all.len().saturating_sub(from_end);
        let mut next = self.truth.clone();
        becomes(&mut next, &self.service);
        for (at, (region, (offset, value))) in all.iter().enumerate() {
            self.cut(&before)?;
            judge(&before, &self.truth);
            if at == visible {
                self.truth = next.clone();
            }
            region.store(*offset, *value, Ordering::Relaxed).unwrap();
        }
        self.truth = next;
        judge(&before, &self.truth);
        Ok(())
    }

    /// If it is time, cuts the service off, with the memory as it was at this instant: the client
    /// has done nothing since.
    fn cut(&mut self, memory: &Memory) -> Result<(), CutOff> {
        if self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        let live = &self.memory.live;
        for (from, to) in
            [(&memory.live.service, &live.service), (&memory.live.ledger, &live.ledger)]
        {
            from.copy_to(0, to, 0, from.len()).unwrap();
        }
        Err(CutOff)
    }

    pub(crate) fn accept(&mut self) -> Result<(), CutOff> {
        let mut words = None;
        self.call(|world| words = world.service.accept().unwrap(), |_, _| {}, 0)?;
        let Some(words) = words else { return Ok(()) };
        let slot = self.free.pop().unwrap();
        let cursors = self.service.cursors();
        assert_eq!(cursors.sq_next, self.truth.cursors.sq_next + 1);
        assert_eq!(self.truth.open[&(cursors.sq_next - 1)], words);
        self.accepted.push((cursors.sq_next - 1, slot));
        // Accepted from the marker on, which only `sq_next` comes behind.
        self.call(
            |world| world.ledger.accepted(slot, &words, cursors),
            |truth, _| truth.cursors.sq_next += 1,
            2,
        )
    }

    pub(crate) fn complete_more(&mut self, which: usize) -> Result<(), CutOff> {
        let Some((index, _)) = self.accepted.get(which % self.accepted.len().max(1)).copied()
        else {
            return Ok(());
        };
        let posted = self.service.cursors().cq_next;
        self.call(
            |world| {
                let _full = world.service.complete_more([index, 0, MORE, 0]);
            },
            |truth, service| truth.cursors.cq_next = service.cursors().cq_next,
            1,
        )?;
        let cursors = self.service.cursors();
        if cursors.cq_next == posted {
            return Ok(());
        }
        self.call(|world| world.ledger.posted(cursors), |_, _| {}, 0)
    }

    pub(crate) fn complete(&mut self, which: usize) -> Result<(), CutOff> {
        if self.accepted.is_empty() {
            return Ok(());
        }
        let (index, slot) = self.accepted.swap_remove(which % self.accepted.len());
        self.call(|world| world.ledger.completing(slot), |_, _| {}, 0)?;
        self.call(
            |world| world.service.complete([index, 0, 0, 0]).unwrap(),
            |truth, _| {
                truth.open.remove(&index);
                truth.cursors.cq_next += 1;
            },
            1,
        )?;
        let cursors = self.service.cursors();
        self.call(|world| world.ledger.completed(slot, cursors), |_, _| {}, 0)?;
        self.free.push(slot);
        Ok(())
    }

    /// The next incarnation finishes what is left; the client must see each request finished once.
    pub(crate) fn recover(mut self) {
        let remains = judge(&self.memory, &self.truth);
        let accepted: Vec<_> = remains.in_flight.iter().filter(|each| each.accepted).collect();
        let mut next = self.memory.service_end(remains.cursors, accepted.len() as u64);
        for request in accepted {
            next.complete([request.index, 0, 0, 0]).unwrap();
        }
        for request in remains.in_flight.iter().filter(|each| !each.accepted) {
            while next.accept().unwrap().is_none_or(|words| words != request.words) {
                self.take(usize::MAX);
            }
            next.complete([request.index, 0, 0, 0]).unwrap();
        }
        self.take(usize::MAX);
        let submitted = self.taken.len() as u64;
        assert!(self.taken.values().all(|times| *times == 1));
        let first = self.truth.submitted - submitted;
        assert!(self.taken.keys().copied().eq(first..self.truth.submitted));
        assert_eq!(self.client.in_flight(), 0);
    }
}

/// What is left must be what is true, also when the client goes on meanwhile.
fn judge(memory: &Memory, truth: &Truth) -> Remains {
    let remains = memory.remains().unwrap();
    let expected = |truth: &Truth| -> Vec<InFlight> {
        let accepted = truth.cursors.sq_next;
        let in_flight = |(index, words): (&u64, &SqeWords)| InFlight {
            words: *words,
            index: *index,
            accepted: *index < accepted,
        };
        truth.open.iter().map(in_flight).collect()
    };
    assert_eq!(remains.in_flight, expected(truth));
    assert_eq!(remains.cursors, truth.cursors);

    let later = memory.copy();
    let added = later.submit_more(truth.submitted);
    let found = later.remains().unwrap();
    assert_eq!(found.in_flight.len(), truth.open.len() + added.len());
    assert_eq!(found.in_flight[..truth.open.len()], expected(truth));
    assert_eq!(found.cursors, truth.cursors);
    remains
}

/// Memory that nothing was written to is a queue that nothing was done in.
#[test]
fn nothing_is_left_of_nothing() {
    let memory = Memory::new(Geometry::new(2, 2).unwrap());
    let nothing = Remains { in_flight: Vec::new(), cursors: Cursors::default() };
    assert_eq!(memory.remains(), Ok(nothing));
    assert!(region(8).word(8).is_err());
    let slots = memory.live.service.slots(layout::SERVICE_SLOTS, 1).unwrap();
    assert_eq!(Consumer::<_, 4>::new(slots, 0).pop(), Ok(None));
}
