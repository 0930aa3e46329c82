//! `rtrb`: 64-byte items through its ring, in chunks as they come and one by one.

use anyhow::{Result, ensure};
use rtrb::{Consumer, Producer, RingBuffer};

use super::stream::{CAPACITY, Sink, Source};
use crate::remote::Message;

/// Items moved at once by contenders that batch.
const CHUNK: usize = 32;

/// Either end, moving chunks of up to 32 items.
#[derive(Debug)]
pub struct Chunks<T>(T);

/// Either end, moving one item at a time.
#[derive(Debug)]
pub struct Items<T>(T);

/// Both ends of a ring that is used in chunks.
#[must_use]
pub fn chunks() -> (Chunks<Producer<Message>>, Chunks<Consumer<Message>>) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    (Chunks(producer), Chunks(consumer))
}

/// Both ends of a ring that is used item by item.
#[must_use]
pub fn items() -> (Items<Producer<Message>>, Items<Consumer<Message>>) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    (Items(producer), Items(consumer))
}

impl Source for Chunks<Producer<Message>> {
    fn offer(&mut self, number: u64) -> u64 {
        let known = self.0.cached_slots();
        let free = if known < CHUNK { self.0.slots() } else { known };
        let items = (number..).map(|number| [number; 8]);
        let chunk = self.0.write_chunk_uninit(free.min(CHUNK));
        chunk.map_or(0, |chunk| chunk.fill_from_iter(items) as u64)
    }
}

impl Sink for Chunks<Consumer<Message>> {
    fn take(&mut self, number: u64, limit: u64) -> Result<u64> {
        let wanted = usize::try_from(limit)?.min(CHUNK);
        let known = self.0.cached_slots();
        let there = if known < wanted { self.0.slots() } else { known };
        let chunk = self.0.read_chunk(there.min(wanted))?;
        let (first, second) = chunk.as_slices();
        for ([received, ..], expected) in first.iter().chain(second).zip(number..) {
            ensure!(*received == expected, "an item is missing from the stream");
        }
        let taken = chunk.len();
        chunk.commit_all();
        Ok(taken as u64)
    }
}

impl Source for Items<Producer<Message>> {
    fn offer(&mut self, number: u64) -> u64 {
        u64::from(self.0.push([number; 8]).is_ok())
    }
}

impl Sink for Items<Consumer<Message>> {
    fn take(&mut self, number: u64, _limit: u64) -> Result<u64> {
        let Ok([received, ..]) = self.0.pop() else {
            return Ok(0);
        };
        ensure!(received == number, "an item is missing from the stream");
        Ok(1)
    }
}
