//! One ring: entries across a wrap, and a consumer that sleeps.

use crate::parties::{Doorbell, check, memory};
use loom::thread;
use rings::mutant::{Mutant, selected};
use rings::sync::Ordering;
use rings::{Consumer, Producer, Ringer, Sleeper};

/// Enough for two slots of two words, and two words of control.
const BYTES: usize = 48;
const SLOTS: usize = 16;
const HEAD: usize = 0;
const NEED_WAKEUP: usize = 8;

/// The words of entry `index`; the first tells whether the payload came along.
fn entry(index: u64) -> [u64; 2] {
    [100 + index, index]
}

fn assert_entry(found: [u64; 2], index: u64) {
    assert_eq!(found[0], 100 + index, "torn entry");
    assert_eq!(found[1] & 0xffff_ffff, index, "torn entry");
}

/// Three entries through two slots: the last one reuses a slot.
pub(crate) fn stream() {
    const ENTRIES: u64 = 3;
    let memory = memory(BYTES);
    let head = memory.word(HEAD).unwrap();
    let mut producer = Producer::new(memory.slots::<2>(SLOTS, 1).unwrap(), 0, 0);
    let mut consumer = Consumer::new(memory.slots::<2>(SLOTS, 1).unwrap(), 0);

    let producing = thread::spawn({
        let head = head.clone();
        move || {
            for index in 0..ENTRIES {
                while producer.room() == 0 {
                    producer.observe_head(head.load(Ordering::Acquire)).unwrap();
                    thread::yield_now();
                }
                producer.push(&entry(index)).unwrap();
            }
        }
    });
    for index in 0..ENTRIES {
        let found = loop {
            if let Some(found) = consumer.pop().unwrap() {
                break found;
            }
            thread::yield_now();
        };
        assert_entry(found, index);
        head.store(consumer.consumed(), Ordering::Release);
    }
    producing.join().unwrap();
}

/// Two entries to a consumer that sleeps whenever it finds none.
pub(crate) fn sleeping_consumer() {
    const ENTRIES: u64 = 2;
    let memory = memory(BYTES);
    let sleeper = Sleeper::new(memory.word(NEED_WAKEUP).unwrap());
    let ringer = Ringer::new(memory.word(NEED_WAKEUP).unwrap());
    let mut producer = Producer::new(memory.slots::<2>(SLOTS, 1).unwrap(), 0, 0);
    let mut consumer = Consumer::new(memory.slots::<2>(SLOTS, 1).unwrap(), 0);
    let doorbell = Doorbell::new();

    let producing = thread::spawn({
        let doorbell = doorbell.clone();
        move || {
            for index in 0..ENTRIES {
                producer.push(&entry(index)).unwrap();
                if ringer.must_ring() {
                    doorbell.ring();
                }
            }
        }
    });
    for index in 0..ENTRIES {
        let found = loop {
            if let Some(found) = consumer.pop().unwrap() {
                break found;
            }
            sleeper.arm();
            if !consumer.is_ready() || selected() == Some(Mutant::NoSecondLook) {
                doorbell.wait();
            }
            sleeper.disarm();
        };
        assert_entry(found, index);
    }
    producing.join().unwrap();
}

#[test]
fn entries_arrive_whole_and_in_order_across_a_wrap() {
    check(9, stream);
}

#[test]
fn no_wake_up_of_a_consumer_is_lost() {
    check(9, sleeping_consumer);
}
