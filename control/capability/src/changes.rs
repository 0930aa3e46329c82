//! What has changed among the capability spaces, for whoever keeps an image of them elsewhere.
//!
//! The forest notes every change by itself, so no operation can forget to. An image of which each
//! part is taken anew that is named here is an image of all.

use alloc::collections::BTreeSet;

/// A slot of a space, each by its number, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotNumber {
    /// The slot that the space is in.
    pub space: u32,
    /// The slot in it.
    pub slot: u32,
}

/// What may look different from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Slots that spaces are in, or were.
    pub spaces: BTreeSet<u32>,
    /// Slots of spaces.
    pub slots: BTreeSet<SlotNumber>,
}

impl Changes {
    pub(crate) const fn new() -> Self {
        Self { spaces: BTreeSet::new(), slots: BTreeSet::new() }
    }

    /// Whether everything looks as before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spaces.is_empty() && self.slots.is_empty()
    }
}
