//! A service is cut off after every store that it makes: what it leaves must name exactly the
//! requests that have no completion.
//!
//! The service here makes the calls that the reactor makes, one by one. Between two calls, and for
//! every prefix of a call's stores in the order that `dataplane::ledger` documents, the shared
//! memory is copied; the copy is what a kill at that instant leaves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking; its numbers are small"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "ledger/service.rs"]
mod service;
mod support;

use dataplane::entry::{Opcode, Sqe};
use dataplane::ledger::{self, Ledger};
use proptest::prelude::*;
use rings::sync::Ordering;
use rings::{Cursors, Geometry};
use service::{CutOff, Memory, World};
use support::session::{QueueBlocks, entry};

#[derive(Clone, Debug)]
enum Step {
    Submit { words: [u64; 8] },
    Take { most: usize },
    Accept,
    More { which: usize },
    Complete { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<[u64; 8]>().prop_map(|words| Step::Submit { words }),
        2 => (1..4usize).prop_map(|most| Step::Take { most }),
        3 => Just(Step::Accept),
        1 => any::<usize>().prop_map(|which| Step::More { which }),
        3 => any::<usize>().prop_map(|which| Step::Complete { which }),
    ]
}

/// Where to start: at the beginning, or some entries before the laps of each ring wrap.
fn start() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
    (prop::option::of(0..12u64), prop::option::of(0..12u64))
}

fn cursors(geometry: Geometry, (sq, cq): (Option<u64>, Option<u64>)) -> Cursors {
    let before_wrap = |before: Option<u64>, entries: u32| {
        before.map_or(0, |before| u64::from(u32::MAX) * u64::from(entries) - before)
    };
    Cursors {
        sq_next: before_wrap(sq, geometry.sq_entries()),
        cq_next: before_wrap(cq, geometry.cq_entries()),
    }
}

fn play(world: &mut World, step: &Step) -> Result<(), CutOff> {
    match *step {
        Step::Submit { words } => world.submit(&words),
        Step::Take { most } => world.take(most),
        Step::Accept => world.accept()?,
        Step::More { which } => world.complete_more(which)?,
        Step::Complete { which } => world.complete(which)?,
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases::cases(150))]

    #[test]
    fn what_is_left_names_exactly_what_has_no_completion(
        sq_shift in 1..4u32,
        cq_shift in 1..4u32,
        start in start(),
        steps in prop::collection::vec(step(), cases::steps(100)),
        cut in 0..400usize,
    ) {
        let geometry = Geometry::new(1 << sq_shift, 1 << cq_shift).unwrap();
        let mut world = World::new(geometry, cursors(geometry, start), cut);
        // Cut off in the middle, or at the end: the next incarnation finishes everything.
        let _cut_off = steps.iter().try_for_each(|step| play(&mut world, step));
        world.recover();
    }
}

#[test]
fn the_block_is_laid_out_as_documented() {
    let geometry = Geometry::new(4, 8).unwrap();
    assert_eq!(ledger::bytes(geometry), 128 + 8 * 128);
    let blocks = QueueBlocks::new(geometry);
    let ledger = Ledger::new(&blocks.ledger, geometry).unwrap();
    let word = |offset| blocks.ledger.load(offset, Ordering::Relaxed).unwrap();
    let words = [11, 12, 13, 14, 15, 16, 17, 18];

    ledger.accepted(5, &words, Cursors { sq_next: 21, cq_next: 7 });
    let slot = 128 + 5 * 128;
    let noted: Vec<_> = (slot..slot + 128).step_by(8).map(word).collect();
    assert_eq!(noted, [11, 12, 13, 14, 15, 16, 17, 18, 21, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!([word(0), word(8), word(16)], [21, 0, 0]);

    ledger.completing(5);
    assert_eq!([word(0), word(8), word(16)], [21, 0, 21]);
    ledger.completed(5, Cursors { sq_next: 21, cq_next: 8 });
    assert_eq!([word(0), word(8), word(16), word(slot + 64)], [21, 8, 21, 0]);
    ledger.posted(Cursors { sq_next: 21, cq_next: 9 });
    assert_eq!(word(8), 9);
    let elsewhere =
        (128..blocks.ledger.len()).step_by(8).filter(|at| !(slot..slot + 64).contains(at));
    assert!(elsewhere.map(word).all(|word| word == 0));

    let smaller = blocks.ledger.view(0, blocks.ledger.len() - 8).unwrap();
    assert!(Ledger::new(&smaller, geometry).is_err());
}

/// A submission slot may be written anew as soon as the client is told that it is free: not before
/// the ledger has what was in it.
#[test]
fn a_slot_is_given_back_after_the_ledger_has_its_entry() {
    let memory = Memory::new(Geometry::new(2, 8).unwrap());
    let mut client = memory.live.client_end();
    let mut service = memory.service_end(Cursors::default(), 0);
    let request = |user_data| Sqe { lap: 1, ..entry(Opcode::Nop, user_data) }.to_words();
    client.submit(&request(0)).unwrap();
    client.submit(&request(1)).unwrap();
    service.accept().unwrap().unwrap();
    // Killed here, with the client going on as long as it finds room.
    while client.submit(&request(2)).is_ok() {}
    let remains = memory.remains().unwrap();
    assert_eq!(remains.cursors, Cursors::default());
    assert_eq!(remains.in_flight[0].words, request(0));
}
