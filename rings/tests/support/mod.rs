//! Private memory that plays a mapping.

use rings::Region;
use rings::sync::AtomicU64;

/// A region over words that a test owns.
pub(crate) type Memory<'a> = Region<&'a [AtomicU64]>;

/// Zeroed words for this many bytes.
pub(crate) fn words(bytes: usize) -> Vec<AtomicU64> {
    (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect()
}
