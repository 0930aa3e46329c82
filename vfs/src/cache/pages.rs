//! The pages of one file by index.
//!
//! Pages lie in chunks of 64 neighbours, chunks in an ordered map: a sparse file costs little, a
//! range can be visited in order, and there is nothing to be flooded.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::Cell;
use core::ops::RangeInclusive;
use dataplane::entry::Errno;
use dataplane::filesystem::{PAGE_BYTES, PageBytes};

/// Bytes of a page, as file offsets are counted.
pub(crate) const PAGE: u64 = PAGE_BYTES as u64;
/// Pages in a chunk.
pub(super) const CHUNK: u64 = 64;
const CHUNK_PAGES: usize = 64;
/// Bytes charged for a chunk.
pub(crate) const CHUNK_BYTES: u64 = size_of::<[Page; CHUNK_PAGES]>() as u64;

/// Where the bytes of a page are.
#[derive(Debug, Default)]
pub(crate) enum Place {
    /// Nowhere: zeros, or to be read from the file system.
    #[default]
    Absent,
    /// In memory that no client can see.
    Private(Box<PageBytes>),
    /// In the file's region.
    Granted,
    /// Nowhere, but the region still has the memory, all zeros.
    Spare,
    /// Nowhere: zeros, whose memory is paid for.
    Reserved,
}

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Where its bytes are.
    pub(crate) place: Place,
    /// How many grants of the present region pin it.
    pub(crate) pins: u32,
    /// Changed since it was read from the file system.
    pub(crate) dirty: bool,
    /// Being written to the file system.
    pub(crate) in_flight: bool,
    /// Zeros that were materialized only to be granted.
    pub(crate) is_hole: bool,
    /// Used since the clock's hand came by.
    pub(crate) used: Cell<bool>,
}

impl Page {
    /// Whether its bytes are in memory.
    pub(crate) fn is_present(&self) -> bool {
        matches!(self.place, Place::Private(_) | Place::Granted)
    }

    fn is_idle(&self) -> bool {
        matches!(self.place, Place::Absent) && self.pins == 0 && !self.in_flight
    }
}

/// The pages of a file.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    chunks: BTreeMap<u64, Box<[Page; CHUNK_PAGES]>>,
}

fn within(index: u64) -> usize {
    usize::try_from(index % CHUNK).unwrap_or(0)
}

impl Pages {
    /// A page, if its chunk is there.
    #[inline]
    pub(crate) fn page(&self, index: u64) -> Option<&Page> {
        self.chunks.get(&(index / CHUNK))?.get(within(index))
    }

    /// A page to be changed, if its chunk is there.
    #[inline]
    pub(crate) fn page_mut(&mut self, index: u64) -> Option<&mut Page> {
        self.chunks.get_mut(&(index / CHUNK))?.get_mut(within(index))
    }

    /// Whether a page's chunk is there.
    pub(crate) fn has_chunk(&self, index: u64) -> bool {
        self.chunks.contains_key(&(index / CHUNK))
    }

    /// Adds a page's chunk.
    pub(crate) fn add_chunk(&mut self, index: u64) {
        self.chunks
            .entry(index / CHUNK)
            .or_insert_with(|| Box::new(core::array::from_fn(|_| Page::default())));
    }

    /// Removes the chunks of a range that have nothing to remember; says how many.
    pub(crate) fn tidy(&mut self, indices: RangeInclusive<u64>) -> u64 {
        let range = indices.start() / CHUNK..=indices.end() / CHUNK;
        let idle: Vec<u64> = self
            .chunks
            .range(range)
            .filter(|(_, pages)| pages.iter().all(Page::is_idle))
            .map(|(chunk, _)| *chunk)
            .collect();
        for chunk in &idle {
            self.chunks.remove(chunk);
        }
        idle.len() as u64
    }

    /// Pages from an index on, in order, those that nothing is known of left out.
    pub(crate) fn starting_at(&self, first: u64) -> impl Iterator<Item = (u64, &Page)> {
        self.chunks
            .range(first / CHUNK..)
            .flat_map(|(chunk, pages)| (chunk * CHUNK..).zip(pages.iter()))
            .filter(move |(index, _)| *index >= first)
    }

    /// The same, to be changed.
    pub(crate) fn starting_at_mut(&mut self, first: u64) -> impl Iterator<Item = (u64, &mut Page)> {
        self.chunks
            .range_mut(first / CHUNK..)
            .flat_map(|(chunk, pages)| (chunk * CHUNK..).zip(pages.iter_mut()))
            .filter(move |(index, _)| *index >= first)
    }

    /// Chunks in memory.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks.len() as u64
    }
}

/// A page of zeros.
///
/// # Errors
/// ENOMEM: a page is not worth ending the service for.
pub(crate) fn new_page() -> Result<Box<PageBytes>, Errno> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(PAGE_BYTES).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(PAGE_BYTES, 0);
    bytes.into_boxed_slice().try_into().map_err(|_| Errno::ENOMEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_pages_in_order() {
        let mut pages = Pages::default();
        for index in [u64::MAX / PAGE, 5, 64, 63] {
            assert!(pages.page(index).is_none_or(|page| !page.is_present()));
            pages.add_chunk(index);
            pages.page_mut(index).unwrap().place = Place::Private(new_page().unwrap());
        }
        let present: Vec<u64> = pages
            .starting_at(6)
            .filter(|(_, page)| page.is_present())
            .map(|(index, _)| index)
            .collect();
        assert_eq!(present, [63, 64, u64::MAX / PAGE]);
        assert_eq!(pages.chunks(), 3);
        pages.page_mut(64).unwrap().place = Place::Absent;
        assert_eq!(pages.tidy(0..=64), 1);
        assert_eq!(pages.tidy(0..=u64::MAX), 0);
        assert_eq!(pages.chunks(), 2);
    }
}
