//! Regions: making, mapping, protecting, and giving parts back.

use crate::subject::{Report, Subject};
use dataplane::Region;
use dataplane::platform::{Access, MemoryError, NewRegion, Writer};
use rings::sync::Ordering;

const PAGE: u64 = 4096;
const BOTH: [Writer; 2] = [Writer::Client, Writer::Service];

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("a region is whole pages of zeros", pages_of_zeros);
    check("all mappings show the same bytes", mappings_share);
    check("a mapping outlives its descriptors", mapping_outlives);
    check("a read-only descriptor cannot be mapped writable", read_only);
    check("what cannot be had is refused", exhausted);
    check("committing", commit);
    check("a punched range reads zeros through every mapping", punch);
    check("sealing", seal);
    check("a sparse region costs nothing until it is used", sparse);
    check("the fork guard reads 1", fork_guard);
}

fn region(subject: &Subject, bytes: u64, writer: Writer) -> (NewRegion, Region) {
    let made = subject.memory.create(bytes, writer).unwrap();
    let region = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
    (made, region)
}

fn is_zero(region: &Region, offset: u64, len: u64) -> bool {
    let mut bytes = vec![1; usize::try_from(len).unwrap()];
    region.read(usize::try_from(offset).unwrap(), &mut bytes).unwrap();
    bytes.iter().all(|byte| *byte == 0)
}

fn fill(region: &Region) {
    region.write(0, &vec![0xa5; region.len()]).unwrap();
}

fn pages_of_zeros(subject: &Subject) {
    for writer in BOTH {
        for (asked, given) in [(0, PAGE), (1, PAGE), (PAGE, PAGE), (3 * PAGE + 1, 4 * PAGE)] {
            let (made, region) = region(subject, asked, writer);
            assert_eq!((made.bytes, region.len() as u64), (given, given));
            assert!(is_zero(&region, 0, given));
        }
    }
}

fn mappings_share(subject: &Subject) {
    for writer in BOTH {
        let (made, one) = region(subject, 2 * PAGE, writer);
        let other = subject.memory.map(&made.read_only, Access::ReadOnly).unwrap();
        one.store(4104, 77, Ordering::Release).unwrap();
        assert_eq!(other.load(4104, Ordering::Acquire), Ok(77));
        one.write(10, b"across words").unwrap();
        let mut bytes = [0; 12];
        other.read(10, &mut bytes).unwrap();
        assert_eq!(&bytes, b"across words");
    }
}

fn mapping_outlives(subject: &Subject) {
    let (made, region) = region(subject, PAGE, Writer::Client);
    drop(made);
    let word = region.word(8).unwrap();
    drop(region);
    word.store(5, Ordering::Relaxed);
    assert_eq!(word.load(Ordering::Relaxed), 5);
}

fn read_only(subject: &Subject) {
    for writer in BOTH {
        let made = subject.memory.create(PAGE, writer).unwrap();
        let mapped = subject.memory.map(&made.read_only, Access::ReadWrite);
        assert_eq!(mapped.err(), Some(MemoryError::Denied));
        let denied = Err(MemoryError::Denied);
        assert_eq!(subject.memory.punch(&made.read_only, 0, PAGE), denied);
        assert_eq!(subject.memory.commit(&made.read_only, 0, PAGE), denied);
    }
}

fn exhausted(subject: &Subject) {
    for bytes in [u64::MAX, u64::MAX / 2, 1 << 60] {
        let made = subject.memory.create(bytes, Writer::Client);
        assert_eq!(made.err(), Some(MemoryError::Exhausted), "{bytes} bytes");
    }
}

fn commit(subject: &Subject) {
    for writer in BOTH {
        let (made, region) = region(subject, 4 * PAGE, writer);
        region.store(0, 3, Ordering::Relaxed).unwrap();
        let commit = |offset, len| subject.memory.commit(&made.writable, offset, len);
        assert_eq!(commit(0, 4 * PAGE), Ok(()));
        assert_eq!(commit(PAGE, 0), Ok(()));
        assert_eq!(region.load(0, Ordering::Relaxed), Ok(3), "contents stay");
        assert!(is_zero(&region, PAGE, 3 * PAGE));
        for (offset, len) in [(0, 5 * PAGE), (4 * PAGE, PAGE), (!0xfff, PAGE), (8, PAGE)] {
            assert_eq!(commit(offset, len), Err(MemoryError::WrongSize));
        }
    }
}

fn punch(subject: &Subject) {
    for writer in BOTH {
        let (made, region) = region(subject, 4 * PAGE, writer);
        let stale = subject.memory.map(&made.read_only, Access::ReadOnly).unwrap();
        fill(&region);
        subject.memory.punch(&made.writable, PAGE, 2 * PAGE).unwrap();
        for view in [&region, &stale] {
            assert!(is_zero(view, PAGE, 2 * PAGE));
            assert!(!is_zero(view, 0, 8) && !is_zero(view, 3 * PAGE, 8));
        }
        region.store(4096, 9, Ordering::Release).unwrap();
        assert_eq!(stale.load(4096, Ordering::Acquire), Ok(9), "still shared");
        let outside = subject.memory.punch(&made.writable, 4 * PAGE, PAGE);
        assert_eq!(outside, Err(MemoryError::WrongSize));
    }
}

fn seal(subject: &Subject) {
    let (made, region) = region(subject, 2 * PAGE, Writer::Service);
    assert_eq!(subject.memory.seal(&made.writable), Ok(()));
    assert_eq!(subject.memory.seal(&made.writable), Ok(()), "twice");
    fill(&region);
    let stale = subject.memory.map(&made.read_only, Access::ReadOnly).unwrap();
    assert!(!is_zero(&stale, 0, PAGE), "the service still writes");
    let denied = Some(MemoryError::Denied);
    assert_eq!(subject.memory.map(&made.read_only, Access::ReadWrite).err(), denied);
    // A platform either gives memory back or says that it cannot, and then changes nothing.
    match subject.memory.punch(&made.writable, 0, PAGE) {
        Ok(()) => assert!(is_zero(&stale, 0, PAGE)),
        Err(error) => {
            assert_eq!(Some(error), denied);
            assert!(!is_zero(&stale, 0, PAGE));
        }
    }
    assert_eq!(subject.memory.commit(&made.writable, 0, 2 * PAGE), Ok(()));
}

fn sparse(subject: &Subject) {
    let bytes = 1 << 30;
    let (made, region) = region(subject, bytes, Writer::Service);
    subject.memory.commit(&made.writable, bytes - PAGE, PAGE).unwrap();
    let last = region.len() - 8;
    region.store(last, 4, Ordering::Relaxed).unwrap();
    assert_eq!(region.load(last, Ordering::Relaxed), Ok(4));
}

fn fork_guard(subject: &Subject) {
    let guard = subject.memory.fork_guard().unwrap();
    assert_eq!(guard.load(Ordering::Relaxed), 1);
}
