//! The region type of everything above the rings, and the arena of a session.

use crate::entry::Errno;
use alloc::sync::Arc;
use core::any::Any;
use rings::sync::Ordering;

/// Bytes of a word.
const WORD: u32 = 8;

/// What keeps a region's memory mapped.
pub type Owner = Arc<dyn Any + Send + Sync>;
/// A view of memory shared with a peer.
pub type Region = rings::Region<Owner>;
/// A word of such memory.
pub type Word = rings::Word<Owner>;

/// What may be passed to another process along with a control message: a region, a doorbell or a
/// channel. Only the platform that made it knows what is inside.
pub type Descriptor = Arc<dyn Any + Send + Sync>;

/// A range of an arena, as an entry names it; not yet checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaRange {
    /// Bytes from the start; a multiple of 8.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
}

/// The memory of a session that both sides write: payload only, hostile at all times.
///
/// A range starts at a multiple of 8; when the service writes into one, the bytes up to the next
/// multiple of 8 behind it are undefined.
#[derive(Clone, Debug)]
pub struct Arena(Region);

impl Arena {
    /// An arena is a whole region.
    #[must_use]
    pub fn new(region: Region) -> Self {
        Self(region)
    }

    /// Bytes of the arena.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the arena has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one place where a range is checked: its region and byte offset, if it is inside.
    ///
    /// # Errors
    /// EINVAL for an offset that is no multiple of 8, EFAULT for a range that is not inside.
    #[inline]
    pub fn check(&self, range: ArenaRange) -> Result<(&Region, usize), Errno> {
        if !range.offset.is_multiple_of(8) {
            return Err(Errno::EINVAL);
        }
        let end = range.offset as usize + (range.len as usize).next_multiple_of(8);
        if end > self.0.len() {
            return Err(Errno::EFAULT);
        }
        Ok((&self.0, range.offset as usize))
    }

    /// Copies a range out.
    ///
    /// # Errors
    /// See [`Arena::check`]; EINVAL if `into` is not as long as the range.
    pub fn read(&self, range: ArenaRange, into: &mut [u8]) -> Result<(), Errno> {
        let (region, offset) = self.check(range)?;
        if into.len() != range.len as usize {
            return Err(Errno::EINVAL);
        }
        region.read(offset, into).map_err(|_| Errno::EFAULT)
    }

    /// Reads the word at an offset; afterwards, what its writer wrote before it is seen too.
    ///
    /// # Errors
    /// See [`Arena::check`].
    pub fn load(&self, offset: u32) -> Result<u64, Errno> {
        let (region, offset) = self.check(ArenaRange { offset, len: WORD })?;
        region.load(offset, Ordering::Acquire).map_err(|_| Errno::EFAULT)
    }

    /// Writes the word at an offset, behind everything that was done before.
    ///
    /// # Errors
    /// See [`Arena::check`].
    pub fn store(&self, offset: u32, value: u64) -> Result<(), Errno> {
        let (region, offset) = self.check(ArenaRange { offset, len: WORD })?;
        region.store(offset, value, Ordering::Release).map_err(|_| Errno::EFAULT)
    }

    /// Copies bytes in, at the start of a range that is at least as long.
    ///
    /// # Errors
    /// See [`Arena::check`]; EFAULT if `from` is longer than the range.
    pub fn write(&self, range: ArenaRange, from: &[u8]) -> Result<(), Errno> {
        let (region, offset) = self.check(range)?;
        if from.len() > range.len as usize {
            return Err(Errno::EFAULT);
        }
        region.write(offset, from).map_err(|_| Errno::EFAULT)
    }
}
