//! Bytes of a region against a `Vec<u8>`.

use crate::cases::{cases, steps};
use crate::support::{Memory, words};
use proptest::prelude::*;
use rings::sync::Ordering;
use rings::{BLOCK, OutOfBounds, Region};

/// All bytes, read word by word and not by the code under test.
fn contents(region: &Memory<'_>) -> Vec<u8> {
    let word = |offset| region.load(offset, Ordering::Relaxed).unwrap().to_le_bytes();
    (0..region.len()).step_by(8).flat_map(word).collect()
}

/// The range, if it is inside.
fn range(offset: usize, len: usize, bytes: usize) -> Option<std::ops::Range<usize>> {
    let end = offset.checked_add(len)?;
    (end <= bytes).then_some(offset..end)
}

fn expected(
    inside: Option<&std::ops::Range<usize>>,
    error: (usize, usize, usize),
) -> Result<(), OutOfBounds> {
    let (offset, len, region) = error;
    inside.map(|_| ()).ok_or(OutOfBounds { offset, len, region })
}

#[test]
fn every_alignment_and_length() {
    const BYTES: usize = if cfg!(miri) { 8 } else { 40 };
    let most = if cfg!(miri) { 10 } else { BYTES + 3 };
    let pattern: Vec<u8> = (1..=64).collect();
    for (offset, len) in (0..most).flat_map(|offset| (0..most).map(move |len| (offset, len))) {
        let memory = words(BYTES);
        let region = Region::over(&memory);
        let mut model = vec![0; BYTES];
        let inside = range(offset, len, BYTES);
        let outcome = expected(inside.as_ref(), (offset, len, BYTES));

        assert_eq!(region.write(offset, &pattern[..len]), outcome, "write {offset} {len}");
        if let Some(range) = inside.clone() {
            model[range].copy_from_slice(&pattern[..len]);
        }
        assert_eq!(contents(&region), model, "write {offset} {len}");

        let mut read = vec![0xee; len];
        assert_eq!(region.read(offset, &mut read), outcome, "read {offset} {len}");
        match inside.clone() {
            Some(range) => assert_eq!(read, model[range], "read {offset} {len}"),
            None => assert!(read.iter().all(|byte| *byte == 0xee), "read {offset} {len}"),
        }

        region.write(0, &pattern[..BYTES]).unwrap();
        model.copy_from_slice(&pattern[..BYTES]);
        assert_eq!(region.zero(offset, len), outcome, "zero {offset} {len}");
        if let Some(range) = inside {
            model[range].fill(0);
        }
        assert_eq!(contents(&region), model, "zero {offset} {len}");
    }
}

#[test]
fn words_views_and_slots_stay_inside() {
    let memory = words(64);
    let region = Region::over(&memory);
    for offset in [1, 4, 63, 64, 65, usize::MAX, usize::MAX - 7] {
        assert!(region.load(offset, Ordering::Relaxed).is_err(), "{offset}");
        assert!(region.store(offset, 1, Ordering::Relaxed).is_err(), "{offset}");
        assert!(region.word(offset).is_err(), "{offset}");
    }
    for (offset, len) in [(0, 72), (4, 8), (8, 4), (64, 8), (usize::MAX - 7, 8), (8, usize::MAX)] {
        assert!(region.view(offset, len).is_err(), "{offset} {len}");
    }
    for (offset, shift) in [(0, 2), (8, 1), (4, 0), (0, 63), (0, 64), (usize::MAX, 0)] {
        assert!(region.slots::<4>(offset, shift).is_err(), "{offset} {shift}");
    }
    assert!(contents(&region).iter().all(|byte| *byte == 0));

    for offset in [0, 5, 63, 64, 65, usize::MAX] {
        region.touch(offset, usize::MAX);
        region.touch(offset, 3);
    }
    let view = region.view(16, 32).unwrap().view(8, 16).unwrap();
    view.store(8, 7, Ordering::Relaxed).unwrap();
    assert_eq!(region.load(32, Ordering::Relaxed), Ok(7));
    assert!(view.load(16, Ordering::Relaxed).is_err());
    assert!(region.view(64, 0).unwrap().is_empty());
    region.word(56).unwrap().store(9, Ordering::Relaxed);
    assert_eq!(region.load(56, Ordering::Relaxed), Ok(9));
}

#[test]
fn blocks_are_the_words_in_order() {
    let memory = words(3 * BLOCK);
    let region = Region::over(&memory);
    let bytes: Vec<u8> = (0..=255).cycle().take(3 * BLOCK).collect();
    region.write(0, &bytes).unwrap();
    for (offset, len) in [(0, 3 * BLOCK), (8, 2 * BLOCK), (BLOCK, 0), (3 * BLOCK, 0)] {
        let blocks = region.blocks_in(offset, len).unwrap();
        let found: Vec<u8> = blocks.flatten().flat_map(u64::to_le_bytes).collect();
        assert_eq!(found, bytes[offset..offset + len]);
    }
    for (offset, len) in [(4, BLOCK), (0, 8), (0, 4 * BLOCK), (usize::MAX - 7, BLOCK)] {
        assert!(region.blocks_in(offset, len).is_err(), "{offset} {len}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write { offset: usize, bytes: Vec<u8> },
    Zero { offset: usize, len: usize },
    CopyTo { offset: usize, to_offset: usize, len: usize },
}

/// Mostly inside a region of `BYTES`, at times at the far end of the address space.
fn offset() -> impl Strategy<Value = usize> {
    prop_oneof![9 => 0..BYTES + 9, 1 => (usize::MAX - 9)..=usize::MAX]
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..40usize, 2 => 0..BYTES + 9, 1 => (usize::MAX - 9)..=usize::MAX]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (offset(), prop::collection::vec(any::<u8>(), 0..BYTES + 9))
            .prop_map(|(offset, bytes)| Step::Write { offset, bytes }),
        (offset(), len()).prop_map(|(offset, len)| Step::Zero { offset, len }),
        (offset(), offset(), len()).prop_map(|(offset, to_offset, len)| Step::CopyTo {
            offset,
            to_offset,
            len
        }),
    ]
}

const BYTES: usize = 640;

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn two_regions_are_two_byte_arrays(steps in prop::collection::vec(step(), steps(60))) {
        let (from_memory, to_memory) = (words(BYTES), words(BYTES));
        let (from, to) = (Region::over(&from_memory), Region::over(&to_memory));
        let (mut from_model, mut to_model) = (vec![0u8; BYTES], vec![0u8; BYTES]);
        for step in steps {
            match step {
                Step::Write { offset, bytes } => {
                    let inside = range(offset, bytes.len(), BYTES);
                    let outcome = expected(inside.as_ref(), (offset, bytes.len(), BYTES));
                    prop_assert_eq!(from.write(offset, &bytes), outcome);
                    if let Some(range) = inside {
                        from_model[range].copy_from_slice(&bytes);
                    }
                }
                Step::Zero { offset, len } => {
                    let inside = range(offset, len, BYTES);
                    let outcome = expected(inside.as_ref(), (offset, len, BYTES));
                    prop_assert_eq!(from.zero(offset, len), outcome);
                    if let Some(range) = inside {
                        from_model[range].fill(0);
                    }
                }
                Step::CopyTo { offset, to_offset, len } => {
                    let inside = range(offset, len, BYTES).zip(range(to_offset, len, BYTES));
                    let outcome = from.copy_to(offset, &to, to_offset, len);
                    prop_assert_eq!(outcome.is_ok(), inside.is_some());
                    if let Some((range, to_range)) = inside {
                        to_model[to_range].copy_from_slice(&from_model[range]);
                    }
                }
            }
            prop_assert_eq!(&contents(&from), &from_model);
            prop_assert_eq!(&contents(&to), &to_model);
        }
    }
}
