//! Capability spaces as data, for whoever must make them again after a restart of their keeper.
//!
//! What is restored answers every operation as what was shown did: handles stay good, and stale ones
//! stay stale. A capability whose parent is missing, because a revocation was interrupted between
//! two spaces, is not restored, nor is what was derived from it.

use alloc::collections::{BTreeMap, BTreeSet};
use core::num::NonZeroU16;

use crate::Rights;
use crate::capabilities::Capabilities;
use crate::changes::{Changes, SlotNumber};
use crate::forest::{Forest, Node, Place};
use crate::handle::{Handle, Key, SpaceId};
use crate::slots::Slots;

/// All spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<O> {
    /// The slots that spaces are in, without a gap.
    pub spaces: BTreeMap<u32, SpaceImage>,
    /// The slots of each space, without a gap.
    pub slots: BTreeMap<SlotNumber, SlotImage<O>>,
}

/// A slot that a space can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceImage {
    /// Of the space that is in it, or of the next one; 0 if there is none.
    pub generation: u16,
    /// How many capabilities the space in it may hold; none if there is no space.
    pub quota: Option<u32>,
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

impl<O> Default for Image<O> {
    fn default() -> Self {
        Self { spaces: BTreeMap::new(), slots: BTreeMap::new() }
    }
}

impl<O: Clone> Capabilities<O> {
    /// What has changed since this was asked last, or else since it was made or restored.
    pub fn take_changes(&mut self) -> Changes {
        self.forest.take_changes()
    }

    /// A slot that a space can be in, if there is such a slot.
    #[must_use]
    pub fn space_image(&self, slot: u32) -> Option<SpaceImage> {
        let (generation, nodes) = self.forest.spaces().image(slot)?;
        Some(SpaceImage { generation, quota: nodes.map(Slots::limit) })
    }

    /// A slot of a space, if there are such a space and such a slot.
    #[must_use]
    pub fn slot_image(&self, at: SlotNumber) -> Option<SlotImage<O>> {
        let (_, nodes) = self.forest.spaces().image(at.space)?;
        let (generation, node) = nodes?.image(at.slot)?;
        let capability = |node: &Node<O>| CapabilityImage {
            object: node.object.clone(),
            rights: node.rights,
            badge: node.badge,
            serial: node.serial,
            parent: node.parent.map(|place| (place.space, place.handle)),
        };
        Some(SlotImage { generation, capability: node.map(capability) })
    }

    /// Makes the spaces of an image, and no other space's name again. What is behind a gap is left
    /// out.
    #[must_use]
    pub fn restore(max_spaces: u32, image: &Image<O>) -> Self {
        let mut parents = BTreeMap::new();
        let spaces = (0..).zip(&image.spaces).take_while(|(at, (slot, _))| at == *slot);
        let spaces = spaces.map(|(slot, (_, kept))| {
            let generation = NonZeroU16::new(kept.generation);
            let space = generation.zip(kept.quota).map(|(generation, quota)| {
                restore_space(image, SpaceId(Key { slot, generation }), quota, &mut parents)
            });
            (kept.generation, space)
        });
        let spaces = Slots::restore(max_spaces, spaces);
        let next_serial = parents.last_key_value().map_or(0, |(serial, _)| serial + 1);
        let mut forest = Forest::restore(spaces, next_serial);
        link(&mut forest, parents);
        Self::of(forest)
    }
}

/// Makes the nodes of a space, and notes by the serial of each where it is and what its parent is.
fn restore_space<O: Clone>(
    image: &Image<O>,
    space: SpaceId,
    quota: u32,
    parents: &mut BTreeMap<u64, (Place, Option<Place>)>,
) -> Slots<Node<O>> {
    let slot = |slot| SlotNumber { space: space.0.slot, slot };
    let slots = (0..).zip(image.slots.range(slot(0)..=slot(u32::MAX)));
    let slots = slots.take_while(|(at, (number, _))| *at == number.slot);
    let nodes = slots.map(|(slot, (_, kept))| {
        let generation = NonZeroU16::new(kept.generation);
        let node = generation.zip(kept.capability.as_ref()).map(|(generation, kept)| {
            let place = Place { space, handle: Handle(Key { slot, generation }) };
            let parent = kept.parent.map(|(space, handle)| Place { space, handle });
            parents.insert(kept.serial, (place, parent));
            Node::lone(kept.object.clone(), kept.rights, kept.badge, kept.serial)
        });
        (kept.generation, node)
    });
    Slots::restore(quota, nodes)
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
    // So far it looks as its image does.
    forest.take_changes();
    for place in gone {
        forest.take(place);
    }
}
