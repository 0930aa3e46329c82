//! Space, holes and copies of ranges of files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, OpenFlags, Whence};
use proptest::prelude::*;
use support::client::{BOTH, Client, READ};
use support::{System, each};

const PAGE: usize = 4096;
const BUDGET: u64 = 8 << 20;

fn filled(client: &Client, name: &str, pages: usize) -> dataplane::entry::Handle {
    let file = client.create(name, 0o644).unwrap();
    client.write_all(file, 0, &vec![7; pages * PAGE]).unwrap();
    file
}

#[test]
fn punched_bytes_are_zero_and_their_memory_is_free() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = filled(&client, "a", 8);
    let (used, blocks) = (system.service.usage().used_bytes, client.stat("a").unwrap().blocks);
    let (start, len) = (PAGE as u64 - 10, 4 * PAGE as u64);
    client.allocate(file, AllocateMode::PunchHole, start, len).unwrap();
    let mut expected = vec![7; 8 * PAGE];
    expected[PAGE - 10..5 * PAGE - 10].fill(0);
    assert_eq!(client.read(file, 0, 8 * PAGE), Ok(expected));
    assert_eq!(client.stat("a").unwrap().size, 8 * PAGE as u64);
    assert_eq!(client.stat("a").unwrap().blocks, blocks - 3 * 8);
    assert!(system.service.usage().used_bytes <= used - 3 * PAGE as u64);
    // Behind the end too, which stays where it is.
    client.allocate(file, AllocateMode::PunchHole, 7 * PAGE as u64, 1 << 40).unwrap();
    assert_eq!(client.stat("a").unwrap().size, 8 * PAGE as u64);
    assert_eq!(client.read(file, 7 * PAGE as u64, PAGE), Ok(vec![0; PAGE]));
}

#[test]
fn a_mapped_grant_shows_zeros_where_a_hole_was_punched() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = filled(&client, "a", 4);
    let (_, grant) = client.read_grant(file, 0, 4 * PAGE as u32, true).unwrap();
    let map = system.broker.map(client.id, grant.grant).unwrap();
    client.allocate(file, AllocateMode::PunchHole, 100, 2 * PAGE as u64).unwrap();
    client.allocate(file, AllocateMode::ZeroRange, 3 * PAGE as u64, 8).unwrap();
    let mut expected = vec![7; 4 * PAGE];
    expected[100..100 + 2 * PAGE].fill(0);
    expected[3 * PAGE..3 * PAGE + 8].fill(0);
    let mut seen = vec![0; 4 * PAGE];
    map.read(dataplane::grant::CONTENTS, &mut seen).unwrap();
    assert!(seen == expected);
    assert!(!dataplane::grant::is_current(&map, grant.generation), "its readers are told");
}

#[test]
fn what_was_allocated_can_be_written_when_nothing_else_can() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = client.create("reserved", 0o644).unwrap();
    client.allocate(file, AllocateMode::AllocateKeepSize, 0, 1 << 20).unwrap();
    let status = client.stat("reserved").unwrap();
    assert_eq!((status.size, status.blocks), (0, 2048));
    client.allocate(file, AllocateMode::Allocate, 0, 1 << 20).unwrap();
    assert_eq!(client.stat("reserved").unwrap().size, 1 << 20);
    assert_eq!(client.seek(file, 0, Whence::Data), Err(Errno::ENXIO));
    let other = client.create("other", 0o644).unwrap();
    let mut end = 0;
    while client.write(other, end, &[1; PAGE]) == Ok(PAGE) {
        end += PAGE as u64;
    }
    assert_eq!(client.write(other, end, &[1; PAGE]), Err(Errno::ENOSPC));
    assert_eq!(client.allocate(other, AllocateMode::Allocate, end, 1), Err(Errno::ENOSPC));
    client.write_all(file, 0, &vec![5; 1 << 20]).unwrap();
    assert_eq!(client.read(file, 1 << 19, 1), Ok(vec![5]));
    let huge = client.allocate(file, AllocateMode::Allocate, 0, 1 << 50);
    assert_eq!(huge, Err(Errno::ENOSPC));
    for (offset, len, error) in
        [(0, 0, Errno::EINVAL), (1, i64::MAX as u64, Errno::EFBIG), (u64::MAX, 2, Errno::EFBIG)]
    {
        assert_eq!(client.allocate(file, AllocateMode::Allocate, offset, len), Err(error));
    }
    let reader = client.open("other", READ).unwrap();
    assert_eq!(client.allocate(reader, AllocateMode::PunchHole, 0, 1), Err(Errno::EBADF));
    // All of it comes back.
    for name in ["reserved", "other"] {
        client.unlink(name).unwrap();
    }
    [file, other, reader].into_iter().for_each(|handle| client.close(handle).unwrap());
    let after = client.create("after", 0o644).unwrap();
    client.write_all(after, 0, &vec![1; 6 << 20]).unwrap();
}

#[test]
fn zeroed_ranges_keep_their_memory() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = filled(&client, "a", 4);
    let blocks = client.stat("a").unwrap().blocks;
    let end = 4 * PAGE as u64;
    client.allocate(file, AllocateMode::ZeroRangeKeepSize, 10, end).unwrap();
    assert_eq!(client.stat("a").unwrap().size, end);
    client.allocate(file, AllocateMode::ZeroRange, 10, end).unwrap();
    let status = client.stat("a").unwrap();
    assert_eq!((status.size, status.blocks), (end + 10, blocks + 8));
    let mut expected = vec![0; 4 * PAGE + 10];
    expected[..10].fill(7);
    assert_eq!(client.read(file, 0, 5 * PAGE), Ok(expected));
}

#[test]
fn a_range_that_finds_no_space_is_left_as_it_was() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = filled(&client, "a", 4);
    let beyond = client.allocate(file, AllocateMode::ZeroRange, 10, 2 * BUDGET);
    assert_eq!(beyond, Err(Errno::ENOSPC));
    assert_eq!(client.read(file, 0, 5 * PAGE), Ok(vec![7; 4 * PAGE]));
}

#[test]
fn data_and_holes_are_found() {
    let system = System::new(BUDGET);
    let client = system.root_client();
    let file = client.create("a", 0o644).unwrap();
    let page = PAGE as u64;
    client.write(file, 2 * page + 5, b"x").unwrap();
    client.write(file, 3 * page, b"y").unwrap();
    client.truncate(file, 10 * page).unwrap();
    let seek = |offset, whence| client.seek(file, offset, whence);
    assert_eq!(seek(0, Whence::Data), Ok(2 * page));
    assert_eq!(seek(2 * page + 9, Whence::Data), Ok(2 * page + 9));
    assert_eq!(seek(4 * page, Whence::Data), Err(Errno::ENXIO));
    assert_eq!(seek(1, Whence::Hole), Ok(1));
    assert_eq!(seek(2 * page, Whence::Hole), Ok(4 * page));
    assert_eq!(seek(10 * page, Whence::Hole), Err(Errno::ENXIO));
    client.write_all(file, 0, &vec![1; 10 * PAGE]).unwrap();
    assert_eq!(seek(0, Whence::Hole), Ok(10 * page), "the end is a hole");
    let directory = client.open("", OpenFlags::DIRECTORY);
    assert_eq!(directory, Err(Errno::ENOENT));
}

#[test]
fn ranges_are_copied_without_a_way_through_the_client() {
    let served = std::cell::Cell::new(0);
    each(|_, client| {
        let from = client.create("from", 0o644).unwrap();
        let data: Vec<u8> = (0..50_000u32).map(|n| (n % 251) as u8).collect();
        client.write_all(from, 0, &data).unwrap();
        let to = client.create("to", 0o644).unwrap();
        let copied = client.copy_range((from, 10), (to, 5000), 40_000);
        if copied == Err(Errno::EOPNOTSUPP) {
            return;
        }
        served.set(served.get() + 1);
        assert_eq!(copied, Ok(40_000));
        let copied = client.read(to, 5000, 50_000).unwrap();
        assert_eq!(copied, data[10..40_010]);
        assert_eq!(client.read(to, 0, 5000), Ok(vec![0; 5000]));
        assert_eq!(client.copy_range((from, 49_990), (to, 0), 100), Ok(10));
        assert_eq!(client.copy_range((from, 50_000), (to, 0), 100), Ok(0));
        // Within one file, unless the ranges overlap.
        assert_eq!(client.copy_range((from, 0), (from, 100), 101), Err(Errno::EINVAL));
        // What is behind the end is not copied.
        assert_eq!(client.copy_range((from, 49_990), (from, 50_010), 100), Ok(10));
        assert_eq!(client.copy_range((from, 60_000), (from, 60_000), 100), Ok(0));
        let both = client.open("from", BOTH).unwrap();
        assert_eq!(client.copy_range((both, 0), (from, 100), 100), Ok(100));
        assert_eq!(client.read(from, 100, 100), Ok(data[..100].to_vec()));
        let reader = client.open("to", READ).unwrap();
        assert_eq!(client.copy_range((from, 0), (reader, 0), 1), Err(Errno::EBADF));
        let end = client.open("to", BOTH | OpenFlags::APPEND).unwrap();
        assert_eq!(client.copy_range((from, 0), (end, 0), 1), Err(Errno::EBADF));
        let far = client.copy_range((from, 0), (to, i64::MAX as u64), 1);
        assert_eq!(far, Err(Errno::EFBIG));
    });
    assert_eq!(served.get(), 3, "by all but those whose contents are not cached");
}

#[derive(Clone, Debug)]
enum Step {
    Write { offset: usize, len: usize, byte: u8 },
    Truncate { size: usize },
    Allocate { mode: AllocateMode, offset: usize, len: usize },
    Copy { from: usize, to: usize, len: usize },
    Grant { offset: usize },
}

const SPAN: usize = 12 * PAGE;

fn step() -> impl Strategy<Value = Step> {
    let place = || prop_oneof![0..SPAN, (0..12usize).prop_map(|page| page * PAGE)];
    let modes = prop::sample::select(vec![
        AllocateMode::Allocate,
        AllocateMode::AllocateKeepSize,
        AllocateMode::PunchHole,
        AllocateMode::ZeroRange,
        AllocateMode::ZeroRangeKeepSize,
    ]);
    prop_oneof![
        3 => (place(), 1..3 * PAGE, 1..=255u8)
            .prop_map(|(offset, len, byte)| Step::Write { offset, len, byte }),
        1 => place().prop_map(|size| Step::Truncate { size }),
        3 => (modes, place(), 1..5 * PAGE)
            .prop_map(|(mode, offset, len)| Step::Allocate { mode, offset, len }),
        1 => (place(), place(), 1..3 * PAGE)
            .prop_map(|(from, to, len)| Step::Copy { from, to, len }),
        1 => place().prop_map(|offset| Step::Grant { offset }),
    ]
}

/// What a file must be, byte by byte.
fn model(bytes: &mut Vec<u8>, step: &Step) {
    let grow = |bytes: &mut Vec<u8>, end: usize| {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
    };
    match *step {
        Step::Write { offset, len, byte } => {
            grow(bytes, offset + len);
            bytes[offset..offset + len].fill(byte);
        }
        Step::Truncate { size } => bytes.resize(size, 0),
        Step::Allocate { mode, offset, len } => {
            if matches!(mode, AllocateMode::Allocate | AllocateMode::ZeroRange) {
                grow(bytes, offset + len);
            }
            if !matches!(mode, AllocateMode::Allocate | AllocateMode::AllocateKeepSize) {
                let end = bytes.len().min(offset + len);
                bytes[offset.min(end)..end].fill(0);
            }
        }
        Step::Copy { from, to, len } => {
            let count = bytes.len().saturating_sub(from).min(len);
            let overlaps = from.abs_diff(to) < count;
            if !overlaps && count > 0 {
                let copied = bytes[from..from + count].to_vec();
                grow(bytes, to + count);
                bytes[to..to + count].copy_from_slice(&copied);
            }
        }
        Step::Grant { .. } => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_is_what_its_history_says(steps in prop::collection::vec(step(), 1..40)) {
        let system = System::new(BUDGET);
        let client = system.root_client();
        let empty = system.service.usage().used_bytes;
        let file = client.create("a", 0o644).unwrap();
        let mut bytes = Vec::new();
        for step in &steps {
            match *step {
                Step::Write { offset, len, byte } => {
                    client.write_all(file, offset as u64, &vec![byte; len]).unwrap();
                }
                Step::Truncate { size } => client.truncate(file, size as u64).unwrap(),
                Step::Allocate { mode, offset, len } => {
                    client.allocate(file, mode, offset as u64, len as u64).unwrap();
                }
                Step::Copy { from, to, len } => {
                    let _ = client.copy_range((file, from as u64), (file, to as u64), len as u32);
                }
                Step::Grant { offset } => {
                    let _ = client.read_grant(file, offset as u64, 5000, false);
                    client.consume();
                }
            }
            model(&mut bytes, step);
            prop_assert_eq!(client.stat("a").unwrap().size, bytes.len() as u64);
            prop_assert!(client.read(file, 0, 2 * SPAN).unwrap() == bytes, "after {:?}", step);
        }
        let taken = client.stat("a").unwrap().blocks / 8;
        prop_assert!(taken <= 20);
        client.unlink("a").unwrap();
        client.close(file).unwrap();
        drop(client);
        prop_assert_eq!(system.service.usage().used_bytes, empty);
    }
}
