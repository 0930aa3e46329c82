//! `spsc_stream`: the rings alone, in private memory of one process.
//!
//! One entry at a time, since each is published by its own last word. The consumer returns slots
//! every quarter of the ring, as the queues do.

use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, ensure};
use rings::sync::Ordering;
use rings::{Consumer, Producer, Region, SQE_WORDS, Word};

use crate::peers::stream::{CAPACITY, Sink, Source};

/// Entries moved before the caller looks whether its block is over.
const BATCH: u64 = 32;
const SLOTS_SHIFT: u32 = CAPACITY.trailing_zeros();
const WORD_BYTES: usize = size_of::<u64>();
/// The alignment of the slots, and the distance between words of different writers, in bytes.
const LINE_BYTES: usize = 128;

type Memory = &'static [AtomicU64];

/// The sending end.
#[derive(Debug)]
pub struct Sender {
    producer: Producer<Memory, SQE_WORDS>,
    head: Word<Memory>,
}

/// The receiving end.
#[derive(Debug)]
pub struct Receiver {
    consumer: Consumer<Memory, SQE_WORDS>,
    head: Word<Memory>,
    published_head: u64,
}

/// Both ends of a ring. Its memory is never freed.
///
/// # Errors
/// If the memory were too small.
pub fn ring() -> Result<(Sender, Receiver)> {
    let words = CAPACITY * SQE_WORDS + 2 * LINE_BYTES / WORD_BYTES;
    let memory: Memory = Vec::leak((0..words).map(|_| AtomicU64::new(0)).collect());
    let head_offset = memory.as_ptr().align_offset(LINE_BYTES) * WORD_BYTES;
    let region = Region::over(memory);
    let slots = || region.slots(head_offset + LINE_BYTES, SLOTS_SHIFT);
    let head = region.word(head_offset).ok().context("no room for the head")?;
    let producer = Producer::new(slots().ok().context("no room for the slots")?, 0, 0);
    let consumer = Consumer::new(slots().ok().context("no room for the slots")?, 0);
    let receiver = Receiver { consumer, head: head.clone(), published_head: 0 };
    Ok((Sender { producer, head }, receiver))
}

impl Source for Sender {
    fn offer(&mut self, number: u64) -> u64 {
        if self.producer.room() == 0
            && self.producer.observe_head(self.head.load(Ordering::Acquire)).is_err()
        {
            return 0;
        }
        let mut sent = 0;
        while sent < BATCH && self.producer.push(&[number + sent; SQE_WORDS]).is_ok() {
            sent += 1;
        }
        sent
    }
}

impl Sink for Receiver {
    fn take(&mut self, number: u64, limit: u64) -> Result<u64> {
        let mut taken = 0;
        while taken < limit.min(BATCH) {
            let Some([received, ..]) =
                self.consumer.pop().ok().context("the ring was overwritten")?
            else {
                break;
            };
            ensure!(received == number + taken, "an item is missing from the stream");
            taken += 1;
        }
        let consumed = self.consumer.consumed();
        if consumed - self.published_head >= self.consumer.capacity() / 4 {
            self.published_head = consumed;
            self.head.store(consumed, Ordering::Release);
        }
        Ok(taken)
    }
}
