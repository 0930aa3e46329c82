//! What the guardian holds for init: descriptors by keys, and mappings of those that are poked.

use super::super::memory::LinuxMemory;
use super::super::waiting::LinuxWaiting;
use dataplane::platform::{Access, Memory, Waiting};
use dataplane::{Descriptor, Region};
use rings::sync::Ordering;
use std::collections::BTreeMap;

/// Descriptors by their keys.
#[derive(Default)]
pub(super) struct Kept {
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    descriptors: Vec<Descriptor>,
    /// Mapped when it still could be.
    poked: Option<Region>,
}

impl Kept {
    pub(super) fn keep(&mut self, key: u64, descriptors: Vec<Descriptor>, is_poked: bool) {
        let first = descriptors.first().filter(|_| is_poked);
        let map = |first| LinuxMemory::default().map(first, Access::ReadWrite).ok();
        let poked = first.and_then(map);
        self.entries.insert(key, Entry { descriptors, poked });
    }

    pub(super) fn forget(&mut self, key: u64) {
        self.entries.remove(&key);
    }

    pub(super) fn forget_all(&mut self) {
        self.entries.clear();
    }

    pub(super) fn show(&self, key: u64) -> Vec<Descriptor> {
        self.entries.get(&key).map(|entry| entry.descriptors.clone()).unwrap_or_default()
    }

    pub(super) fn keys(&self, from: u64, most: usize) -> Vec<u64> {
        self.entries.range(from..).map(|(key, _)| *key).take(most).collect()
    }

    /// Stores a word; nothing happens where none can be.
    pub(super) fn poke(&self, key: u64, offset: u64, value: u64) {
        let region = self.entries.get(&key).and_then(|entry| {
            // A service that has not sealed the size could have cut it.
            let now = LinuxMemory::default().map(entry.descriptors.first()?, Access::ReadOnly);
            let is_whole = |region: &&Region| now.is_ok_and(|now| now.len() >= region.len());
            entry.poked.as_ref().filter(is_whole)
        });
        let word = usize::try_from(offset).ok().zip(region);
        if let Some(Ok(word)) = word.map(|(offset, region)| region.word(offset)) {
            word.store(value, Ordering::Release);
            LinuxWaiting.wake(&word);
        }
    }
}
