//! What was accepted and not yet completed, in memory that outlives the service's process.
//!
//! The broker owns the region; only the service maps it, and the broker reads it when the service
//! has died. One block a queue:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `sq_next`: submissions accepted |
//! | 8 | 8 | `cq_next`: completions posted |
//! | 16 | 8 | `completing`: marker of the entry that is being completed |
//! | 128 | 128 × n | entries, as many as completion slots |
//!
//! An entry:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 64 | the submission, as it was read |
//! | 64 | 8 | marker: 0 if free, else its index in the submission ring, plus 1; stored last |
//! | 72 | 56 | reserved, 0 |
//!
//! Order of stores, which a reader after a crash relies on. Accepting: entry, marker, `sq_next`.
//! Completing: `completing`, completion slot, marker = 0, `cq_next`. So at most one entry a queue
//! is ambiguous, and the completion ring tells whether its completion was posted.

use crate::memory::{Owner, Region, Word};
use alloc::vec::Vec;
use rings::sync::Ordering;
use rings::{Consumer, Corrupt, Cursors, Geometry, OutOfBounds, Slots, SqeWords, layout};
use static_assertions::const_assert;

const SQ_NEXT: usize = 0;
const CQ_NEXT: usize = 8;
const COMPLETING: usize = 16;
const ENTRIES: usize = 128;
const ENTRY_WORDS: usize = 16;
const MARKER: usize = 8;

const_assert!(MARKER == rings::SQE_WORDS);
const_assert!(ENTRY_WORDS > MARKER);

/// Bytes of the ledger of one queue.
#[must_use]
pub fn bytes(geometry: Geometry) -> usize {
    ENTRIES + geometry.cq_entries() as usize * ENTRY_WORDS * 8
}

/// The ledger of one queue, as its service writes it.
#[derive(Debug)]
pub struct Ledger {
    entries: Slots<Owner, ENTRY_WORDS>,
    sq_next: Word,
    cq_next: Word,
    completing: Word,
}

impl Ledger {
    /// The ledger in a block.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the block is smaller than [`bytes`].
    pub fn new(block: &Region, geometry: Geometry) -> Result<Self, OutOfBounds> {
        Ok(Self {
            entries: block.slots(ENTRIES, geometry.cq_entries().ilog2())?,
            sq_next: block.word(SQ_NEXT)?,
            cq_next: block.word(CQ_NEXT)?,
            completing: block.word(COMPLETING)?,
        })
    }

    /// Notes a submission that was just accepted, in a free slot.
    #[inline]
    pub fn accepted(&self, slot: u32, words: &SqeWords, cursors: Cursors) {
        let entry = self.entries.slot(u64::from(slot));
        for (to, from) in entry.iter().zip(words) {
            to.store(*from, Ordering::Relaxed);
        }
        if let Some(marker) = entry.get(MARKER) {
            marker.store(cursors.sq_next, Ordering::Release);
        }
        self.sq_next.store(cursors.sq_next, Ordering::Release);
    }

    /// To be called before the completion of a slot's request is posted.
    #[inline]
    pub fn completing(&self, slot: u32) {
        let marker = self.entries.slot(u64::from(slot)).get(MARKER);
        self.completing.store(marker.map_or(0, |m| m.load(Ordering::Relaxed)), Ordering::Release);
    }

    /// To be called after it was posted.
    #[inline]
    pub fn completed(&self, slot: u32, cursors: Cursors) {
        if let Some(marker) = self.entries.slot(u64::from(slot)).get(MARKER) {
            marker.store(0, Ordering::Release);
        }
        self.cq_next.store(cursors.cq_next, Ordering::Release);
    }

    /// To be called after a completion was posted that leaves its request open.
    pub fn posted(&self, cursors: Cursors) {
        self.cq_next.store(cursors.cq_next, Ordering::Release);
    }
}

/// A request that a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The submission.
    pub words: SqeWords,
    /// Its index in the submission ring.
    pub index: u64,
    /// Whether the service had accepted it; otherwise it is still in the ring.
    pub accepted: bool,
}

/// What a dead service has left of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Every request that has no completion, in the order of submission.
    pub in_flight: Vec<InFlight>,
    /// Where the next incarnation goes on.
    pub cursors: Cursors,
}

/// Why nothing can be read from what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// A block is smaller than the geometry says.
    OutOfBounds(OutOfBounds),
    /// A ring holds what no correct party wrote.
    Corrupt(Corrupt),
}

impl From<OutOfBounds> for LedgerError {
    fn from(error: OutOfBounds) -> Self {
        Self::OutOfBounds(error)
    }
}

impl From<Corrupt> for LedgerError {
    fn from(error: Corrupt) -> Self {
        Self::Corrupt(error)
    }
}

/// Reads what a dead service has left of a queue. Nothing may run on the queue's service side
/// meanwhile; the client may go on.
///
/// # Errors
/// [`LedgerError`].
pub fn remains(
    client_block: &Region,
    service_block: &Region,
    ledger_block: &Region,
    geometry: Geometry,
) -> Result<Remains, LedgerError> {
    let ledger = Ledger::new(ledger_block, geometry)?;
    let mut accepted = ledger.entries_present();
    let mut cq_next = ledger.cq_next.load(Ordering::Acquire);
    let completions = service_block.slots(layout::SERVICE_SLOTS, geometry.cq_entries().ilog2())?;
    let mut completions = Consumer::<_, { rings::CQE_WORDS }>::new(completions, cq_next);
    if completions.pop()?.is_some() {
        // Posted, but not yet noted: its request is finished.
        cq_next += 1;
        let completing = ledger.completing.load(Ordering::Acquire);
        accepted.retain(|entry| entry.index + 1 != completing);
    }
    // An entry may have been noted before `sq_next` was.
    let noted = accepted.iter().map(|entry| entry.index + 1).max().unwrap_or(0);
    let sq_next = ledger.sq_next.load(Ordering::Acquire).max(noted);
    let submissions = client_block.slots(layout::CLIENT_SLOTS, geometry.sq_entries().ilog2())?;
    let mut submissions = Consumer::new(submissions, sq_next);
    for _ in 0..geometry.sq_entries() {
        let index = submissions.consumed();
        let Some(words) = submissions.pop()? else {
            break;
        };
        accepted.push(InFlight { words, index, accepted: false });
    }
    accepted.sort_by_key(|entry| entry.index);
    Ok(Remains { in_flight: accepted, cursors: Cursors { sq_next, cq_next } })
}

impl Ledger {
    fn entries_present(&self) -> Vec<InFlight> {
        let mut present = Vec::new();
        for slot in 0..self.entries.capacity() {
            let entry = self.entries.slot(slot);
            let marker = entry.get(MARKER).map_or(0, |marker| marker.load(Ordering::Acquire));
            if let Some(index) = marker.checked_sub(1) {
                let mut words = SqeWords::default();
                for (to, from) in words.iter_mut().zip(entry) {
                    *to = from.load(Ordering::Relaxed);
                }
                present.push(InFlight { words, index, accepted: true });
            }
        }
        present
    }
}
