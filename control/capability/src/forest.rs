//! The derivation trees: which capability was derived from which, across all spaces.
//!
//! Every node lives in a slot of its space's table and links to its parent, its first child and
//! its siblings, so adding and removing a node costs the same however large the trees are. Walks
//! are loops: a client can make a chain as deep as its quota, and no stack may depend on that.
//!
//! Nobody else changes a space or a node, so that every change is noted here ([`Changes`]).

use core::iter;
use core::mem;

use crate::Rights;
use crate::changes::{Changes, SlotNumber};
use crate::error::Error;
use crate::handle::{Handle, SpaceId};
use crate::slots::Slots;

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) space: SpaceId,
    pub(crate) handle: Handle,
}

impl Place {
    const fn slot(self) -> SlotNumber {
        SlotNumber { space: self.space.0.slot, slot: self.handle.0.slot }
    }
}

/// A capability and its neighbours in the tree.
#[derive(Debug)]
pub(crate) struct Node<O> {
    pub(crate) object: O,
    pub(crate) rights: Rights,
    pub(crate) badge: u64,
    /// Counts the nodes ever made, so an ancestor's is always smaller.
    pub(crate) serial: u64,
    pub(crate) parent: Option<Place>,
    first_child: Option<Place>,
    previous_sibling: Option<Place>,
    next_sibling: Option<Place>,
}

impl<O> Node<O> {
    /// One that is not linked to any other.
    pub(crate) const fn lone(object: O, rights: Rights, badge: u64, serial: u64) -> Self {
        Self {
            object,
            rights,
            badge,
            serial,
            parent: None,
            first_child: None,
            previous_sibling: None,
            next_sibling: None,
        }
    }
}

/// All spaces and the trees among them.
#[derive(Debug)]
pub(crate) struct Forest<O> {
    spaces: Slots<Slots<Node<O>>>,
    next_serial: u64,
    changes: Changes,
}

impl<O> Forest<O> {
    pub(crate) const fn new(max_spaces: u32) -> Self {
        Self { spaces: Slots::new(max_spaces), next_serial: 0, changes: Changes::new() }
    }

    /// These spaces, whose nodes are not linked yet.
    pub(crate) const fn restore(spaces: Slots<Slots<Node<O>>>, next_serial: u64) -> Self {
        Self { spaces, next_serial, changes: Changes::new() }
    }

    pub(crate) const fn spaces(&self) -> &Slots<Slots<Node<O>>> {
        &self.spaces
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Changes {
        mem::take(&mut self.changes)
    }

    pub(crate) fn create_space(&mut self, quota: u32) -> Result<SpaceId, Error> {
        let space = SpaceId(self.spaces.insert(Slots::new(quota))?);
        self.changes.spaces.insert(space.0.slot);
        Ok(space)
    }

    /// Takes out a space with the nodes that are still in it.
    pub(crate) fn remove_space(&mut self, space: SpaceId) {
        if let Some(nodes) = self.spaces.remove(space.0) {
            let space = space.0.slot;
            self.changes.spaces.insert(space);
            let slots = (0..nodes.len()).map(|slot| SlotNumber { space, slot });
            self.changes.slots.extend(slots);
        }
    }

    pub(crate) fn node(&self, place: Place) -> Option<&Node<O>> {
        self.spaces.find(place.space.0)?.find(place.handle.0)
    }

    /// Counts as a change of the node, whatever is done with it: most who ask change its parent.
    fn node_mut(&mut self, place: Place) -> Option<&mut Node<O>> {
        let node = self.spaces.find_mut(place.space.0)?.find_mut(place.handle.0)?;
        self.changes.slots.insert(place.slot());
        Some(node)
    }

    /// Puts a new node into `space`, below `parent` or as a root.
    pub(crate) fn insert(
        &mut self,
        space: SpaceId,
        parent: Option<Place>,
        (object, rights, badge): (O, Rights, u64),
    ) -> Result<Place, Error> {
        let node = Node::lone(object, rights, badge, self.next_serial);
        let nodes = self.spaces.find_mut(space.0).ok_or(Error::StaleSpace)?;
        let handle = Handle(nodes.insert(node)?);
        self.next_serial += 1;
        let place = Place { space, handle };
        self.attach(place, parent);
        Ok(place)
    }

    /// Takes out one node; its children go to its parent, or become roots.
    ///
    /// Costs one step for each child.
    pub(crate) fn remove(&mut self, place: Place) -> Option<Node<O>> {
        let parent = self.node(place)?.parent;
        while let Some(child) = self.node(place)?.first_child {
            self.detach(child);
            self.attach(child, parent);
        }
        self.detach(place);
        self.take(place)
    }

    /// Takes out a node without mending the links to it: for whole subtrees, detached before.
    pub(crate) fn take(&mut self, place: Place) -> Option<Node<O>> {
        let node = self.spaces.find_mut(place.space.0)?.remove(place.handle.0)?;
        self.changes.slots.insert(place.slot());
        Some(node)
    }

    /// `root` and all nodes below it, each after its parent.
    pub(crate) fn subtree(&self, root: Place) -> impl Iterator<Item = Place> {
        iter::successors(Some(root), move |place| self.next_below(root, *place))
    }

    /// The node that follows `place` when the subtree of `root` is walked parents first.
    fn next_below(&self, root: Place, mut place: Place) -> Option<Place> {
        if let Some(child) = self.node(place)?.first_child {
            return Some(child);
        }
        while place != root {
            let node = self.node(place)?;
            if let Some(sibling) = node.next_sibling {
                return Some(sibling);
            }
            place = node.parent?;
        }
        None
    }

    /// Makes the lone node at `place` the first child of `parent`, or a root.
    pub(crate) fn attach(&mut self, place: Place, parent: Option<Place>) {
        let next = parent
            .and_then(|parent| self.node_mut(parent))
            .and_then(|parent| parent.first_child.replace(place));
        if let Some(next) = next.and_then(|next| self.node_mut(next)) {
            next.previous_sibling = Some(place);
        }
        if let Some(node) = self.node_mut(place) {
            node.parent = parent;
            node.next_sibling = next;
        }
    }

    /// Takes the node at `place`, with all below it, out of its parent's children.
    pub(crate) fn detach(&mut self, place: Place) {
        let Some(node) = self.node_mut(place) else {
            return;
        };
        let parent = node.parent.take();
        let previous = node.previous_sibling.take();
        let next = node.next_sibling.take();
        if let Some(next) = next.and_then(|next| self.node_mut(next)) {
            next.previous_sibling = previous;
        }
        match previous {
            Some(previous) => {
                if let Some(previous) = self.node_mut(previous) {
                    previous.next_sibling = next;
                }
            }
            None => {
                if let Some(parent) = parent.and_then(|parent| self.node_mut(parent)) {
                    parent.first_child = next;
                }
            }
        }
    }
}
