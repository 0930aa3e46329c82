//! One honest end of a queue, and a script that plays the hostile other end: it does what an
//! honest peer does, and scribbles over any word it can write, between any two steps.
//!
//! Only [`rings`] and `std` are used, so that a fuzz target can include this file.

use rings::sync::{AtomicU64, Ordering};
use rings::{
    ClientQueue, Completion, Corrupt, CqeWords, Cursors, Geometry, Region, ServiceQueue, SqeWords,
    layout,
};
use std::collections::VecDeque;

type Memory<'a> = Region<&'a [AtomicU64]>;

/// Plays a script; panics if the honest end breaks a rule. Which end is honest, the geometry and
/// the cursors are the script's first bytes.
pub(crate) fn run(script: &[u8]) {
    let mut script = Script(script.iter());
    let (sq_shift, cq_shift) = (script.byte() % 4 + 1, script.byte() % 4 + 1);
    let geometry = Geometry::new(1 << sq_shift, 1 << cq_shift).unwrap();
    let cursors = Cursors {
        sq_next: script.start(geometry.sq_entries()),
        cq_next: script.start(geometry.cq_entries()),
    };
    let zeros = |bytes: usize| -> Vec<_> { (0..bytes / 8).map(|_| AtomicU64::new(0)).collect() };
    let (client, service) = (zeros(geometry.client_bytes()), zeros(geometry.service_bytes()));
    let blocks =
        Blocks { client: Region::over(&client), service: Region::over(&service), geometry };
    // Errors of the session are how it may end at any time.
    let _ended = if script.byte() % 2 == 0 {
        HonestService::new(blocks, cursors).play(&mut script)
    } else {
        HonestClient::new(blocks, cursors).play(&mut script)
    };
}

/// Bytes that decide what happens; zeros when they have run out.
struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A free-running index to start at: zero, or a little before something wraps.
    fn start(&mut self, entries: u32) -> u64 {
        let before = u64::from(self.byte());
        match self.byte() % 3 {
            0 => 0,
            1 => (1 << 32) - before,
            _ => u64::from(u32::MAX) * u64::from(entries) - before,
        }
    }

    /// Overwrites one word with noise, or with something close to what it was.
    fn scribble(&mut self, block: &Memory<'_>) {
        let offset = usize::from(self.byte()) * 8 % block.len();
        let word = block.word(offset).unwrap();
        let before = word.load(Ordering::Relaxed);
        let small = u64::from(self.byte());
        let value = match self.byte() % 6 {
            0 => self.word(),
            1 => small,
            2 => before.wrapping_add(small),
            3 => before.wrapping_sub(small),
            4 => before.wrapping_add((small % 4) << 32),
            _ => before ^ (1 << (small % 64)),
        };
        word.store(value, Ordering::Relaxed);
    }
}

/// The shared memory of a queue.
struct Blocks<'a> {
    client: Memory<'a>,
    service: Memory<'a>,
    geometry: Geometry,
}

impl<'a> Blocks<'a> {
    fn client_end(&self, cursors: Cursors) -> ClientQueue<&'a [AtomicU64]> {
        ClientQueue::resume(&self.client, &self.service, self.geometry, cursors).unwrap()
    }

    fn service_end(&self, cursors: Cursors, open: u64) -> ServiceQueue<&'a [AtomicU64]> {
        ServiceQueue::new(&self.client, &self.service, self.geometry, cursors, open).unwrap()
    }

    /// The words that entry `index` has in its ring.
    fn entry<const N: usize>(
        block: &Memory<'_>,
        slots: usize,
        entries: u32,
        index: u64,
    ) -> [u64; N] {
        let slot = slots + (index % u64::from(entries)) as usize * N * 8;
        std::array::from_fn(|word| block.load(slot + word * 8, Ordering::Relaxed).unwrap())
    }
}

/// A service that keeps the rules, and what it knows to be true.
struct HonestService<'a> {
    blocks: Blocks<'a>,
    service: ServiceQueue<&'a [AtomicU64]>,
    /// What the hostile client uses when it feels like an honest one.
    puppet: ClientQueue<&'a [AtomicU64]>,
    accepted: u64,
    finished: u64,
    /// Completions that the client has not validly consumed, as they lie in their slots.
    posted: VecDeque<CqeWords>,
    /// Whether the client may meanwhile have taken back what a predecessor saw it consume.
    resumed: bool,
}

impl<'a> HonestService<'a> {
    fn new(blocks: Blocks<'a>, cursors: Cursors) -> Self {
        let puppet = blocks.client_end(cursors);
        let service = blocks.service_end(cursors, 0);
        let posted = VecDeque::new();
        let resumed = cursors.cq_next > 0;
        Self { blocks, service, puppet, accepted: 0, finished: 0, posted, resumed }
    }

    fn play(mut self, script: &mut Script<'_>) -> Result<(), Corrupt> {
        while !script.is_over() {
            match script.byte() % 16 {
                0..=2 => script.scribble(&self.blocks.client),
                3..=5 => {
                    let _ = self.puppet.submit(&[script.word(); 8]);
                }
                6..=8 => self.puppet_consumes(script),
                9..=11 => self.accepted += u64::from(self.service.accept()?.is_some()),
                12 | 13 => self.complete(script.word()),
                14 => self.complete_more(script.word()),
                _ => self.other(script.byte()),
            }
            self.check()?;
        }
        Ok(())
    }

    fn puppet_consumes(&mut self, script: &mut Script<'_>) {
        let last = !script.byte().is_multiple_of(4);
        let completion = if last { Completion::Last } else { Completion::More };
        if let Ok(Some(entry)) = self.puppet.peek() {
            let _ = self.puppet.consume(&entry, completion);
        }
        self.puppet.must_ring();
    }

    fn complete(&mut self, word: u64) {
        let outcome = self.service.complete([word; 4]);
        let open = self.accepted - self.finished;
        if outcome.is_ok() {
            self.finished += 1;
            self.note_posted();
        } else {
            assert!(open == 0 || self.resumed, "no slot for a request that was accepted");
        }
    }

    fn complete_more(&mut self, word: u64) {
        // Without a request there is nothing that more could follow for.
        if self.service.in_flight() > 0 && self.service.complete_more([word; 4]).is_ok() {
            self.note_posted();
        }
    }

    fn completion(&self, index: u64) -> CqeWords {
        let entries = self.blocks.geometry.cq_entries();
        Blocks::entry(&self.blocks.service, layout::SERVICE_SLOTS, entries, index)
    }

    fn note_posted(&mut self) {
        self.posted.push_back(self.completion(self.service.cursors().cq_next - 1));
    }

    fn other(&mut self, which: u8) {
        match which % 6 {
            0 => self.service.arm(),
            1 => self.service.disarm(),
            2 => {
                let _ = self.service.must_ring();
            }
            3 => drop(self.service.advance_wake_sequence()),
            4 => {
                let _ = self.service.client_cpu();
            }
            _ => {
                let open = self.service.in_flight();
                self.service = self.blocks.service_end(self.service.cursors(), open);
                self.resumed = true;
            }
        }
    }

    fn check(&mut self) -> Result<(), Corrupt> {
        let slots = u64::from(self.blocks.geometry.cq_entries());
        assert_eq!(self.service.in_flight(), self.accepted - self.finished);
        assert!(self.service.in_flight() <= slots, "more in flight than slots");
        let (consumed, posted) =
            (self.service.consumed_completions()?, self.service.cursors().cq_next);
        assert!(posted - consumed <= slots, "completion ring overrun");
        // Nothing that is not consumed was overwritten.
        let unconsumed = (posted - consumed) as usize;
        assert!(unconsumed <= self.posted.len() || self.resumed, "consumption was taken back");
        while self.posted.len() > unconsumed {
            self.posted.pop_front();
        }
        for (entry, index) in self.posted.iter().rev().zip((0..posted).rev()) {
            assert_eq!(*entry, self.completion(index), "a completion was overwritten");
        }
        Ok(())
    }
}

/// A client that keeps the rules, and what it knows to be true.
struct HonestClient<'a> {
    blocks: Blocks<'a>,
    client: ClientQueue<&'a [AtomicU64]>,
    /// What the hostile service uses when it feels like an honest one.
    puppet: ServiceQueue<&'a [AtomicU64]>,
    submitted: u64,
    finished: u64,
    consumed: u64,
    cq_head: u64,
}

impl<'a> HonestClient<'a> {
    fn new(blocks: Blocks<'a>, cursors: Cursors) -> Self {
        let client = blocks.client_end(cursors);
        let puppet = blocks.service_end(cursors, 0);
        let consumed = cursors.cq_next;
        Self { blocks, client, puppet, submitted: 0, finished: 0, consumed, cq_head: consumed }
    }

    fn play(mut self, script: &mut Script<'_>) -> Result<(), Corrupt> {
        while !script.is_over() {
            match script.byte() % 16 {
                0..=2 => script.scribble(&self.blocks.service),
                3..=5 => self.submit([script.word(); 8]),
                6..=8 => self.consume(script)?,
                9..=11 => {
                    let _ = self.puppet.accept();
                }
                12 | 13 => {
                    let _ = self.puppet.complete([script.word(); 4]);
                }
                14 => {
                    let _ = self.puppet.complete_more([script.word(); 4]);
                }
                _ => self.other(script.byte()),
            }
            self.check();
        }
        Ok(())
    }

    fn submit(&mut self, entry: SqeWords) {
        if self.client.submit(&entry).is_ok() {
            self.submitted += 1;
        }
    }

    fn consume(&mut self, script: &mut Script<'_>) -> Result<(), Corrupt> {
        let last = !script.byte().is_multiple_of(4);
        if let Some(entry) = self.client.peek()? {
            // The client's own table says whether a request is open; here, that any is.
            let finishes = last && self.submitted > self.finished;
            self.finished += u64::from(finishes);
            self.consumed += 1;
            let completion = if finishes { Completion::Last } else { Completion::More };
            self.client.consume(&entry, completion)?;
        }
        Ok(())
    }

    fn other(&mut self, which: u8) {
        match which % 5 {
            0 => {
                let _ = self.client.arm();
            }
            1 => self.client.disarm(),
            2 => {
                let _ = self.client.must_ring();
            }
            3 => {
                let _ = self.client.state();
            }
            _ => {
                let _ = self.client.service_cpu();
            }
        }
    }

    fn check(&mut self) {
        let slots = u64::from(self.blocks.geometry.cq_entries());
        assert_eq!(self.client.in_flight(), self.submitted - self.finished);
        assert!(self.client.in_flight() <= slots, "more in flight than slots");
        let said = self.blocks.client.load(layout::CLIENT_CQ_HEAD, Ordering::Relaxed).unwrap();
        assert!(
            (self.cq_head..=self.consumed).contains(&said),
            "what the client says it consumed is not what it consumed"
        );
        self.cq_head = said;
    }
}
