//! The name of an object within a session.

/// A slot in the session's handle table, and the generation that tells a reused slot from the
/// object that was there before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handle {
    /// Index into the table.
    pub slot: u32,
    /// Incremented each time the slot is freed; 0 is never valid.
    pub generation: u16,
}

impl Handle {
    /// The handle of operations that need none.
    pub const NONE: Self = Self { slot: 0, generation: 0 };

    /// As an argument or an auxiliary result carries it: slot in bits 0–31, generation in 32–47.
    #[must_use]
    #[inline]
    pub fn to_word(self) -> u64 {
        u64::from(self.slot) | u64::from(self.generation) << 32
    }

    /// From an argument or an auxiliary result; `None` if bits 48–63 are not 0.
    #[must_use]
    #[inline]
    pub fn from_word(word: u64) -> Option<Self> {
        let generation = u16::try_from(word >> 32).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
        let slot = word as u32;
        Some(Self { slot, generation })
    }
}
