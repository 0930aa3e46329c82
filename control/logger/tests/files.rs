//! What a crash can do to a log file: cut anywhere, any bit changed, anything in between. What is whole
//! is read, nothing is made up, and what is lost is counted.

use dataplane::log::{Level, Record};
use dataplane::platform::Timestamp;
use logger::{FrameReader, frame};
use proptest::prelude::*;

fn record(sequence: u64, message: &str) -> Record {
    Record {
        level: Level::Information,
        sequence,
        time: Timestamp(5),
        pid: 9,
        message: message.into(),
        fields: vec![("VLOG".into(), "VLOG".into())],
    }
}

fn file(messages: &[String]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (sequence, message) in (0..).zip(messages) {
        bytes.extend(frame("vfs", &record(sequence, message).encode()));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn sequences(bytes: &[u8]) -> (Vec<u64>, usize) {
    let mut reader = FrameReader::new(bytes);
    let read = reader.by_ref().map(|(_, record)| record.sequence).collect();
    (read, reader.skipped)
}

proptest! {
    #[test]
    fn a_file_that_was_cut_is_read_up_to_there(messages: Vec<String>, at: prop::sample::Index) {
        let (bytes, ends) = file(&messages);
        let cut = at.index(bytes.len() + 1);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (read, skipped) = sequences(&bytes[..cut]);
        prop_assert_eq!(read, (0..whole as u64).collect::<Vec<_>>());
        prop_assert_eq!(skipped, cut - whole.checked_sub(1).map_or(0, |last| ends[last]));
    }

    #[test]
    fn a_changed_bit_costs_one_record(messages in prop::collection::vec(any::<String>(), 1..12), at: prop::sample::Index, bit in 0u32..8) {
        let (mut bytes, ends) = file(&messages);
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let hit = ends.iter().position(|end| place < *end).unwrap() as u64;
        let (read, skipped) = sequences(&bytes);
        let others: Vec<u64> = (0..messages.len() as u64).filter(|it| *it != hit).collect();
        prop_assert_eq!(read, others);
        prop_assert!(skipped > 0);
    }

    #[test]
    fn garbage_in_between_costs_nothing_else(messages: Vec<String>, garbage: Vec<u8>) {
        let (mut bytes, _) = file(&messages);
        bytes.extend(&garbage);
        let (second, _) = file(&messages);
        bytes.extend(second);
        let (read, skipped) = sequences(&bytes);
        prop_assert_eq!(read.len(), 2 * messages.len());
        prop_assert_eq!(skipped, garbage.len());
    }
}

#[test]
fn the_longest_record_fits_a_frame() {
    let long = record(1, &"x".repeat(5000));
    let (read, skipped) = sequences(&frame(&"n".repeat(300), &long.encode()));
    assert_eq!((read, skipped), (vec![1], 0));
}
