//! Each seeded bug must be caught, by one ring with a sleeping consumer and by a whole queue; one
//! that loses wake-ups also where the service waits for completion slots.

use crate::parties::check;
use crate::{queue, ring};
use rings::mutant::{Mutant, select, selected};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// What loom says of a wake-up that was lost.
const LOST: &str = "deadlock";
/// What the models say of a payload that did not come along with its entry.
const TORN: &str = "torn entry";

/// Checks `model` with one thing broken, and returns how it failed.
fn failure(mutant: Mutant, preemptions: usize, model: fn()) -> Option<String> {
    keep_expected_panics_quiet();
    select(Some(mutant));
    let outcome = catch_unwind(|| check(preemptions, model));
    select(None);
    let panic = outcome.err()?;
    let text = panic.downcast_ref::<String>().map(String::as_str);
    Some(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned())
}

fn keep_expected_panics_quiet() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if selected().is_none() {
                report(panic);
            }
        }));
    });
}

fn assert_caught(mutant: Mutant, name: &str, symptom: &str) {
    for (model, preemptions, code) in
        [("ring", 3, ring::sleeping_consumer as fn()), ("queue", 2, queue::one_at_a_time)]
    {
        let failure = failure(mutant, preemptions, code);
        let failure = failure.unwrap_or_else(|| panic!("mutant {name}: missed by {model}"));
        assert!(failure.contains(symptom), "mutant {name}: {model} failed with: {failure}");
    }
    println!("mutant {name}: caught");
}

#[test]
fn producer_without_fence() {
    assert_caught(Mutant::NoRingerFence, "producer fence missing", LOST);
}

#[test]
fn sleeper_without_fence() {
    assert_caught(Mutant::NoSleeperFence, "sleeper fence missing", LOST);
}

#[test]
fn fences_that_only_acquire_and_release() {
    assert_caught(Mutant::WeakFences, "fence(AcqRel) instead of SeqCst", LOST);
}

#[test]
fn publish_without_release() {
    assert_caught(Mutant::RelaxedPublish, "relaxed publish", TORN);
}

#[test]
fn sleep_without_second_look() {
    assert_caught(Mutant::NoSecondLook, "no second look after arming", LOST);
}
