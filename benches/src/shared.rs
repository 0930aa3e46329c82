//! One page of memory that a peer's two processes share: a line for the request, one for the reply.
//!
//! Everything in it is atomic, so both sides may do to it what they like.

#![expect(unsafe_code, reason = "mapping memory and using it by a pointer")]

use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crossbeam_utils::CachePadded;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// What one side writes and the other reads.
#[derive(Debug)]
#[repr(C)]
pub struct Line {
    /// The 8-byte flag.
    pub flag: AtomicU64,
    /// The word to sleep on, where a contender does.
    pub futex: AtomicU32,
}

/// The layout of the page. All zeros is a valid value.
#[derive(Debug)]
#[repr(C)]
pub struct Page {
    /// Written by the client.
    pub request: CachePadded<Line>,
    /// Written by the server.
    pub reply: CachePadded<Line>,
    /// 64 bytes for the client's data.
    pub request_data: CachePadded<[AtomicU64; 8]>,
    /// 64 bytes for the server's data.
    pub reply_data: CachePadded<[AtomicU64; 8]>,
}

/// A mapping of the page, unmapped when dropped.
#[derive(Debug)]
pub struct Shared(NonNull<Page>);

impl Shared {
    /// A new page, all zeros, and the descriptor that the other process maps.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create() -> rustix::io::Result<(Self, OwnedFd)> {
        let memory = memfd_create("bench-page", MemfdFlags::CLOEXEC)?;
        ftruncate(&memory, size_of::<Page>() as u64)?;
        Ok((Self::map(&memory)?, memory))
    }

    /// The page behind a descriptor from [`Shared::create`].
    ///
    /// # Errors
    /// What the kernel says.
    pub fn map(memory: impl AsFd) -> rustix::io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses aliases no Rust object.
        let address = unsafe {
            mmap(ptr::null_mut(), size_of::<Page>(), access, MapFlags::SHARED, memory, 0)
        }?;
        NonNull::new(address.cast()).map(Self).ok_or(rustix::io::Errno::NOMEM)
    }
}

impl Deref for Shared {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: the mapping is as long as a Page, aligned to a machine page, lives as long as
        // `self`, and holds only atomics, for which every bit pattern is a value.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `map` with this length, and no reference outlives `self`.
        // Failure would leave the page mapped, which harms nobody.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), size_of::<Page>()) };
    }
}
