//! How the capabilities are written to the journal: a value for each slot that a space can be in, and
//! one for each slot of a space. A change costs what it changes, however much a space holds.
//!
//! The values are words of 64 bits. Of a space, by the number of its slot:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | generation; 0: never used again |
//! | 1 | 1 if a space is there, else 0 |
//! | 2 | its quota |
//!
//! Of a slot, by the space's number in bits 32–63 and its own in bits 0–31:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | generation; 0: never used again |
//! | 1 | the object; this word and those behind it are missing if the slot is vacant |
//! | 2 | rights |
//! | 3 | badge |
//! | 4 | serial |
//! | 5, 6 | space and handle that it was derived from, or 0, 0 |

use crate::clients::Object;
use crate::journal::{Journal, Key, Unusable};
use crate::records::{SLOT, SPACE, Words};
use alloc::vec::Vec;
use capability::{
    Capabilities, CapabilityImage, Changes, Handle, Image, Rights, SlotImage, SlotNumber, SpaceId,
    SpaceImage,
};

/// Writes down what has changed.
///
/// # Errors
/// [`Unusable`]: there is no room.
pub(crate) fn write<O: Clone>(
    journal: &mut Journal<O>,
    capabilities: &Capabilities<Object>,
    changes: &Changes,
) -> Result<(), Unusable> {
    for slot in &changes.spaces {
        let key = Key { kind: SPACE, id: u64::from(*slot) };
        journal.set(key, capabilities.space_image(*slot).map(|space| space_words(&space)))?;
    }
    for at in &changes.slots {
        let key = Key { kind: SLOT, id: u64::from(at.space) << 32 | u64::from(at.slot) };
        journal.set(key, capabilities.slot_image(*at).map(|slot| slot_words(&slot)))?;
    }
    Ok(())
}

/// The capabilities that were written down.
pub(crate) fn read<O: Clone>(journal: &Journal<O>, max_spaces: u32) -> Capabilities<Object> {
    let mut image = Image::default();
    for (id, bytes) in journal.of_kind(SPACE) {
        if let (Ok(slot), Some(space)) = (u32::try_from(id), read_space(bytes)) {
            image.spaces.insert(slot, space);
        }
    }
    for (id, bytes) in journal.of_kind(SLOT) {
        if let (Ok(space), Ok(slot), Some(kept)) =
            (u32::try_from(id >> 32), u32::try_from(id & 0xffff_ffff), read_slot(bytes))
        {
            image.slots.insert(SlotNumber { space, slot }, kept);
        }
    }
    Capabilities::restore(max_spaces, &image)
}

fn space_words(space: &SpaceImage) -> Vec<u64> {
    let SpaceImage { generation, quota } = *space;
    [u64::from(generation), u64::from(quota.is_some()), u64::from(quota.unwrap_or(0))].into()
}

fn read_space(bytes: &[u8]) -> Option<SpaceImage> {
    let words = &mut Words::new(bytes);
    let generation = words.number()?;
    let is_there = words.word()? != 0;
    Some(SpaceImage { generation, quota: is_there.then_some(words.number()?) })
}

fn slot_words(slot: &SlotImage<Object>) -> Vec<u64> {
    let mut words = alloc::vec![u64::from(slot.generation)];
    if let Some(capability) = &slot.capability {
        words.push(capability.object.to_word());
        words.extend([capability.rights.bits(), capability.badge, capability.serial]);
        let parent = capability.parent;
        words.extend(parent.map_or([0, 0], |(space, at)| [space.to_word(), at.to_word()]));
    }
    words
}

fn read_slot(bytes: &[u8]) -> Option<SlotImage<Object>> {
    let words = &mut Words::new(bytes);
    Some(SlotImage { generation: words.number()?, capability: read_capability(words) })
}

/// The capability in a slot, if it is not vacant.
fn read_capability(words: &mut Words<'_>) -> Option<CapabilityImage<Object>> {
    Some(CapabilityImage {
        object: Object::from_word(words.word()?)?,
        rights: Rights::from_bits_truncate(words.word()?),
        badge: words.word()?,
        serial: words.word()?,
        parent: {
            let (space, handle) = (words.word()?, words.word()?);
            SpaceId::from_word(space).zip(Handle::from_word(handle))
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use capability::UNBADGED;
    use core::sync::atomic::{AtomicU64, Ordering};
    use rings::Region;

    extern crate std;

    const MANY: u32 = 4000;
    const MAX_SPACES: u32 = 8;

    fn region(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(0)).collect()
    }

    fn journal(words: &[AtomicU64]) -> Journal<&[AtomicU64]> {
        Journal::open(Region::over(words)).unwrap()
    }

    /// Commits what has changed; returns how many bytes of the journal that took.
    fn commit(
        journal: &mut Journal<&[AtomicU64]>,
        capabilities: &mut Capabilities<Object>,
        words: &[AtomicU64],
    ) -> u64 {
        let before = words[0].load(Ordering::Relaxed);
        let changes = capabilities.take_changes();
        write(journal, capabilities, &changes).unwrap();
        journal.commit();
        let after = words[0].load(Ordering::Relaxed);
        // The other half is what is written anew, now and then.
        if before >> 63 == after >> 63 { (after - before) * 8 } else { 0 }
    }

    #[test]
    fn a_derivation_costs_the_same_however_much_is_held() {
        let words = &*region(1 << 18);
        let (mut journal, mut capabilities) = (journal(words), Capabilities::new(MAX_SPACES));
        let own = capabilities.create_space(u32::MAX).unwrap();
        let space = capabilities.create_space(MANY + 1).unwrap();
        let minted = capabilities.mint(own, Object::System, Rights::all(), UNBADGED).unwrap();
        let held = capabilities.grant(own, minted, space, Rights::all(), UNBADGED).unwrap();
        commit(&mut journal, &mut capabilities, words);
        let first = capabilities.derive(space, held, Rights::all(), UNBADGED).unwrap();
        let least = commit(&mut journal, &mut capabilities, words);
        assert!(least > 0);
        let (mut most, mut last) = (0, first);
        for _ in 1..MANY {
            last = capabilities.derive(space, held, Rights::all(), UNBADGED).unwrap();
            most = most.max(commit(&mut journal, &mut capabilities, words));
        }
        assert_eq!(most, least, "bytes of the last derivation, and of the first");
        let revoked = [first, last].map(|handle| {
            capabilities.revoke(space, handle).unwrap();
            commit(&mut journal, &mut capabilities, words)
        });
        assert!(revoked.iter().all(|bytes| (1..=least).contains(bytes)), "{revoked:?} {least}");
        std::println!("a derivation: {least} bytes; a revocation: {revoked:?}");
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let words = &*region(1 << 14);
        let (mut journal, mut capabilities) = (journal(words), Capabilities::new(MAX_SPACES));
        let spaces = [(); 3].map(|()| capabilities.create_space(8).unwrap());
        let root = capabilities.mint(spaces[0], Object::Service(3), Rights::all(), 7).unwrap();
        let middle = capabilities.grant(spaces[0], root, spaces[1], Rights::all(), 0).unwrap();
        let leaf = capabilities.grant(spaces[1], middle, spaces[2], Rights::READ, 0).unwrap();
        let gone = capabilities.derive(spaces[0], root, Rights::READ, 0).unwrap();
        commit(&mut journal, &mut capabilities, words);
        // What was derived from something in it counts as derived from what that was derived from.
        capabilities.destroy_space(spaces[1]).unwrap();
        capabilities.delete(spaces[0], gone).unwrap();
        commit(&mut journal, &mut capabilities, words);

        let journal = self::journal(words);
        let mut read = read(&journal, MAX_SPACES);
        assert!(read.take_changes().is_empty());
        assert_eq!(read.held(spaces[1]), Err(capability::Error::StaleSpace));
        let found = read.lookup(spaces[2], leaf, Rights::READ).unwrap();
        assert_eq!((*found.object, found.badge), (Object::Service(3), 7));
        assert_eq!(found.parent, Some((spaces[0], root)));
        assert!(read.lookup(spaces[0], gone, Rights::empty()).is_err());
        let slots_of = |space| journal.of_kind(SLOT).filter(move |(id, _)| id >> 32 == space);
        assert_eq!(slots_of(1).count(), 0, "nothing is kept of a space that is no more");
        let next = capabilities.derive(spaces[0], root, Rights::READ, 0).unwrap();
        assert_eq!(read.derive(spaces[0], root, Rights::READ, 0), Ok(next));
        assert_eq!(read.revoke(spaces[0], root).unwrap().len(), 3);
    }
}
