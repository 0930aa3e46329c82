//! Random operations on the capability space and on a naive model of it must agree.
//!
//! Handles and spaces that are gone stay in play, so stale ones are tried as often as live ones.
//! An image that is kept up to date by what is said to have changed must be the image of all; from it
//! the space is restored now and then. Faulty spaces show that the comparison notices what it is there for. `VERIDIAN_OPERATIONS` says how
//! many operations there are at least, usually 50,000. The seed is printed; `PROPTEST_RNG_SEED` repeats
//! a run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a fault in the model must end the test"
)]

mod image;
mod naive;
mod subject;

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;

use capability::{Capabilities, Handle, Image, Rights, SpaceId};
use naive::Naive;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner};
use subject::{
    Amplifying, Faultless, ForgetsHeirs, NoGenerations, Rebadging, ShallowRevoke, Subject,
};

const MAX_SPACES: u32 = 4;
const QUOTA: u32 = 12;
/// Most operations of one sequence.
const LONGEST: usize = 120;
/// Operations of all sequences together, unless the environment says otherwise.
const USUAL_OPERATIONS: u64 = 50_000;

/// One call; spaces and handles are picked from all that were ever issued.
#[derive(Clone, Debug)]
enum Operation {
    CreateSpace,
    DestroySpace { space: Index },
    Mint { space: Index, object: u8, rights: Rights, badge: u64 },
    Grant { from: Index, to: Index, rights: Rights, badge: u64 },
    Revoke { target: Index },
    Delete { target: Index },
    Lookup { target: Index, needed: Rights },
    LookupElsewhere { target: Index, space: Index },
    Restart,
}

/// Mostly able to derive, so that the trees grow deep.
fn rights() -> impl Strategy<Value = Rights> {
    let some = any::<u64>().prop_map(Rights::from_bits_truncate);
    prop_oneof![
        4 => Just(Rights::all()),
        2 => some.clone().prop_map(|rights| rights | Rights::DERIVE | Rights::REVOKE),
        1 => some,
        1 => Just(Rights::DERIVE | Rights::READ),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let index = any::<Index>;
    prop_oneof![
        1 => Just(Operation::CreateSpace),
        1 => index().prop_map(|space| Operation::DestroySpace { space }),
        3 => (index(), any::<u8>(), rights(), 0..3u64).prop_map(
            |(space, object, rights, badge)| Operation::Mint { space, object, rights, badge }
        ),
        16 => (index(), index(), rights(), 0..3u64).prop_map(
            |(from, to, rights, badge)| Operation::Grant { from, to, rights, badge }
        ),
        3 => index().prop_map(|target| Operation::Revoke { target }),
        3 => index().prop_map(|target| Operation::Delete { target }),
        2 => (index(), rights()).prop_map(|(target, needed)| Operation::Lookup { target, needed }),
        1 => (index(), index()).prop_map(
            |(target, space)| Operation::LookupElsewhere { target, space }
        ),
        2 => Just(Operation::Restart),
    ]
}

/// The space under test, the model, and every name that was ever issued.
struct Comparison<S> {
    subject: S,
    naive: Naive,
    spaces: Vec<SpaceId>,
    issued: Vec<(SpaceId, Handle)>,
    /// Kept up to date by what is said to have changed.
    image: Image<u8>,
}

impl<S: Subject> Comparison<S> {
    /// Starts with two spaces and one capability.
    fn new(subject: S) -> Result<Self, TestCaseError> {
        let naive = Naive::new(MAX_SPACES, QUOTA);
        let (spaces, issued, image) = (Vec::new(), Vec::new(), Image::default());
        let mut this = Self { subject, naive, spaces, issued, image };
        this.create_space()?;
        this.create_space()?;
        this.mint(this.spaces[0], 0, Rights::all(), 0)?;
        this.compare_image()?;
        Ok(this)
    }

    fn create_space(&mut self) -> TestCaseResult {
        let created = self.subject.inner().create_space(QUOTA);
        prop_assert_eq!(created.map(|_| ()), self.naive.may_create_space());
        if let Ok(space) = created {
            prop_assert!(!self.spaces.contains(&space), "{:?} was issued before", space);
            self.naive.add_space(space);
            self.spaces.push(space);
        }
        Ok(())
    }

    fn mint(&mut self, space: SpaceId, object: u8, rights: Rights, badge: u64) -> TestCaseResult {
        let minted = self.subject.inner().mint(space, object, rights, badge);
        let expected = self.naive.mint(space, object, rights, badge);
        prop_assert_eq!(minted.map(|_| ()), expected.map(|_| ()));
        self.hold(expected.ok().zip(minted.ok()))
    }

    /// Gives the model's new entry the handle that the subject chose.
    fn hold(&mut self, new: Option<(naive::Entry, Handle)>) -> TestCaseResult {
        if let Some((entry, handle)) = new {
            let name = (entry.space, handle);
            prop_assert!(!self.issued.contains(&name), "{:?} was issued before", name);
            self.naive.hold(entry, handle);
            self.issued.push(name);
        }
        Ok(())
    }

    /// Does `operation` on both and compares the outcome, and then all that is held.
    fn step(&mut self, operation: &Operation) -> TestCaseResult {
        let space = |index: &Index| *index.get(&self.spaces);
        let target = |index: &Index| *index.get(&self.issued);
        match operation {
            Operation::CreateSpace => self.create_space()?,
            Operation::DestroySpace { space: index } => {
                let space = space(index);
                let removed = self.subject.inner().destroy_space(space);
                prop_assert_eq!(naive::sorted(removed), self.naive.destroy_space(space));
            }
            Operation::Mint { space: index, object, rights, badge } => {
                self.mint(space(index), *object, *rights, *badge)?;
            }
            Operation::Grant { from, to, rights, badge } => {
                let ((from, handle), to) = (target(from), space(to));
                let granted = self.subject.grant(from, handle, to, *rights, *badge);
                let expected = self.naive.grant(from, handle, to, *rights, *badge);
                prop_assert_eq!(granted.map(|_| ()), expected.map(|_| ()));
                self.hold(expected.ok().zip(granted.ok()))?;
            }
            Operation::Revoke { target: index } => {
                let (space, handle) = target(index);
                let removed = self.subject.revoke(space, handle);
                if let Ok(removed) = &removed {
                    prop_assert!(self.naive.parents_come_first(removed));
                }
                prop_assert_eq!(naive::sorted(removed), self.naive.revoke(space, handle));
            }
            Operation::Delete { target: index } => {
                let (space, handle) = target(index);
                let removed = self.subject.inner().delete(space, handle);
                prop_assert_eq!(removed, self.naive.delete(space, handle));
            }
            Operation::Lookup { target: index, needed } => {
                let (space, handle) = target(index);
                self.lookup(space, handle, *needed)?;
            }
            Operation::LookupElsewhere { target: index, space: other } => {
                self.lookup(space(other), target(index).1, Rights::empty())?;
            }
            Operation::Restart => {
                *self.subject.inner() = Capabilities::restore(MAX_SPACES, &self.image);
            }
        }
        for space in &self.spaces {
            prop_assert_eq!(subject::list(self.subject.inner(), *space), self.naive.list(*space));
        }
        self.compare_image()
    }

    /// Takes anew what is said to have changed, and compares that with the whole.
    fn compare_image(&mut self) -> TestCaseResult {
        let changes = self.subject.take_changes();
        image::update(&mut self.image, self.subject.inner(), &changes);
        prop_assert_eq!(&self.image, &image::of(self.subject.inner()));
        Ok(())
    }

    fn lookup(&mut self, space: SpaceId, handle: Handle, needed: Rights) -> TestCaseResult {
        let found = self.subject.lookup(space, handle, needed);
        prop_assert_eq!(found, self.naive.lookup(space, handle, needed));
        Ok(())
    }
}

/// How many operations there are to be.
fn operations() -> u64 {
    env::var("VERIDIAN_OPERATIONS").map_or(USUAL_OPERATIONS, |count| count.parse().unwrap())
}

/// Runs random sequences of operations on the subjects that `new` makes, and the model, until there
/// were so many. Returns how many there were.
fn compare<S: Subject>(
    new: impl Fn(Capabilities<u8>) -> S,
    operations: u64,
) -> Result<u64, String> {
    let seed = match env::var("PROPTEST_RNG_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(()),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    let sequences = proptest::collection::vec(operation(), 1..LONGEST);
    let done = Cell::new(0);
    while done.get() < operations {
        // As many sequences as are expected to be enough; each round has a seed of its own.
        let cases = (operations - done.get()).div_ceil(LONGEST as u64 / 2);
        let config = Config {
            rng_seed: RngSeed::Fixed(seed.wrapping_add(done.get())),
            failure_persistence: None,
            cases: u32::try_from(cases).unwrap_or(u32::MAX),
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&sequences, |sequence| {
            let mut comparison = Comparison::new(new(Capabilities::new(MAX_SPACES)))?;
            sequence.iter().try_for_each(|operation| {
                done.set(done.get() + 1);
                comparison.step(operation)
            })
        });
        outcome.map_err(|error: TestError<_>| error.to_string())?;
    }
    Ok(done.get())
}

#[test]
fn agrees_with_the_model() {
    let done = compare(Faultless, operations()).unwrap();
    println!("{done} operations");
}

#[test]
fn derivation_that_adds_rights_is_noticed() {
    compare(Amplifying, USUAL_OPERATIONS).unwrap_err();
}

#[test]
fn derivation_that_changes_the_badge_is_noticed() {
    compare(Rebadging, USUAL_OPERATIONS).unwrap_err();
}

#[test]
fn revocation_that_leaves_descendants_is_noticed() {
    compare(ShallowRevoke, USUAL_OPERATIONS).unwrap_err();
}

#[test]
fn lookup_without_generations_is_noticed() {
    compare(NoGenerations, USUAL_OPERATIONS).unwrap_err();
}

#[test]
fn changes_without_those_of_heirs_are_noticed() {
    compare(ForgetsHeirs, USUAL_OPERATIONS).unwrap_err();
}
