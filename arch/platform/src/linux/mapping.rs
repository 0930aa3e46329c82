//! A mapping of a region's file, and the view of it that everything above uses.
#![expect(unsafe_code, reason = "maps and unmaps memory, and vouches for the view of it")]

use super::handle::Handle;
use dataplane::Region;
use dataplane::platform::{Access, MemoryError};
use rings::sync::AtomicU64;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// Whether page tables are filled at once, or as pages are touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefault {
    /// All pages exist: spare the first accesses their page faults.
    Now,
    /// The file is sparse: leave the holes alone.
    OnTouch,
}

/// Owns a range of the address space.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<AtomicU64>,
    bytes: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: a shared reference gives nothing but the view, whose accesses are atomic.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `bytes` of a file, whole pages, shared with everybody else who maps it. A
    /// forked child does not inherit it.
    pub(crate) fn of_file(
        file: &Handle,
        bytes: usize,
        access: Access,
        prefault: Prefault,
    ) -> Result<Self, MemoryError> {
        let protection = match access {
            Access::ReadOnly => ProtFlags::READ,
            Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        };
        let flags = match prefault {
            Prefault::Now => MapFlags::SHARED | MapFlags::POPULATE,
            Prefault::OnTouch => MapFlags::SHARED,
        };
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory of ours.
        let mapped =
            unsafe { rustix::mm::mmap(ptr::null_mut(), bytes, protection, flags, file, 0) };
        let mapping = Self::owning(mapped.map_err(refusal)?, bytes)?;
        mapping.advise(Advice::LinuxDontFork)?;
        Ok(mapping)
    }

    /// Maps zeros that only this process sees.
    pub(crate) fn private(bytes: usize) -> Result<Self, MemoryError> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: as in `of_file`.
        let mapped = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::PRIVATE)
        };
        Self::owning(mapped.map_err(refusal)?, bytes)
    }

    /// Tells the kernel how the mapping is used. Only for advice that does not change what a
    /// mapping reads in the process that made it.
    pub(crate) fn advise(&self, advice: Advice) -> Result<(), MemoryError> {
        let base = self.base.as_ptr().cast();
        // SAFETY: the range is this mapping, and the advice concerns forked children.
        let advised = unsafe { rustix::mm::madvise(base, self.bytes, advice) };
        advised.map_err(refusal)
    }

    /// Makes the pages of a part of a mapped region present for reading, as far as that can be
    /// done at once.
    pub(crate) fn prefault(region: &Region, offset: usize, len: usize) {
        let page = rustix::param::page_size();
        let (start, end) = (offset / page * page, offset.saturating_add(len).min(region.len()));
        let Ok(word) = region.word(start) else { return };
        let base = word.address().as_ptr().cast();
        // SAFETY: the range is inside a mapping that the region keeps mapped, and filling page
        // tables changes nothing that it reads.
        let _ = unsafe {
            rustix::mm::madvise(base, end.saturating_sub(start), Advice::LinuxPopulateRead)
        };
    }

    /// The view of it. Whoever mapped it read-only must not write through the view: a write is
    /// a fault, not a corruption.
    pub(crate) fn into_region(self) -> Region {
        let (base, words) = (self.base, self.bytes / size_of::<AtomicU64>());
        // SAFETY: the base is a page's start, so aligned; the owner is the mapping, which keeps
        // all words mapped until it is dropped and gives no other access to them.
        unsafe { Region::new(base, words, Arc::new(self)) }
    }

    fn owning(base: *mut c_void, bytes: usize) -> Result<Self, MemoryError> {
        let base = NonNull::new(base.cast()).ok_or(MemoryError::Exhausted)?;
        Ok(Self { base, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping, and all views of it held it, so none is left.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "a mapping that is ours can be unmapped");
    }
}

fn refusal(error: Errno) -> MemoryError {
    match error {
        Errno::ACCESS | Errno::PERM => MemoryError::Denied,
        Errno::NOMEM | Errno::AGAIN | Errno::NFILE => MemoryError::Exhausted,
        _ => MemoryError::WrongDescriptor,
    }
}
