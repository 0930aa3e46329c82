//! How a forked child finds out that the rings are not its own: a word that the kernel wipes.
//!
//! Regions are not inherited by a forked child (`MADV_DONTFORK`), so touching one there is a fault.
//! The guard is a page of its own that a child does inherit, but as zeros (`MADV_WIPEONFORK`).

use super::mapping::Mapping;
use dataplane::Word;
use dataplane::platform::MemoryError;
use rings::sync::Ordering;
use rustix::mm::Advice;

/// A word that reads 1 here and 0 in every forked child.
pub(crate) fn fork_guard() -> Result<Word, MemoryError> {
    let mapping = Mapping::private(rustix::param::page_size())?;
    mapping.advise(Advice::LinuxWipeOnFork)?;
    let word = mapping.into_region().word(0).map_err(|_| MemoryError::WrongSize)?;
    word.store(1, Ordering::Relaxed);
    Ok(word)
}
