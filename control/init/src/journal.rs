//! What init knows, in memory that outlives it: a map from keys to bytes.
//!
//! Changes are written behind one another; [`Journal::commit`] makes all since the last one count at
//! once, by storing one word. A process that is killed at any instruction leaves what was committed
//! last. There are two halves: when one is full, what is there is written to the other one, which
//! takes its place at the next commit.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `state`: which half counts (bit 63), and how many words of it; 0: nothing was committed |
//! | 8 | 8 | `magic` |
//! | 64 |  | the first half; the second has the same size, and fills the rest |
//!
//! A half is a sequence of records:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | kind u16, 1 to put and 2 to remove u16, bytes of the value u32 |
//! | 8 | 8 | id |
//! | 16 | n | the value, and zeros up to a multiple of 8 |

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rings::Region;
use rings::sync::Ordering;

const STATE: usize = 0;
const MAGIC: usize = 8;
const HALVES: usize = 64;
/// "journal1".
const MAGIC_WORD: u64 = u64::from_le_bytes(*b"journal1");
const SECOND_HALF: u64 = 1 << 63;
const WORD: usize = 8;
/// Bytes of a record before its value.
const HEAD: usize = 16;
const PUT: u64 = 1;
const REMOVE: u64 = 2;
/// A half is rewritten when it has this much more than twice what counts, bytes.
const SLACK: usize = 256 << 10;

/// Names a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it is about.
    pub kind: u16,
    /// Which of them.
    pub id: u64,
}

/// The region is too small for what is to be kept, or is none of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable;

/// A journalled map.
pub struct Journal<O> {
    region: Region<O>,
    map: BTreeMap<Key, Vec<u8>>,
    /// Bytes that the records of the map take, in a half that has nothing else.
    live: usize,
    is_second: bool,
    /// The same of the half that counts.
    committed_second: bool,
    /// Bytes written to the half, committed or not.
    written: usize,
}

impl<O: Clone> Journal<O> {
    /// The journal in a region, which is all zeros at first.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn open(region: Region<O>) -> Result<Self, Unusable> {
        let load = |offset| region.load(offset, Ordering::Acquire).map_err(|_| Unusable);
        let state = load(STATE)?;
        let magic = load(MAGIC)?;
        if magic != MAGIC_WORD && (magic != 0 || state != 0) {
            return Err(Unusable);
        }
        region.store(MAGIC, MAGIC_WORD, Ordering::Release).map_err(|_| Unusable)?;
        let mut journal = Self {
            region,
            map: BTreeMap::new(),
            live: 0,
            is_second: state & SECOND_HALF != 0,
            committed_second: state & SECOND_HALF != 0,
            written: 0,
        };
        let words = usize::try_from(state & !SECOND_HALF).map_err(|_| Unusable)?;
        journal.replay(words.checked_mul(WORD).ok_or(Unusable)?)?;
        Ok(journal)
    }

    /// Whether nothing was ever committed, or all of it was removed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All values of a kind, by their ids.
    pub fn of_kind(&self, kind: u16) -> impl Iterator<Item = (u64, &[u8])> {
        let range = Key { kind, id: 0 }..=Key { kind, id: u64::MAX };
        self.map.range(range).map(|(key, value)| (key.id, value.as_slice()))
    }

    /// Sets a value that is a sequence of words, or removes it.
    ///
    /// # Errors
    /// As for [`Journal::put`].
    pub(crate) fn set(&mut self, key: Key, words: Option<Vec<u64>>) -> Result<(), Unusable> {
        let Some(words) = words else { return self.remove(key) };
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        self.put(key, &bytes)
    }

    /// Has nothing count of all that was committed.
    pub fn invalidate(&mut self) {
        // Cannot fail: the word was read.
        let _ = self.region.store(STATE, 0, Ordering::Release);
    }

    /// Removes everything.
    ///
    /// # Errors
    /// As for [`Journal::put`].
    pub(crate) fn clear(&mut self) -> Result<(), Unusable> {
        let keys: Vec<Key> = self.map.keys().copied().collect();
        keys.into_iter().try_for_each(|key| self.remove(key))
    }

    /// Sets a value.
    ///
    /// # Errors
    /// [`Unusable`]: there is no room. What was committed stays.
    pub fn put(&mut self, key: Key, value: &[u8]) -> Result<(), Unusable> {
        if self.map.get(&key).is_some_and(|old| old == value) {
            return Ok(());
        }
        let old = self.map.insert(key, value.to_vec());
        self.live += record_bytes(value.len());
        self.live -= old.map_or(0, |old| record_bytes(old.len()));
        self.write(key, PUT, value)
    }

    /// Removes a value, if it is there.
    ///
    /// # Errors
    /// As for [`Journal::put`].
    pub fn remove(&mut self, key: Key) -> Result<(), Unusable> {
        let Some(old) = self.map.remove(&key) else { return Ok(()) };
        self.live -= record_bytes(old.len());
        self.write(key, REMOVE, &[])
    }

    /// Makes everything since the last commit count.
    pub fn commit(&mut self) {
        let half = if self.is_second { SECOND_HALF } else { 0 };
        // Cannot fail: the word was read.
        let state = half | (self.written / WORD) as u64;
        let _ = self.region.store(STATE, state, Ordering::Release);
        self.committed_second = self.is_second;
    }

    fn half_bytes(&self) -> usize {
        (self.region.len().saturating_sub(HALVES) / 2) & !(WORD - 1)
    }

    fn write(&mut self, key: Key, what: u64, value: &[u8]) -> Result<(), Unusable> {
        let end = self.written + record_bytes(value.len());
        let is_worth_it = self.is_second == self.committed_second;
        if end > self.half_bytes() || (is_worth_it && end > 2 * self.live + SLACK) {
            return self.rewrite();
        }
        self.append(key, what, value)
    }

    /// Writes what counts to the other half, unless the other one is what was committed.
    fn rewrite(&mut self) -> Result<(), Unusable> {
        if self.is_second != self.committed_second {
            return Err(Unusable);
        }
        self.is_second = !self.is_second;
        self.written = 0;
        let map = core::mem::take(&mut self.map);
        let done = map.iter().try_for_each(|(key, value)| self.append(*key, PUT, value));
        self.map = map;
        done
    }

    fn append(&mut self, key: Key, what: u64, value: &[u8]) -> Result<(), Unusable> {
        let bytes = record_bytes(value.len());
        let end = self.written.checked_add(bytes).filter(|end| *end <= self.half_bytes());
        let end = end.ok_or(Unusable)?;
        let at = self.start() + self.written;
        let store = |offset, word| {
            self.region.store(at + offset, word, Ordering::Relaxed).map_err(|_| Unusable)
        };
        store(0, u64::from(key.kind) | what << 16 | (value.len() as u64) << 32)?;
        store(WORD, key.id)?;
        for (index, chunk) in value.chunks(WORD).enumerate() {
            let mut word = [0; WORD];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            store(HEAD + index * WORD, u64::from_le_bytes(word))?;
        }
        self.written = end;
        Ok(())
    }

    fn start(&self) -> usize {
        HALVES + if self.is_second { self.half_bytes() } else { 0 }
    }

    /// Reads the records of the half that counts.
    fn replay(&mut self, committed: usize) -> Result<(), Unusable> {
        if committed > self.half_bytes() {
            return Err(Unusable);
        }
        let start = self.start();
        while self.written < committed {
            let load = |offset: usize| {
                let at = start + self.written + offset;
                self.region.load(at, Ordering::Relaxed).map_err(|_| Unusable)
            };
            let head = load(0)?;
            let kind = u16::try_from(head & 0xffff).map_err(|_| Unusable)?;
            let key = Key { kind, id: load(WORD)? };
            let len = usize::try_from(head >> 32).map_err(|_| Unusable)?;
            let words = (0..len.div_ceil(WORD)).map(|index| load(HEAD + index * WORD));
            let words = words.collect::<Result<Vec<_>, _>>()?;
            let bytes = words.into_iter().flat_map(u64::to_le_bytes).take(len).collect();
            match head >> 16 & 0xffff {
                PUT => drop(self.map.insert(key, bytes)),
                REMOVE => drop(self.map.remove(&key)),
                _ => return Err(Unusable),
            }
            self.written += record_bytes(len);
        }
        self.live = self.map.values().map(|value| record_bytes(value.len())).sum();
        Ok(())
    }
}

/// Bytes of a record with a value of so many bytes.
const fn record_bytes(value: usize) -> usize {
    HEAD + value.next_multiple_of(WORD)
}
