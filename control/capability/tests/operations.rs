//! What each operation promises, one promise a test. The model test covers their combinations.

#![expect(clippy::unwrap_used, reason = "a scene that cannot be set must end the test")]

use capability::{
    Capabilities, Error, Handle, Image, Removed, Rights, SlotNumber, SpaceId, UNBADGED,
};

const QUOTA: u32 = 8;

/// A broker's space with a root capability, and a client's space that is empty.
struct Scene {
    capabilities: Capabilities<&'static str>,
    broker: SpaceId,
    client: SpaceId,
    root: Handle,
}

fn scene() -> Scene {
    let mut capabilities = Capabilities::new(4);
    let broker = capabilities.create_space(QUOTA).unwrap();
    let client = capabilities.create_space(QUOTA).unwrap();
    let root = capabilities.mint(broker, "vfs", Rights::all(), UNBADGED).unwrap();
    Scene { capabilities, broker, client, root }
}

fn places<O>(removed: &[Removed<O>]) -> Vec<(SpaceId, Handle)> {
    removed.iter().map(|removed| (removed.space, removed.handle)).collect()
}

#[test]
fn derived_rights_are_a_subset() {
    let Scene { mut capabilities, broker, root, .. } = scene();
    let rights = Rights::READ | Rights::DERIVE;
    let narrow = capabilities.derive(broker, root, rights, UNBADGED).unwrap();
    assert_eq!(
        capabilities.derive(broker, narrow, Rights::READ | Rights::WRITE, UNBADGED),
        Err(Error::Denied { missing: Rights::WRITE })
    );
    assert!(capabilities.derive(broker, narrow, Rights::empty(), UNBADGED).is_ok());
}

#[test]
fn deriving_needs_the_right_to_derive() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let leaf = capabilities.grant(broker, root, client, Rights::READ, UNBADGED).unwrap();
    let denied = Error::Denied { missing: Rights::DERIVE };
    assert_eq!(capabilities.derive(client, leaf, Rights::READ, UNBADGED), Err(denied));
    assert_eq!(capabilities.grant(client, leaf, broker, Rights::READ, UNBADGED), Err(denied));
}

#[test]
fn a_badge_is_set_once() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let held = capabilities.grant(broker, root, client, Rights::all(), 7).unwrap();
    for badge in [UNBADGED, 7] {
        let derived = capabilities.derive(client, held, Rights::empty(), badge).unwrap();
        assert_eq!(capabilities.lookup(client, derived, Rights::empty()).unwrap().badge, 7);
    }
    assert_eq!(
        capabilities.derive(client, held, Rights::empty(), 8),
        Err(Error::Badged { badge: 7 })
    );
}

#[test]
fn handles_mean_nothing_in_another_space() {
    let Scene { mut capabilities, broker, client, root } = scene();
    assert_eq!(capabilities.lookup(client, root, Rights::empty()), Err(Error::StaleHandle));
    let held = capabilities.grant(broker, root, client, Rights::READ, UNBADGED).unwrap();
    assert_eq!(held, root, "the first handle of each space is the same number");
    let found = capabilities.lookup(client, held, Rights::READ).unwrap();
    assert_eq!((*found.object, found.rights), ("vfs", Rights::READ));
}

#[test]
fn lookup_names_the_missing_rights() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let held = capabilities.grant(broker, root, client, Rights::READ, UNBADGED).unwrap();
    assert_eq!(
        capabilities.lookup(client, held, Rights::READ | Rights::AUDIT | Rights::MOUNT),
        Err(Error::Denied { missing: Rights::AUDIT | Rights::MOUNT })
    );
}

#[test]
fn revoking_removes_the_subtree_in_every_space_and_nothing_else() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let kept = capabilities.derive(broker, root, Rights::all(), UNBADGED).unwrap();
    let middle = capabilities.derive(broker, root, Rights::all(), UNBADGED).unwrap();
    let held = capabilities.grant(broker, middle, client, Rights::all(), 1).unwrap();
    let back = capabilities.grant(client, held, broker, Rights::READ, UNBADGED).unwrap();

    let removed = capabilities.revoke(broker, middle).unwrap();
    assert_eq!(places(&removed), [(broker, middle), (client, held), (broker, back)]);
    assert_eq!(removed.iter().map(|removed| removed.badge).collect::<Vec<_>>(), [0, 1, 1]);
    for (space, handle) in places(&removed) {
        assert_eq!(capabilities.lookup(space, handle, Rights::empty()), Err(Error::StaleHandle));
    }
    assert_eq!(
        places(&capabilities.revoke(broker, root).unwrap()),
        [(broker, root), (broker, kept)]
    );
}

#[test]
fn taking_back_from_others_needs_the_right_to_revoke() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let rights = Rights::all().difference(Rights::REVOKE);
    let middle = capabilities.derive(broker, root, rights, UNBADGED).unwrap();
    let own = capabilities.derive(broker, middle, rights, UNBADGED).unwrap();
    capabilities.grant(broker, middle, client, Rights::READ, UNBADGED).unwrap();

    let denied = Error::Denied { missing: Rights::REVOKE };
    assert_eq!(capabilities.revoke(broker, middle), Err(denied));
    assert_eq!(capabilities.held(broker), Ok(3), "a refused revoke removes nothing");
    assert_eq!(places(&capabilities.revoke(broker, own).unwrap()), [(broker, own)]);
}

#[test]
fn deleting_hands_children_to_the_parent() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let middle = capabilities.derive(broker, root, Rights::all(), UNBADGED).unwrap();
    let first = capabilities.grant(broker, middle, client, Rights::READ, 1).unwrap();
    let second = capabilities.grant(broker, middle, client, Rights::READ, 2).unwrap();
    assert_eq!(capabilities.delete(broker, middle).unwrap().handle, middle);
    assert!(capabilities.lookup(client, first, Rights::READ).is_ok());

    let removed = capabilities.revoke(broker, root).unwrap();
    assert_eq!(removed.len(), 3);
    assert!(places(&removed).contains(&(client, first)));
    assert!(places(&removed).contains(&(client, second)));
}

#[test]
fn destroying_a_space_deletes_what_it_holds() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let other = capabilities.create_space(QUOTA).unwrap();
    let held = capabilities.grant(broker, root, client, Rights::all(), 3).unwrap();
    let derived = capabilities.derive(client, held, Rights::all(), UNBADGED).unwrap();
    let passed_on = capabilities.grant(client, derived, other, Rights::READ, UNBADGED).unwrap();

    let removed = capabilities.destroy_space(client).unwrap();
    assert_eq!(places(&removed), [(client, held), (client, derived)]);
    assert_eq!(capabilities.lookup(client, held, Rights::empty()), Err(Error::StaleSpace));
    assert!(capabilities.lookup(other, passed_on, Rights::READ).is_ok());
    assert_eq!(
        places(&capabilities.revoke(broker, root).unwrap()),
        [(broker, root), (other, passed_on)]
    );
}

#[test]
fn a_space_that_takes_the_place_of_another_is_another() {
    let Scene { mut capabilities, client, .. } = scene();
    capabilities.destroy_space(client).unwrap();
    let successor = capabilities.create_space(QUOTA).unwrap();
    assert_ne!(successor, client);
    assert_eq!(capabilities.held(client), Err(Error::StaleSpace));
    assert_eq!(capabilities.destroy_space(client), Err(Error::StaleSpace));
    assert_eq!(capabilities.held(successor), Ok(0));
}

#[test]
fn quotas_are_charged_to_the_holder_and_given_back() {
    let Scene { mut capabilities, broker, client, root } = scene();
    let full = Error::QuotaExceeded { limit: QUOTA };
    for _ in 0..QUOTA {
        capabilities.grant(broker, root, client, Rights::DERIVE, UNBADGED).unwrap();
    }
    assert_eq!(capabilities.grant(broker, root, client, Rights::READ, UNBADGED), Err(full));
    assert_eq!(capabilities.mint(client, "net", Rights::READ, UNBADGED), Err(full));
    assert_eq!(capabilities.held(broker), Ok(1));
    capabilities.revoke(broker, root).unwrap();
    assert_eq!(capabilities.held(client), Ok(0));
    assert!(capabilities.mint(client, "net", Rights::READ, UNBADGED).is_ok());
}

#[test]
fn the_number_of_spaces_is_limited() {
    let mut capabilities = Capabilities::<()>::new(1);
    let space = capabilities.create_space(QUOTA).unwrap();
    assert_eq!(capabilities.create_space(QUOTA), Err(Error::QuotaExceeded { limit: 1 }));
    capabilities.destroy_space(space).unwrap();
    assert!(capabilities.create_space(QUOTA).is_ok());
}

#[test]
fn a_chain_as_deep_as_the_quota_is_revoked_without_recursion() {
    const DEPTH: u32 = 200_000;
    let mut capabilities = Capabilities::new(1);
    let space = capabilities.create_space(DEPTH).unwrap();
    let root = capabilities.mint(space, (), Rights::all(), UNBADGED).unwrap();
    let mut last = root;
    for _ in 1..DEPTH {
        last = capabilities.derive(space, last, Rights::all(), UNBADGED).unwrap();
    }
    assert_eq!(capabilities.revoke(space, root).unwrap().len(), DEPTH as usize);
    assert_eq!(capabilities.held(space), Ok(0));
}

#[test]
fn destroying_a_space_moves_each_surviving_child_once() {
    // One broom a turn: a long chain in the space to destroy, its end holding many children
    // elsewhere. Moving them up link by link would take hundreds of millions of steps.
    const SIZE: u32 = 20_000;
    let mut capabilities = Capabilities::new(2);
    let chain = capabilities.create_space(SIZE).unwrap();
    let leaves = capabilities.create_space(SIZE).unwrap();
    let mut links = vec![capabilities.mint(chain, (), Rights::all(), UNBADGED).unwrap()];
    while links.len() < SIZE as usize {
        let last = *links.last().unwrap();
        links.push(capabilities.derive(chain, last, Rights::all(), UNBADGED).unwrap());
    }
    let end = *links.last().unwrap();
    for _ in 0..SIZE {
        capabilities.grant(chain, end, leaves, Rights::READ, UNBADGED).unwrap();
    }
    let removed = capabilities.destroy_space(chain).unwrap();
    assert_eq!(removed.iter().map(|removed| removed.handle).collect::<Vec<_>>(), links);
    assert_eq!(capabilities.held(leaves), Ok(SIZE));
}

/// A revocation removes from one space after the other; interrupted between two, it goes on when
/// the spaces are restored.
#[test]
fn what_has_lost_its_parent_is_not_restored() {
    let mut capabilities = Capabilities::new(4);
    let spaces = [(); 3].map(|()| capabilities.create_space(8).unwrap());
    let root = capabilities.mint(spaces[0], 'o', Rights::all(), UNBADGED).unwrap();
    let mut grant = |from: usize, handle, to: usize| {
        capabilities.grant(spaces[from], handle, spaces[to], Rights::all(), UNBADGED).unwrap()
    };
    let child = grant(0, root, 1);
    let grandchild = grant(1, child, 2);
    let other = grant(0, root, 2);
    let mut image = Image::default();
    let changes = capabilities.take_changes();
    let spaces_of = |slot| Some((slot, capabilities.space_image(slot)?));
    image.spaces.extend(changes.spaces.into_iter().filter_map(spaces_of));
    let slots_of = |at| Some((at, capabilities.slot_image(at)?));
    image.slots.extend(changes.slots.into_iter().filter_map(slots_of));
    let lost = SlotNumber { space: 1, slot: 0 };
    image.slots.get_mut(&lost).unwrap().capability = None;
    let mut restored = Capabilities::restore(4, &image);
    let found = |handle| restored.lookup(spaces[2], handle, Rights::empty()).map(|_| ());
    assert_eq!(found(grandchild), Err(Error::StaleHandle));
    assert_eq!(found(other), Ok(()));
    assert_eq!(restored.held(spaces[2]), Ok(1));
    let slots = restored.take_changes().slots;
    assert_eq!(slots.into_iter().collect::<Vec<_>>(), [SlotNumber { space: 2, slot: 0 }]);
}
