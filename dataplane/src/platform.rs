//! The machine as a service or a client sees it on the data plane: time and waiting, and memory.
//!
//! Narrow traits, so that each party holds only what it may use; spawning is one more, in
//! `control`, for init alone. Implemented in `arch/platform` and by fakes.

use crate::memory::{Descriptor, Region, Word};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Monotonic time, nanoseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// This much later.
    #[must_use]
    pub fn after_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// Nanoseconds since an earlier instant; 0 if it is not earlier.
    #[must_use]
    pub fn since_ns(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Time of day: nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Which source a [`Poller`] found ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Time, and waiting for one's peer.
pub trait Waiting: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
    /// Time of day.
    fn wall_clock(&self) -> Timestamp;
    /// The processor that this thread runs on; a hint.
    fn cpu(&self) -> u64;
    /// Lets another thread run on this processor.
    fn yield_now(&self);
    /// Sleeps while every word has the value beside it; also returns at the deadline, on a signal,
    /// or for no reason. A word that changes while it is slept on must change in its low 32 bits.
    fn sleep_on(&self, words: &[(&Word, u64)], deadline: Option<Instant>) -> Wake;
    /// Wakes all that sleep on a word, which has been changed.
    fn wake(&self, word: &Word);
}

/// Why [`Waiting::sleep_on`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A word changed, or somebody woke the sleeper, or nothing in particular.
    Woken,
    /// The deadline has passed.
    Deadline,
    /// A signal arrived.
    Signal,
}

/// Rung to wake one sleeping party. Never blocks; ringing twice may wake once.
pub trait Doorbell: Send + Sync {
    /// Wakes the party, or makes its next sleep return at once.
    fn ring(&self);
}

/// Makes doorbells; a doorbell's descriptor is also the source that a poller watches.
pub trait Doorbells: Send + Sync {
    /// A new doorbell.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn create(&self) -> Result<Descriptor, MemoryError>;
    /// The side that rings.
    ///
    /// # Errors
    /// [`MemoryError::WrongDescriptor`].
    fn open(&self, descriptor: &Descriptor) -> Result<Arc<dyn Doorbell>, MemoryError>;
}

/// Waits for many sources at once; one thread uses it.
pub trait Poller {
    /// Watches a source: a doorbell's or a channel's receiving side. It is reported each time it
    /// becomes ready (edge-triggered), and once at first if it is ready already.
    /// Who drains a source must drain it whole. The source stays open until it is removed, also if
    /// the channel or listener that it is of is dropped.
    ///
    /// # Errors
    /// The descriptor is not one of this platform's, or the limit of sources is reached.
    fn add(&self, source: &Descriptor, token: Token) -> Result<(), MemoryError>;
    /// No longer watches it. A report that is on its way may still come.
    fn remove(&self, source: &Descriptor);
    /// Waits until a source is ready, the waker is rung, or the deadline has passed (`None`:
    /// never; an instant of the past: only looks). Appends what is ready.
    fn wait(&self, deadline: Option<Instant>, ready: &mut Vec<Token>);
    /// Wakes this poller from any thread.
    fn waker(&self) -> Arc<dyn Doorbell>;
}

/// A piece of work that may block.
pub type Work = Box<dyn FnOnce() + Send>;

/// Runs what blocks on threads of the platform's own, so that no reactor ever does. How its result
/// comes back is between the work and who submits it, see `platform::offload` in `arch/platform`.
pub trait Offload: Send + Sync {
    /// Has a piece of work run, once, on another thread; never blocks. Work is begun in order, as
    /// much of it at a time as there are threads; how much may wait is for who submits it to limit.
    /// Work that will not be run any more, because the platform ends, is dropped.
    ///
    /// # Errors
    /// [`NoThread`]; the work was dropped.
    fn submit(&self, work: Work) -> Result<(), NoThread>;
}

/// There is no thread to do it, and none can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoThread;

/// What a mapping is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// Who writes a new region, which decides how it is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Clients write it (perhaps the service too): its size can never change again.
    Client,
    /// Only the service writes it; descriptors for clients cannot be made writable.
    Service,
}

/// A new region, before it is handed out.
#[derive(Clone)]
pub struct NewRegion {
    /// For those that may write.
    pub writable: Descriptor,
    /// For those that may only read.
    pub read_only: Descriptor,
    /// Size, a multiple of the page size (4,096).
    pub bytes: u64,
}

/// Why memory could not be had or mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// No memory, or a limit is reached.
    Exhausted,
    /// Not a descriptor of this kind, or of this platform.
    WrongDescriptor,
    /// The descriptor does not allow this access.
    Denied,
    /// A range that is not inside the region or not of whole pages, or a region that is empty.
    WrongSize,
}

/// Regions: making, mapping, and giving parts back.
pub trait Memory: Send + Sync {
    /// Makes a region of zeros. `bytes` is rounded up to whole pages. The pages of a client's
    /// region are allocated now; those of a service's region when first [`Memory::commit`]ted.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn create(&self, bytes: u64, writer: Writer) -> Result<NewRegion, MemoryError>;
    /// Maps a whole region; it stays mapped until the last clone of the [`Region`] is gone.
    ///
    /// # Errors
    /// [`MemoryError`].
    fn map(&self, region: &Descriptor, access: Access) -> Result<Region, MemoryError>;
    /// Makes the pages of a range of a mapped region present for reading, as far as that is
    /// possible at once; only a hint.
    fn prefault(&self, region: &Region, offset: usize, len: usize);
    /// Makes sure that a range can be touched without running out of memory; whole pages.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`]: the range must not be touched.
    fn commit(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError>;
    /// Gives the memory of a range back, whole pages: every mapping of it reads zeros from now on.
    ///
    /// # Errors
    /// [`MemoryError::Denied`] where this cannot be done; the range is then unchanged, and the
    /// caller zeroes it.
    fn punch(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError>;
    /// Called by a service after it has mapped a region that only it writes: on platforms whose
    /// read-only descriptors are only as good as a seal, no writable mapping can be made any more.
    ///
    /// # Errors
    /// [`MemoryError`].
    fn seal(&self, region: &Descriptor) -> Result<(), MemoryError>;
    /// A word that reads 1, and 0 in every child that this process forks: a child does not inherit
    /// regions, and must look at the guard before it touches one.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn fork_guard(&self) -> Result<Word, MemoryError>;
}
