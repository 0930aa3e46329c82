//! The newest records, in bounded memory: when it is full, the oldest of whoever has most goes.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use dataplane::log::Level;

/// Memory of a record besides its bytes, roughly.
const OVERHEAD: usize = 96;
/// Where the level is in a record.
const LEVEL: usize = 2;

/// A record that is kept.
pub(crate) struct Kept {
    pub(crate) source: u64,
    pub(crate) bytes: Vec<u8>,
    /// Whether its source has sent it to this logger, so that it is among what is counted: neither
    /// what the logger says itself, nor what was in the files.
    pub(crate) is_received: bool,
}

impl Kept {
    pub(crate) fn level(&self) -> Level {
        let level = self.bytes.get(LEVEL).and_then(|byte| Level::from_byte(*byte));
        level.unwrap_or(Level::Trace)
    }
}

/// Records by their numbers, which ascend in the order of arrival.
pub(crate) struct Recent {
    records: BTreeMap<u64, Kept>,
    shares: BTreeMap<u64, Share>,
    bytes: usize,
    most_bytes: usize,
    next: u64,
}

#[derive(Default)]
struct Share {
    ids: VecDeque<u64>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { records: BTreeMap::new(), shares: BTreeMap::new(), bytes: 0, most_bytes, next: 1 }
    }

    /// Keeps a record; returns those that had to go for it.
    pub(crate) fn push(&mut self, record: Kept) -> Vec<Kept> {
        let (source, size) = (record.source, record.bytes.len() + OVERHEAD);
        let id = self.next;
        self.next += 1;
        let share = self.shares.entry(source).or_default();
        share.ids.push_back(id);
        share.bytes += size;
        self.bytes += size;
        self.records.insert(id, record);
        let mut gone = Vec::new();
        while self.bytes > self.most_bytes {
            let most = self.shares.iter().max_by_key(|(_, share)| share.bytes);
            let Some(source) = most.map(|(source, _)| *source) else { break };
            gone.extend(self.drop_oldest(source));
        }
        gone
    }

    fn drop_oldest(&mut self, source: u64) -> Option<Kept> {
        let share = self.shares.get_mut(&source)?;
        let record = share.ids.pop_front().and_then(|id| self.records.remove(&id))?;
        let size = record.bytes.len() + OVERHEAD;
        share.bytes = share.bytes.saturating_sub(size);
        self.bytes = self.bytes.saturating_sub(size);
        if share.ids.is_empty() {
            self.shares.remove(&source);
        }
        Some(record)
    }

    /// Records from a number on, and their numbers.
    pub(crate) fn from(&self, id: u64) -> impl Iterator<Item = (u64, &Kept)> {
        self.records.range(id..).map(|(id, kept)| (*id, kept))
    }

    /// The number that the next record gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the rule itself, applied to a list.
        #[test]
        fn the_oldest_of_whoever_has_most_goes(pushes in proptest::collection::vec((0u64..4, 1usize..200), 0..200)) {
            let most = 2000;
            let mut recent = Recent::new(most);
            let mut naive: Vec<(u64, u64, usize)> = Vec::new();
            for (id, (source, len)) in (1..).zip(pushes) {
                recent.push(Kept { source, bytes: alloc::vec![0; len], is_received: true });
                naive.push((id, source, len + OVERHEAD));
                while naive.iter().map(|(_, _, size)| size).sum::<usize>() > most {
                    let held = |source: u64| naive.iter().filter(|it| it.1 == source).map(|it| it.2).sum::<usize>();
                    let worst = (0..4).max_by_key(|source| held(*source)).unwrap();
                    let at = naive.iter().position(|it| it.1 == worst).unwrap();
                    naive.remove(at);
                }
                let kept: Vec<(u64, u64)> = recent.from(0).map(|(id, kept)| (id, kept.source)).collect();
                let expected: Vec<(u64, u64)> = naive.iter().map(|it| (it.0, it.1)).collect();
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
