//! One ring against a `VecDeque`.

use crate::cases::{cases, steps};
use crate::support::words;
use proptest::prelude::*;
use rings::{Consumer, Full, Producer, Region};
use std::collections::VecDeque;

const N: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Push([u64; N]),
    Pop,
    /// The consumer says how far it is, and the producer looks.
    ReturnHead,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<[u64; N]>().prop_map(Step::Push),
        3 => Just(Step::Pop),
        1 => Just(Step::ReturnHead),
    ]
}

/// Where free-running indices are interesting: at the start, before the lap wraps (and skips 0),
/// and before the lower half of the index wraps.
pub(crate) fn start(shift: u32) -> impl Strategy<Value = u64> {
    let slots = 1u64 << shift;
    let lap_wraps = u64::from(u32::MAX) << shift;
    prop_oneof![
        Just(0),
        (lap_wraps - 3 * slots)..=lap_wraps,
        ((1u64 << 32) - 3 * slots)..=(1 << 32),
        any::<u32>().prop_map(u64::from),
    ]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_ring_is_a_bounded_queue(
        (shift, start) in (0u32..4).prop_flat_map(|shift| (Just(shift), start(shift))),
        steps in prop::collection::vec(step(), steps(200)),
    ) {
        let slots = words((N * 8) << shift);
        let region = Region::over(&slots);
        let mut producer = Producer::new(region.slots::<N>(0, shift).unwrap(), start, start);
        let mut consumer = Consumer::new(region.slots::<N>(0, shift).unwrap(), start);
        let mut model = VecDeque::new();
        let capacity = 1usize << shift;
        let mut unreturned = 0;
        for step in steps {
            match step {
                Step::Push(entry) => {
                    let fits = model.len() + unreturned < capacity;
                    prop_assert_eq!(producer.push(&entry), if fits { Ok(()) } else { Err(Full) });
                    if fits {
                        model.push_back(entry);
                    }
                }
                Step::Pop => {
                    prop_assert_eq!(consumer.is_ready(), !model.is_empty());
                    let found = consumer.pop().unwrap();
                    prop_assert_eq!(found.map(without_lap), model.pop_front().map(without_lap));
                    unreturned += usize::from(found.is_some());
                }
                Step::ReturnHead => {
                    prop_assert_eq!(producer.observe_head(consumer.consumed()), Ok(()));
                    unreturned = 0;
                }
            }
            prop_assert_eq!(producer.published(), consumer.consumed() + model.len() as u64);
            prop_assert_eq!(producer.room(), (capacity - model.len() - unreturned) as u64);
        }
    }

    #[test]
    fn a_head_outside_of_what_is_unconsumed_is_refused(
        start in start(2),
        pushed in 0u64..=4,
        head in any::<i8>(),
    ) {
        let slots = words((N * 8) << 2);
        let region = Region::over(&slots);
        let mut producer = Producer::new(region.slots::<N>(0, 2).unwrap(), start, start);
        for _ in 0..pushed {
            producer.push(&[0; N]).unwrap();
        }
        let claimed = start.wrapping_add_signed(i64::from(head));
        let plausible = (0..=pushed as i64).contains(&i64::from(head));
        prop_assert_eq!(producer.observe_head(claimed).is_ok(), plausible);
        prop_assert_eq!(producer.head(), if plausible { claimed } else { start });
    }
}

/// The upper half of the last word is the ring's own.
fn without_lap(mut entry: [u64; N]) -> [u64; N] {
    entry[N - 1] &= 0xffff_ffff;
    entry
}
