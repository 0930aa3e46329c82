//! Hash tables whose order no client can predict: every hash starts from a seed that the vfs was
//! given, so that names and numbers cannot be chosen to collide.

use core::hash::{BuildHasher, Hasher};
use foldhash::fast::FixedState;

/// Makes hashers with the vfs's seed.
pub(crate) type Seeded = FixedState;
/// A map with seeded hashes.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, Seeded>;

/// An empty map.
pub(crate) fn map<K, V>(seed: u64) -> Map<K, V> {
    Map::with_hasher(Seeded::with_seed(seed))
}

/// The hash of a name within a directory.
#[inline]
pub(crate) fn name_hash(seeded: &Seeded, directory: u64, name: &[u8]) -> u64 {
    let mut hasher = seeded.build_hasher();
    hasher.write(name);
    hasher.write_u64(directory);
    hasher.finish()
}
