//! Each broken fence must be caught, by a task that is woken and by a request.

use crate::machine::check;
use crate::{session, wakers};
use rings::mutant::{Mutant, select, selected};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// What loom says of a wake-up that was lost.
const LOST: &str = "deadlock";

/// Checks `model` with one thing broken, and returns how it failed.
fn failure(mutant: Mutant, model: fn()) -> Option<String> {
    keep_expected_panics_quiet();
    select(Some(mutant));
    let outcome = catch_unwind(|| check(3, model));
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

fn assert_caught(mutant: Mutant, name: &str) {
    for (model, code) in [("task", wakers::one_task as fn()), ("request", session::one_request)] {
        let failure = failure(mutant, code);
        let failure = failure.unwrap_or_else(|| panic!("mutant {name}: missed by {model}"));
        assert!(failure.contains(LOST), "mutant {name}: {model} failed with: {failure}");
    }
    println!("mutant {name}: caught");
}

#[test]
fn waker_without_fence() {
    assert_caught(Mutant::NoRingerFence, "waker fence missing");
}

#[test]
fn reactor_without_fence() {
    assert_caught(Mutant::NoSleeperFence, "reactor fence missing");
}

#[test]
fn fences_that_only_acquire_and_release() {
    assert_caught(Mutant::WeakFences, "reactor fence(AcqRel) instead of SeqCst");
}
