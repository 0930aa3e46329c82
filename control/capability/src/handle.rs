//! The names of capabilities and of spaces: a slot, and the generation of its occupant.
//!
//! A handle means something only together with the space that issued it. Both are checked at
//! every use, so an outdated or invented one is an error and never somebody else's capability.
//!
//! A handle in a message is a `u64`:
//!
//! | bits  | meaning                                       |
//! |-------|-----------------------------------------------|
//! | 0–31  | slot                                          |
//! | 32–47 | generation, 1 or more: so no handle is 0      |
//! | 48–63 | 0                                             |

use core::fmt;
use core::num::NonZeroU16;

/// A slot of a table and the generation of what it holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: NonZeroU16,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// Names a capability within one space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub(crate) Key);

impl Handle {
    /// The handle that a message names by `word`, or `None` if no handle is written like this.
    ///
    /// Whether the handle is one that its space has issued shows only when it is used.
    #[must_use]
    pub fn from_word(word: u64) -> Option<Self> {
        let [s0, s1, s2, s3, g0, g1, 0, 0] = word.to_le_bytes() else {
            return None;
        };
        let slot = u32::from_le_bytes([s0, s1, s2, s3]);
        let generation = NonZeroU16::new(u16::from_le_bytes([g0, g1]))?;
        Some(Self(Key { slot, generation }))
    }

    /// The handle as a message carries it; never 0.
    #[must_use]
    pub fn to_word(self) -> u64 {
        u64::from(self.0.slot) | u64::from(self.0.generation.get()) << 32
    }
}

/// Names a space: what one process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub(crate) Key);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_words_round_trip() {
        for word in [1 << 32, 0x0001_0000_0000 | 5, 0xffff_ffff_ffff] {
            assert_eq!(Handle::from_word(word).map(Handle::to_word), Some(word));
        }
    }

    #[test]
    fn malformed_handle_words_are_refused() {
        for word in [0, 5, 0xffff_ffff, 1 << 48 | 1 << 32, u64::MAX] {
            assert_eq!(Handle::from_word(word), None, "{word:#x}");
        }
    }
}
