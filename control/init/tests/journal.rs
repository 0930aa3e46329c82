//! The journal against a map, with its process killed between any two stores: what was committed
//! last is what the next one finds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a fault must end the test")]

use init::{Journal, Key};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rings::Region;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Room for few values, so that halves are changed often.
const WORDS: usize = 8 + 2 * 1000;

#[derive(Clone, Debug)]
enum Operation {
    Put(Key, Vec<u8>),
    Remove(Key),
    Commit,
    /// The process is killed; whatever it was writing beyond what counts is in the region.
    Kill {
        garbage: u64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || (0..3u16, 0..6u64).prop_map(|(kind, id)| Key { kind, id });
    let value = proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        6 => (key(), value).prop_map(|(key, value)| Operation::Put(key, value)),
        2 => key().prop_map(Operation::Remove),
        3 => Just(Operation::Commit),
        1 => any::<u64>().prop_map(|garbage| Operation::Kill { garbage }),
    ]
}

fn contents(journal: &Journal<&[AtomicU64]>) -> BTreeMap<Key, Vec<u8>> {
    let kinds = 0..3u16;
    let all = kinds.flat_map(|kind| {
        journal.of_kind(kind).map(move |(id, value)| (Key { kind, id }, value.to_vec()))
    });
    all.collect()
}

/// Overwrites what does not count: the rest of the half that does, and all of the other one.
fn scribble(words: &[AtomicU64], garbage: u64) {
    let state = words[0].load(Ordering::Relaxed);
    let (second, used) = (state >> 63 == 1, usize::try_from(state & !(1 << 63)).unwrap());
    let half = (words.len() - 8) / 2;
    let start = 8 + if second { half } else { 0 };
    for (at, word) in words.iter().enumerate().skip(8) {
        if !(start..start + used).contains(&at) {
            word.store(garbage.wrapping_mul(at as u64), Ordering::Relaxed);
        }
    }
}

#[test]
fn what_was_committed_last_is_found() {
    let seed = RandomState::new().hash_one(());
    println!("PROPTEST_RNG_SEED={seed}");
    let config =
        Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let operations = proptest::collection::vec(operation(), 1..200);
    let run = TestRunner::new(config).run(&operations, |operations| {
        let words: Vec<AtomicU64> = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        let mut journal = Journal::open(Region::over(&words)).unwrap();
        let (mut now, mut committed) = (BTreeMap::new(), BTreeMap::new());
        for operation in operations {
            match operation {
                Operation::Put(key, value) => {
                    journal.put(key, &value).unwrap();
                    now.insert(key, value);
                }
                Operation::Remove(key) => {
                    journal.remove(key).unwrap();
                    now.remove(&key);
                }
                Operation::Commit => {
                    journal.commit();
                    committed.clone_from(&now);
                }
                Operation::Kill { garbage } => {
                    scribble(&words, garbage);
                    journal = Journal::open(Region::over(&words)).unwrap();
                    now.clone_from(&committed);
                }
            }
            prop_assert_eq!(&contents(&journal), &now);
        }
        Ok(())
    });
    run.unwrap();
}

#[test]
fn what_does_not_fit_is_refused_and_what_was_committed_stays() {
    let words: Vec<AtomicU64> = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
    let mut journal = Journal::open(Region::over(&words)).unwrap();
    let key = Key { kind: 1, id: 7 };
    journal.put(key, b"kept").unwrap();
    journal.commit();
    assert!(journal.put(Key { kind: 1, id: 8 }, &[1; WORDS * 8]).is_err());
    let journal = Journal::open(Region::over(&words)).unwrap();
    assert_eq!(journal.of_kind(1).collect::<Vec<_>>(), [(7, &b"kept"[..])]);
}

#[test]
fn what_is_no_journal_is_not_taken_for_one() {
    for word in [1, 1 << 63, u64::MAX] {
        let words: Vec<AtomicU64> = (0..WORDS).map(|_| AtomicU64::new(word)).collect();
        assert!(Journal::open(Region::over(&words)).is_err());
    }
}
