//! Where one end of a ring stands: a free-running index, and the lap that its slot must carry.
//!
//! Laps count from 1 and skip 0 when they wrap, so that memory which was never written, or whose
//! pages were punched out, always reads as an empty slot.

/// Laps before the count starts again at 1.
const LAPS: u64 = u32::MAX as u64;

/// An index into a ring that never wraps in practice (64 bits), with its lap (32 bits, never 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    index: u64,
    mask: u64,
    lap: u32,
}

impl Position {
    /// The position of entry `index` in a ring of `1 << shift` slots.
    #[must_use]
    pub fn at(index: u64, shift: u32) -> Self {
        let lap = ((index >> shift) % LAPS) as u32 + 1;
        Self { index, mask: (1 << shift) - 1, lap }
    }

    /// Entries that passed before this one.
    #[must_use]
    #[inline]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The lap that marks this position's slot as written.
    #[must_use]
    #[inline]
    pub fn lap(&self) -> u32 {
        self.lap
    }

    /// Whether a slot with this lap has not been written in the current lap.
    #[must_use]
    #[inline]
    pub fn is_empty_lap(&self, lap: u32) -> bool {
        lap == 0 || lap == self.previous_lap()
    }

    /// Moves to the next entry.
    #[inline]
    pub fn advance(&mut self) {
        self.index = self.index.wrapping_add(1);
        if self.index & self.mask == 0 {
            self.lap = if self.lap == u32::MAX { 1 } else { self.lap + 1 };
        }
    }

    fn previous_lap(&self) -> u32 {
        if self.lap == 1 { u32::MAX } else { self.lap - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lap_skips_zero_when_it_wraps() {
        let shift = 2;
        let last = (LAPS << shift) - 1;
        let mut position = Position::at(last, shift);
        assert_eq!(position.lap(), u32::MAX);
        position.advance();
        assert_eq!(position.lap(), 1);
        assert_eq!(position, Position::at(last + 1, shift));
        assert!(position.is_empty_lap(u32::MAX));
        assert!(position.is_empty_lap(0));
        assert!(!position.is_empty_lap(2));
    }

    #[test]
    fn advancing_equals_computing() {
        for shift in [0, 1, 5] {
            let mut position = Position::at(0, shift);
            for index in 0..200 {
                assert_eq!(position, Position::at(index, shift));
                position.advance();
            }
        }
    }
}
