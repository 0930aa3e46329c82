//! The logger as its readers have it: what it counts, and the pages that it answers with.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use capability::Rights;
use control::message::Text;
use dataplane::entry::Errno;
use dataplane::log::Level;
use logger::{Limit, LoggerConfig, Message, Page, SourcesPage, frame};
use std::collections::BTreeMap;
use support::{File, Stage, record};

const MEMORY: usize = 64 << 10;
const SECOND_NS: u64 = 1_000_000_000;

fn config() -> LoggerConfig {
    LoggerConfig { memory_bytes: MEMORY, limit: Limit { rate: 1_000, burst: 2_000 } }
}

/// Received, kept, dropped, limited and evicted records of each source.
fn counts(stage: &Stage) -> BTreeMap<String, [u64; 5]> {
    let (mut cursor, mut counts) = (0, BTreeMap::new());
    loop {
        let ask = Message::Sources { cursor }.encode();
        let answer = stage.tell(Rights::AUDIT, &ask).unwrap();
        assert!(answer.len() <= Text::MOST, "an answer fits a message");
        let page = SourcesPage::parse(&answer).unwrap();
        for it in page.sources {
            let numbers = [it.received, it.kept, it.dropped, it.limited, it.evicted];
            let before = counts.insert(it.source, numbers);
            assert_eq!(before, None, "a source is there twice");
        }
        if page.is_last {
            assert!(page.next >= counts.len() as u64);
            return counts;
        }
        assert!(page.next > cursor, "it goes on");
        cursor = page.next;
    }
}

/// How many records of a source can be read.
fn readable(stage: &Stage, source: &str) -> u64 {
    let (mut cursor, mut count) = (0, 0);
    loop {
        let ask = Message::Read { cursor, level: Level::Trace, source: Some(source) }.encode();
        let page = Page::parse(&stage.tell(Rights::AUDIT, &ask).unwrap()).unwrap();
        count += page.entries.len() as u64;
        if page.is_last {
            return count;
        }
        cursor = page.next;
    }
}

/// A file with records of these sources in turn.
fn file(sources: &[String], records: u64) -> File {
    let file = File::default();
    for (number, source) in (0..records).zip(sources.iter().cycle()) {
        file.0.borrow_mut().extend(frame(source, &record(number, "of before")));
    }
    file
}

#[test]
fn no_more_is_evicted_than_was_kept() {
    // More than there is memory for, of before; of one source that is there again.
    let file = file(&["init".to_owned(), "vfs".to_owned()], 1_000);
    let stage = Stage::new(config(), Some(file));
    let before = readable(&stage, "init");
    assert!(before > 0 && readable(&stage, "vfs") > 0);
    assert_eq!(counts(&stage)["init"], [0; 5], "nothing was sent to this one");

    // What pushes out the records of before is not evicted itself.
    for number in 0..before {
        stage.record(0, &record(number, "of now")).unwrap();
    }
    assert_eq!(counts(&stage)["init"], [before, before, 0, 0, 0]);

    // Over the limit, for several seconds, so that the logger says so.
    for second in 0..5 {
        for number in 0..3_000 {
            stage.record(0, &record(second * 3_000 + number, "of now")).unwrap();
            let [received, kept, _, limited, evicted] = counts(&stage)["init"];
            assert!(evicted <= kept && received == kept + limited);
        }
        stage.clock.go_on(SECOND_NS);
    }
    stage.record(0, &record(15_000, "the last")).unwrap();
    let [received, kept, dropped, limited, evicted] = counts(&stage)["init"];
    assert_eq!((received, dropped), (15_001 + before, 0));
    assert!(limited > 0 && evicted > 0);
    // All that is in memory of it was sent to this logger, or is what that says itself: once a second.
    let said = readable(&stage, "init").checked_sub(kept - evicted).unwrap();
    assert!((1..=6).contains(&said), "{said}");
}

#[test]
fn what_the_broker_has_dropped_counts_whatever_its_record_is() {
    let stage = Stage::new(config(), None);
    stage.record(3, &record(0, "good")).unwrap();
    assert_eq!(stage.record(5, b"no record"), Err(Errno::EINVAL));
    assert_eq!(counts(&stage)["init"], [1, 1, 5, 0, 0]);
    // Of an init that was started again, it begins anew.
    stage.record(2, &record(0, "good")).unwrap();
    assert_eq!(counts(&stage)["init"], [2, 2, 7, 0, 0]);
}

#[test]
fn every_source_is_told_of_however_many_there_are() {
    let names: Vec<String> = (0..500).map(|number| format!("service-{number:0>50}")).collect();
    let stage = Stage::new(config(), Some(file(&names, 500)));
    for badge in 1..=1_000u64 {
        // Half of them had records before.
        let name = format!("service-{:0>50}", badge + 250);
        let ask = Message::Source { badge, name: &name };
        stage.tell(Rights::CAP_SERVICE, &ask.encode()).unwrap();
    }
    let counts = counts(&stage);
    let expected = (0..=1_250).map(|number| format!("service-{number:0>50}"));
    let init = std::iter::once("init".to_owned());
    assert!(counts.keys().cloned().eq(init.chain(expected)), "{:?}", counts.keys());

    // Behind the end is nothing, and no more is said.
    let ask = Message::Sources { cursor: u64::MAX }.encode();
    let page = SourcesPage::parse(&stage.tell(Rights::AUDIT, &ask).unwrap()).unwrap();
    assert!(page.is_last && page.sources.is_empty());
    // As somebody asks who types it.
    let page = stage.tell(Rights::AUDIT, b"sources").unwrap();
    let page = SourcesPage::parse(&page).unwrap();
    assert!(!page.is_last && page.sources.len() > 10);
    assert_eq!(stage.tell(Rights::CONNECT, b"sources 0"), Err(Errno::EPERM));
    assert_eq!(stage.tell(Rights::AUDIT, b"sources x"), Err(Errno::EOPNOTSUPP));
}
