//! Bugs seeded into the shipped code while a model is checked: each must make its model fail.
//!
//! Exists under `cfg(loom)` only. A thread selects for itself, and loom runs all threads of a
//! model on the one that checks it, so that tests side by side do not see each other's mutants.

use crate::sync::{Ordering, Side, fence};
use std::cell::Cell;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The side that publishes has no fence before it looks at `need_wakeup`.
    NoRingerFence,
    /// The side that announces its sleep has no fence before it looks once more.
    NoSleeperFence,
    /// Both fences order acquire and release only, not a store before a load.
    WeakFences,
    /// An entry's last word is stored without ordering the words before it.
    RelaxedPublish,
    /// The sleeper does not look once more; its caller is asked to break this rule, by
    /// [`selected`].
    NoSecondLook,
}

std::thread_local! {
    static SELECTED: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Breaks the code of this thread, or, with `None`, repairs it.
pub fn select(mutant: Option<Mutant>) {
    SELECTED.set(mutant);
}

/// What is broken for this thread.
#[must_use]
pub fn selected() -> Option<Mutant> {
    SELECTED.get()
}

/// The full fence of a side, unless it is broken for this thread.
pub fn full_fence(side: Side) {
    match (selected(), side) {
        (Some(Mutant::NoRingerFence), Side::Ringer)
        | (Some(Mutant::NoSleeperFence), Side::Sleeper) => {}
        (Some(Mutant::WeakFences), _) => fence(Ordering::AcqRel),
        _ => fence(Ordering::SeqCst),
    }
}

pub(crate) fn publishing() -> Ordering {
    match selected() {
        Some(Mutant::RelaxedPublish) => Ordering::Relaxed,
        _ => Ordering::Release,
    }
}
