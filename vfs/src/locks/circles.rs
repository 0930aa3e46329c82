//! Owners that wait for each other, over all files.

use super::ranges::Lock;
use super::table::{Owner, State};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use dataplane::entry::Errno;

/// Most locks looked at in one search. A circle that is farther away is not found: its requests
/// wait until they are cancelled.
const MOST_STEPS: usize = 16_384;

impl State {
    /// Whether an owner would wait for itself if it waited for this lock.
    pub(super) fn is_circle(&self, owner: Owner, file: u64, lock: Lock) -> bool {
        let mut steps = 0;
        let mut seen = BTreeSet::new();
        let mut next: Vec<(Owner, u64, Lock)> = Vec::from([(owner, file, lock)]);
        while let Some((waiter, file, lock)) = next.pop() {
            let Some(locks) = self.files.get(&file) else { continue };
            steps += locks.owners.len();
            if steps > MOST_STEPS {
                return false;
            }
            for way in locks.in_the_way(waiter, lock) {
                if way.owner == owner {
                    return true;
                }
                if seen.insert(way.owner) {
                    next.extend(self.waits_of(way.owner));
                }
            }
        }
        false
    }

    fn waits_of(&self, owner: Owner) -> impl Iterator<Item = (Owner, u64, Lock)> {
        let waits = self.waits.get(&owner).into_iter().flatten();
        waits.filter_map(move |(file, ticket)| {
            let queue = &self.files.get(file)?.queue;
            let waiting = queue.iter().find(|waiting| waiting.ticket == *ticket)?;
            Some((owner, *file, waiting.lock))
        })
    }

    /// An owner has got a lock while others of its requests wait: those that have become part of a
    /// circle by that end with EDEADLK. Says whether there were any.
    pub(super) fn break_circles(&mut self, owner: Owner) -> bool {
        let Some(waits) = self.waits.get(&owner) else { return false };
        let mut broken = false;
        for (file, ticket) in waits.clone() {
            let queue = self.files.get(&file).map(|locks| &locks.queue);
            let found = queue.and_then(|queue| queue.iter().find(|w| w.ticket == ticket));
            let Some(lock) = found.map(|waiting| waiting.lock) else { continue };
            if self.is_circle(owner, file, lock) {
                self.leave(file, ticket, Some(Err(Errno::EDEADLK)));
                broken = true;
            }
        }
        broken
    }
}
