//! Whatever is done to the log, checking it says so, and the log goes on.

extern crate std;

use super::*;
use crate::store::MemoryStore;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

const RANDOM: Link = [5; KEY_BYTES];

/// Runs what never has to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}

fn with(records: u64) -> (Rc<MemoryStore>, Audit) {
    let store = Rc::new(MemoryStore::default());
    let audit = Audit::new(store.clone());
    now(audit.open(RANDOM, 1)).unwrap();
    (1..=records).for_each(|at| now(audit.record(at, &format!("record {at}"))).unwrap());
    (store, audit)
}

/// The same files, found by a service that starts.
fn again(store: &Rc<MemoryStore>) -> Audit {
    let audit = Audit::new(store.clone());
    now(audit.open([6; KEY_BYTES], 1)).unwrap();
    audit
}

fn fault(audit: &Audit) -> ChainFault {
    now(audit.verify()).unwrap().fault
}

fn log(store: &MemoryStore) -> Vec<u8> {
    now(store.read(LOG)).unwrap().unwrap()
}

#[test]
fn what_was_written_is_found_whole_also_after_a_restart() {
    let (store, audit) = with(20);
    let whole = ChainReport { first: 1, last: 20, fault: ChainFault::None, at: 0 };
    assert_eq!(now(audit.verify()), Ok(whole));
    let audit = again(&store);
    now(audit.record(9, "two\nlines")).unwrap();
    assert_eq!(now(audit.verify()), Ok(ChainReport { last: 21, ..whole }));
    let records = now(audit.records(20, 8)).unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(&records[1].text[..], b"two lines");
    let (_, audit) = with(0);
    assert_eq!(fault(&audit), ChainFault::None);
}

#[test]
fn every_changed_byte_is_found() {
    let (store, audit) = with(6);
    let log = log(&store);
    for at in 0..log.len() {
        for bit in 0..8 {
            let mut changed = log.clone();
            changed[at] ^= 1 << bit;
            now(store.replace(LOG, changed)).unwrap();
            assert_ne!(fault(&audit), ChainFault::None, "bit {bit} of byte {at}");
        }
    }
    now(store.replace(LOG, log)).unwrap();
    let head = now(store.read(HEAD)).unwrap().unwrap();
    for at in 0..head.len() {
        let mut changed = head.clone();
        changed[at] ^= 1;
        now(store.replace(HEAD, changed)).unwrap();
        assert_eq!(fault(&audit), ChainFault::NoHead, "byte {at} of the head");
    }
}

#[test]
fn every_missing_and_moved_record_is_found() {
    let (store, audit) = with(6);
    let log = log(&store);
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let check = |lines: Vec<&[u8]>| {
        now(store.replace(LOG, lines.concat())).unwrap();
        now(audit.verify()).unwrap()
    };
    for at in 0..6 {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let expected = if at == 5 { ChainFault::Truncated } else { ChainFault::Removed };
        let report = check(fewer);
        assert_eq!((report.fault, report.at), (expected, at as u64 + 1));
        for other in at + 1..6 {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            assert_eq!(check(swapped).fault, ChainFault::Reordered, "{at} and {other}");
        }
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        assert_eq!(check(twice).fault, ChainFault::Reordered, "{at} twice");
    }
}

#[test]
fn every_cut_is_found_also_by_the_next_service() {
    let (store, audit) = with(6);
    let log = log(&store);
    for cut in 0..log.len() {
        now(store.replace(LOG, log[..cut].to_vec())).unwrap();
        assert_eq!(fault(&audit), ChainFault::Truncated, "cut at {cut}");
        let head = now(store.read(HEAD)).unwrap().unwrap();
        let next = again(&store);
        assert_eq!(fault(&next), ChainFault::Truncated, "cut at {cut}, restarted");
        now(next.record(7, "goes on")).unwrap();
        assert_ne!(fault(&next), ChainFault::None, "cut at {cut}, gone on");
        now(store.replace(HEAD, head)).unwrap();
    }
}

#[test]
fn a_head_that_is_gone_is_never_forgotten() {
    let (store, _) = with(6);
    for head in [Some(Vec::new()), None] {
        let copy = Rc::new(MemoryStore::default());
        now(copy.replace(LOG, log(&store))).unwrap();
        now(copy.replace(KEY, RANDOM.to_vec())).unwrap();
        if let Some(head) = head {
            now(copy.replace(HEAD, head)).unwrap();
        }
        let next = again(&copy);
        now(next.record(7, "goes on")).unwrap();
        assert_eq!(fault(&next), ChainFault::NoHead);
    }
}

#[test]
fn a_torn_record_is_dropped_and_a_whole_one_kept() {
    let (store, _) = with(6);
    let head = now(store.read(HEAD)).unwrap().unwrap();
    let (longer, audit) = with(7);
    let longer = log(&longer);
    let six = log(&store).len();
    assert_eq!(fault(&audit), ChainFault::None);
    for cut in six..=longer.len() {
        now(store.replace(LOG, longer[..cut].to_vec())).unwrap();
        now(store.replace(HEAD, head.clone())).unwrap();
        let next = again(&store);
        let last = if cut == longer.len() { 7 } else { 6 };
        let whole = ChainReport { first: 1, last, fault: ChainFault::None, at: 0 };
        assert_eq!(now(next.verify()), Ok(whole), "torn at {cut}");
        now(next.record(8, "goes on")).unwrap();
        assert_eq!(now(next.verify()).unwrap().last, last + 1);
    }
}

#[test]
fn a_long_log_is_begun_anew_and_holds_together() {
    let (store, audit) = with(3);
    for round in 1..4 {
        audit.bytes.set(ROTATE_AT + 1);
        now(audit.record(9, "anew")).unwrap();
        (0..3).for_each(|_| now(audit.record(9, "more")).unwrap());
        let report = now(audit.verify()).unwrap();
        assert_eq!((report.fault, report.last), (ChainFault::None, 3 + 4 * round));
        assert_eq!(report.first, [1, 4, 8][usize::try_from(round).unwrap() - 1]);
        assert_eq!(fault(&again(&store)), ChainFault::None);
    }
    now(store.replace(OLD, Vec::new())).unwrap();
    assert_eq!(fault(&audit), ChainFault::Removed);
}

#[test]
fn a_log_whose_renewal_was_cut_short_is_whole() {
    for is_again in [false, true] {
        let (store, audit) = with(20);
        now(audit.rotate()).unwrap();
        // As if the machine had stopped, or the call had failed, before the file got its other name.
        let log = now(store.read(OLD)).unwrap().unwrap();
        now(store.replace(LOG, log)).unwrap();
        now(store.replace(OLD, Vec::new())).unwrap();
        let audit = if is_again { again(&store) } else { audit };
        now(audit.record(9, "goes on")).unwrap();
        let whole = ChainReport { first: 1, last: 21, fault: ChainFault::None, at: 0 };
        assert_eq!(now(audit.verify()), Ok(whole));
        assert_eq!(now(audit.records(1, 100)).unwrap().len(), 21);
        assert_eq!(fault(&again(&store)), ChainFault::None);
    }
}
