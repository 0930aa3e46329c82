//! Capability spaces as data, for whoever must make them again after a restart of their keeper.
//!
//! What is restored answers every operation as what was shown did: handles stay good, and stale ones
//! stay stale. A capability whose parent is missing, because a revocation was interrupted between
//! two spaces, is not restored, nor is what was derived from it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::num::NonZeroU16;

use crate::Rights;
use crate::capabilities::Capabilities;
use crate::error::Error;
use crate::forest::{Forest, Node, Place};
use crate::handle::{Handle, Key, SpaceId};
use crate::slots::Slots;

/// A space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceImage<O> {
    /// Its name.
    pub space: SpaceId,
    /// How many capabilities it may hold.
    pub quota: u32,
    /// All its slots.
    pub slots: Vec<SlotImage<O>>,
}

/// A slot of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotImage<O> {
    /// Of the capability that is in it, or of the next one; 0 if there is none.
    pub generation: u16,
    /// What is in it.
    pub capability: Option<CapabilityImage<O>>,
}

/// A capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityImage<O> {
    /// What it is on.
    pub object: O,
    /// What it allows.
    pub rights: Rights,
    /// Its badge.
    pub badge: u64,
    /// Counts the capabilities ever made.
    pub serial: u64,
    /// What it was derived from.
    pub parent: Option<(SpaceId, Handle)>,
}

impl SpaceId {
    /// The name as a number.
    #[must_use]
    pub fn to_word(self) -> u64 {
        Handle(self.0).to_word()
    }

    /// The space of this number, if a space can have it.
    #[must_use]
    pub fn from_word(word: u64) -> Option<Self> {
        Handle::from_word(word).map(|handle| Self(handle.0))
    }
}

impl<O: Clone> Capabilities<O> {
    /// A space as data.
    ///
    /// # Errors
    /// `StaleSpace`.
    pub fn image(&self, space: SpaceId) -> Result<SpaceImage<O>, Error> {
        let nodes = self.forest.spaces.find(space.0).ok_or(Error::StaleSpace)?;
        let capability = |node: &Node<O>| CapabilityImage {
            object: node.object.clone(),
            rights: node.rights,
            badge: node.badge,
            serial: node.serial,
            parent: node.parent.map(|place| (place.space, place.handle)),
        };
        let slots = nodes
            .image()
            .map(|(generation, node)| SlotImage { generation, capability: node.map(capability) });
        Ok(SpaceImage { space, quota: nodes.limit(), slots: slots.collect() })
    }

    /// The generation of each slot for spaces: of the space that is in it, or of the next one.
    #[must_use]
    pub fn space_generations(&self) -> Vec<u16> {
        self.forest.spaces.image().map(|(generation, _)| generation).collect()
    }

    /// Makes the spaces of these images, and no other space's name again.
    #[must_use]
    pub fn restore(max_spaces: u32, generations: &[u16], images: Vec<SpaceImage<O>>) -> Self {
        let mut parents = BTreeMap::new();
        let mut spaces = BTreeMap::new();
        for image in images {
            let id = image.space;
            for (slot, kept) in (0..).zip(&image.slots) {
                if let (Some(generation), Some(kept)) =
                    (NonZeroU16::new(kept.generation), &kept.capability)
                {
                    let place = Place { space: id, handle: Handle(Key { slot, generation }) };
                    let parent = kept.parent.map(|(space, handle)| Place { space, handle });
                    parents.insert(kept.serial, (place, parent));
                }
            }
            let node = |kept: CapabilityImage<O>| {
                Node::lone(kept.object, kept.rights, kept.badge, kept.serial)
            };
            let slots = image.slots.into_iter();
            let slots = slots.map(|slot| (slot.generation, slot.capability.map(node)));
            let slots = Slots::restore(image.quota, slots);
            spaces.insert(id, slots);
        }
        let next_serial = parents.last_key_value().map_or(0, |(serial, _)| serial + 1);
        let mut forest =
            Forest::restore(restore_spaces(max_spaces, generations, spaces), next_serial);
        link(&mut forest, parents);
        Self::of(forest)
    }
}

/// The table of spaces.
fn restore_spaces<O>(
    max_spaces: u32,
    generations: &[u16],
    mut spaces: BTreeMap<SpaceId, Slots<Node<O>>>,
) -> Slots<Slots<Node<O>>> {
    let image = (0..).zip(generations).map(|(slot, generation)| {
        let key = NonZeroU16::new(*generation).map(|generation| Key { slot, generation });
        (*generation, key.and_then(|key| spaces.remove(&SpaceId(key))))
    });
    Slots::restore(max_spaces, image)
}

/// Links each capability to its parent, the oldest first; those without one go.
fn link<O>(forest: &mut Forest<O>, parents: BTreeMap<u64, (Place, Option<Place>)>) {
    let mut gone = BTreeSet::new();
    for (place, parent) in parents.into_values() {
        let is_there = |parent: &Place| !gone.contains(parent) && forest.node(*parent).is_some();
        if parent.as_ref().is_none_or(is_there) {
            forest.attach(place, parent);
        } else {
            gone.insert(place);
        }
    }
    for place in gone {
        forest.take(place);
    }
}
