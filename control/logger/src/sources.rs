//! Who has sent records, and what has become of them.
//!
//! A source is its name: a service that is started again goes on with what its earlier records
//! began, also with those of the files. Numbers of sources are this logger's own.

use crate::limit::{Bucket, Limit};
use crate::message::SourceCounts;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use dataplane::platform::Instant;

/// The name of the broker as a source.
const INIT: &str = "init";
/// The broker's number as a source: it is the first.
pub(crate) const INIT_SOURCE: u64 = 0;
/// Longest name of a source.
const MAX_NAME: usize = 64;
/// Most sources before further users count as one.
const MAX_SOURCES: usize = 4096;
const OTHER_USERS: &str = "other-users";

/// All of them.
pub(crate) struct Sources {
    limit: Limit,
    sources: BTreeMap<u64, Source>,
    names: BTreeMap<String, u64>,
    /// Services by the badges of their sessions.
    badges: BTreeMap<u64, u64>,
}

/// One of them.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) counts: Counts,
    bucket: Bucket,
    /// Records over the limit that were not told of yet, and when that was done last.
    pub(crate) over: u64,
    pub(crate) told: Instant,
    /// What it had dropped when it said so last, where it has no session.
    said: u64,
}

/// What has become of the records that a source has sent to this logger: received = kept + limited;
/// it has tried to send received + dropped. Of the kept ones, some are in memory no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
    pub(crate) limited: u64,
    pub(crate) evicted: u64,
}

impl Sources {
    /// With the broker alone.
    pub(crate) fn new(limit: Limit, now: Instant) -> Self {
        let (sources, names) = (BTreeMap::new(), BTreeMap::new());
        let mut all = Self { limit, sources, names, badges: BTreeMap::new() };
        all.named(INIT, now);
        all
    }

    /// The source of this name; a new one if there is none.
    pub(crate) fn named(&mut self, name: &str, now: Instant) -> u64 {
        let name: String = name.chars().filter(char::is_ascii_graphic).take(MAX_NAME).collect();
        if let Some(number) = self.names.get(&name) {
            return *number;
        }
        let number = self.sources.len() as u64;
        let (counts, told) = (Counts::default(), Instant(0));
        let bucket = Bucket::full(self.limit, now);
        let source = Source { name: name.clone(), counts, bucket, over: 0, told, said: 0 };
        self.sources.insert(number, source);
        self.names.insert(name, number);
        number
    }

    /// Sessions of a badge are of the service of this name from now on.
    pub(crate) fn set_badge(&mut self, badge: u64, name: &str, now: Instant) {
        let number = self.named(name, now);
        self.badges.insert(badge, number);
    }

    /// The source that a session is of: a service, as the broker has said, or a user.
    pub(crate) fn of_session(&mut self, badge: u64, uid: u32, now: Instant) -> u64 {
        if let Some(number) = self.badges.get(&badge) {
            return *number;
        }
        let name = format!("user-{uid}");
        let is_full = self.sources.len() >= MAX_SOURCES && !self.names.contains_key(&name);
        self.named(if is_full { OTHER_USERS } else { &name }, now)
    }

    pub(crate) fn one(&self, number: u64) -> Option<&Source> {
        self.sources.get(&number)
    }

    pub(crate) fn one_mut(&mut self, number: u64) -> Option<&mut Source> {
        self.sources.get_mut(&number)
    }

    /// Those from a number on.
    pub(crate) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Source)> {
        self.sources.range(number..).map(|(number, source)| (*number, source))
    }
}

impl Source {
    /// A record has come; whether it may be kept.
    pub(crate) fn receive(&mut self, limit: Limit, now: Instant) -> bool {
        self.counts.received += 1;
        let may_be_kept = self.bucket.take(limit, now);
        self.counts.kept += u64::from(may_be_kept);
        self.counts.limited += u64::from(!may_be_kept);
        self.over += u64::from(!may_be_kept);
        may_be_kept
    }

    /// What has become of its records.
    pub(crate) fn report(&self) -> SourceCounts {
        let Counts { received, kept, dropped, limited, evicted } = self.counts;
        SourceCounts { source: self.name.clone(), received, kept, dropped, limited, evicted }
    }

    /// It has dropped so many more records. What it says is not to be trusted: it only makes its own
    /// count wrong.
    pub(crate) fn drop_more(&mut self, records: u64) {
        self.counts.dropped = self.counts.dropped.saturating_add(records);
    }

    /// It has dropped so many records since its process began, which may be another than before.
    pub(crate) fn has_dropped(&mut self, records: u64) {
        let since = if records >= self.said { self.said } else { 0 };
        self.drop_more(records.saturating_sub(since));
        self.said = records;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(0);

    fn new() -> Sources {
        Sources::new(Limit { rate: 1, burst: 1 }, NOW)
    }

    #[test]
    fn a_source_is_its_name() {
        let mut sources = new();
        let vfs = sources.named("vfs", NOW);
        sources.set_badge(7, "vfs", NOW);
        sources.set_badge(8, "auth", NOW);
        assert_eq!(sources.of_session(7, 1000, NOW), vfs);
        assert_ne!(sources.of_session(8, 1000, NOW), vfs);
        sources.set_badge(8, "vfs", NOW);
        assert_eq!(sources.of_session(8, 1000, NOW), vfs, "the last word counts");
        assert_eq!(sources.named("init", NOW), INIT_SOURCE);
        let spaced = sources.named("a b", NOW);
        assert_eq!(sources.named("a b", NOW), spaced, "what is cut is found again");
    }

    #[test]
    fn users_that_are_too_many_count_as_one() {
        let mut sources = new();
        let first = sources.of_session(1, 0, NOW);
        for uid in 1..=u32::try_from(MAX_SOURCES).unwrap() + 10 {
            sources.of_session(1, uid, NOW);
        }
        assert_eq!(sources.from(0).count(), MAX_SOURCES + 1);
        assert_eq!(sources.of_session(1, u32::MAX, NOW), sources.named(OTHER_USERS, NOW));
        assert_eq!(sources.of_session(1, 0, NOW), first, "who was there before stays");
    }
}
