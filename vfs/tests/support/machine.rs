//! Memory on the heap, and time that goes on with each look at it.
#![expect(unsafe_code, reason = "a region over memory of its own, as a platform makes them")]

use dataplane::platform::{
    Access, Instant, Memory, MemoryError, NewRegion, Timestamp, Waiting, Wake, Writer,
};
use dataplane::{Descriptor, Region, Word};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const PAGE: u64 = 4096;

/// Makes regions on the heap. Panics when it is misused.
#[derive(Default)]
pub(crate) struct FakeMemory {
    /// Whether pages cannot be given back.
    pub(crate) denies_punch: AtomicBool,
    /// Whether there is no memory for more pages.
    pub(crate) denies_commit: AtomicBool,
}

/// A region.
pub(crate) struct FakeRegion {
    words: Box<[AtomicU64]>,
    committed: Mutex<Vec<bool>>,
    sealed: AtomicBool,
    service_written: bool,
}

impl FakeRegion {
    fn page_is_zero(&self, page: usize) -> bool {
        let words = &self.words[page * 512..(page + 1) * 512];
        words.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Pages with memory.
    pub(crate) fn committed(&self) -> usize {
        let committed = self.committed.lock().unwrap();
        committed.iter().filter(|page| **page).count()
    }

    /// Panics if a page was touched for which there is no memory.
    pub(crate) fn check(&self) {
        for (page, committed) in self.committed.lock().unwrap().iter().enumerate() {
            assert!(
                *committed || self.page_is_zero(page),
                "page {page} was touched without being committed"
            );
        }
    }
}

fn region_of(descriptor: &Descriptor) -> Result<Arc<FakeRegion>, MemoryError> {
    let region = Arc::clone(descriptor).downcast::<FakeRegion>();
    region.map_err(|_| MemoryError::WrongDescriptor)
}

impl FakeMemory {
    /// The region behind a descriptor.
    pub(crate) fn region(descriptor: &Descriptor) -> Arc<FakeRegion> {
        region_of(descriptor).unwrap()
    }
}

impl Memory for FakeMemory {
    fn create(&self, bytes: u64, writer: Writer) -> Result<NewRegion, MemoryError> {
        let bytes = bytes.next_multiple_of(PAGE);
        let pages = usize::try_from(bytes / PAGE).unwrap();
        let service_written = writer == Writer::Service;
        let region: Descriptor = Arc::new(FakeRegion {
            words: (0..pages * 512).map(|_| AtomicU64::new(0)).collect(),
            committed: Mutex::new(vec![!service_written; pages]),
            sealed: AtomicBool::new(false),
            service_written,
        });
        Ok(NewRegion { writable: region.clone(), read_only: region, bytes })
    }

    fn map(&self, region: &Descriptor, access: Access) -> Result<Region, MemoryError> {
        let region = region_of(region)?;
        if access == Access::ReadWrite && region.sealed.load(Ordering::Relaxed) {
            return Err(MemoryError::Denied);
        }
        let base = NonNull::from(&*region.words).cast();
        let words = region.words.len();
        // SAFETY: the words are aligned, shared, and live as long as the owner; they are atomics,
        // so that nobody accesses them otherwise. A test that writes to a read-only region only
        // deceives itself.
        Ok(unsafe { Region::new(base, words, region) })
    }

    fn prefault(&self, _: &Region, _: usize, _: usize) {}

    fn commit(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        if self.denies_commit.load(Ordering::Relaxed) {
            return Err(MemoryError::Exhausted);
        }
        let region = region_of(region)?;
        for page in pages(offset, len) {
            region.committed.lock().unwrap()[page] = true;
        }
        Ok(())
    }

    fn punch(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        if self.denies_punch.load(Ordering::Relaxed) {
            return Err(MemoryError::Denied);
        }
        let region = region_of(region)?;
        for page in pages(offset, len) {
            region.committed.lock().unwrap()[page] = false;
            for word in &region.words[page * 512..(page + 1) * 512] {
                word.store(0, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn seal(&self, region: &Descriptor) -> Result<(), MemoryError> {
        let region = region_of(region)?;
        assert!(region.service_written, "sealed what clients write");
        region.sealed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn fork_guard(&self) -> Result<Word, MemoryError> {
        panic!("the vfs does not fork")
    }
}

fn pages(offset: u64, len: u64) -> std::ops::Range<usize> {
    assert!(offset.is_multiple_of(PAGE) && len.is_multiple_of(PAGE), "not whole pages");
    let first = usize::try_from(offset / PAGE).unwrap();
    first..first + usize::try_from(len / PAGE).unwrap()
}

/// Time that goes on by a microsecond with each look.
#[derive(Default)]
pub(crate) struct FakeTime {
    now: AtomicI64,
}

impl Waiting for FakeTime {
    fn now(&self) -> Instant {
        Instant(0)
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(self.now.fetch_add(1000, Ordering::Relaxed) + 1_000_000_000_000)
    }

    fn cpu(&self) -> u64 {
        0
    }

    fn yield_now(&self) {}

    fn sleep_on(&self, _: &[(&Word, u64)], _: Option<Instant>) -> Wake {
        panic!("the vfs does not sleep")
    }

    fn wake(&self, _: &Word) {
        panic!("the vfs wakes nobody")
    }
}
