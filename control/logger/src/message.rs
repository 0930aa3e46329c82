//! What is asked of the logger by messages, and its answers.
//!
//! | message | from | answer |
//! |---|---|---|
//! | `source N NAME` | the broker (`CAP_SERVICE`): sessions with badge N are this service's | nothing |
//! | `record N BYTES` | the broker: a record of its own; it has dropped N | nothing |
//! | `read CURSOR LEVEL [SOURCE]` | who may audit (`AUDIT`) | a page |
//! | `sources [CURSOR]` | who may audit | a page of what has become of each source's records |
//!
//! A page of records:
//!
//! | offset | size | field   | meaning                                                        |
//! |--------|------|---------|----------------------------------------------------------------|
//! | 0      | 8    | next    | cursor of the page that follows                                |
//! | 8      | 1    | is_last | 1 if nothing is there yet behind this page                     |
//! | 9      |      | entries | each: length of the source's name u8, the name, the record     |
//!
//! A page of sources begins like it; its entries are lines of UTF-8, of words with a space between:
//! name, received, kept, dropped, limited, evicted. A cursor of the one kind means nothing in the
//! other, and each begins at 0.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str;
use dataplane::log::{Level, Record};

/// Most bytes of a page.
const PAGE_BYTES: usize = 3400;
const HEAD: usize = 9;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Whose sessions have a badge.
    Source {
        /// The badge.
        badge: u64,
        /// The service.
        name: &'a str,
    },
    /// A record of the broker's own.
    Record {
        /// How many it has dropped.
        dropped: u64,
        /// The record.
        bytes: &'a [u8],
    },
    /// Records, please.
    Read {
        /// From this one on.
        cursor: u64,
        /// This important, or more.
        level: Level,
        /// Of this one alone.
        source: Option<&'a str>,
    },
    /// What has become of each source's records, please.
    Sources {
        /// From this source on.
        cursor: u64,
    },
}

impl<'a> Message<'a> {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Source { badge, name } => format!("source {badge} {name}").into_bytes(),
            Self::Record { dropped, bytes } => {
                let mut text = format!("record {dropped} ").into_bytes();
                text.extend_from_slice(bytes);
                text
            }
            Self::Read { cursor, level, source: None } => {
                format!("read {cursor} {level}").into_bytes()
            }
            Self::Read { cursor, level, source: Some(source) } => {
                format!("read {cursor} {level} {source}").into_bytes()
            }
            Self::Sources { cursor } => format!("sources {cursor}").into_bytes(),
        }
    }

    /// Nothing for what is none of the messages.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if let Some(rest) = bytes.strip_prefix(b"record ") {
            let space = rest.iter().position(|byte| *byte == b' ')?;
            let (dropped, bytes) = rest.split_at_checked(space)?;
            let dropped = str::from_utf8(dropped).ok()?.parse().ok()?;
            return Some(Self::Record { dropped, bytes: bytes.get(1..)? });
        }
        let words: Vec<&str> = str::from_utf8(bytes).ok()?.split(' ').collect();
        match words.as_slice() {
            ["source", badge, name] => Some(Self::Source { badge: badge.parse().ok()?, name }),
            ["read", cursor, level] => {
                let (cursor, level) = (cursor.parse().ok()?, level.parse().ok()?);
                Some(Self::Read { cursor, level, source: None })
            }
            ["read", cursor, level, source] => {
                let (cursor, level) = (cursor.parse().ok()?, level.parse().ok()?);
                Some(Self::Read { cursor, level, source: Some(source) })
            }
            ["sources"] => Some(Self::Sources { cursor: 0 }),
            ["sources", cursor] => Some(Self::Sources { cursor: cursor.parse().ok()? }),
            _ => None,
        }
    }
}

/// A record, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The source.
    pub source: String,
    /// What it has said.
    pub record: Record,
}

/// Some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Where the next page begins.
    pub next: u64,
    /// Whether nothing is there yet behind this page.
    pub is_last: bool,
    /// The records.
    pub entries: Vec<Entry>,
}

impl Page {
    /// The page in an answer of the logger; nothing if it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (next, is_last, mut rest) = head(bytes)?;
        let mut entries = Vec::new();
        while let Some((length, behind)) = rest.split_first() {
            let (name, bytes) = behind.split_at_checked(usize::from(*length))?;
            let (record, size) = Record::parse(bytes)?;
            entries.push(Entry { source: str::from_utf8(name).ok()?.into(), record });
            rest = bytes.get(size..)?;
        }
        Some(Self { next, is_last, entries })
    }
}

/// What has become of the records that a source has sent to this logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCounts {
    /// The source.
    pub source: String,
    /// Records that came: those kept, and those limited.
    pub received: u64,
    /// Of these, those that were taken.
    pub kept: u64,
    /// Records that never came.
    pub dropped: u64,
    /// Of those received, those that were more than the source may have kept.
    pub limited: u64,
    /// Of those kept, those that are in memory no more.
    pub evicted: u64,
}

/// Some sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcesPage {
    /// Where the next page begins.
    pub next: u64,
    /// Whether nothing is behind this page.
    pub is_last: bool,
    /// The sources.
    pub sources: Vec<SourceCounts>,
}

impl SourcesPage {
    /// The page in an answer of the logger; nothing if it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (next, is_last, lines) = head(bytes)?;
        let sources = str::from_utf8(lines).ok()?.lines().map(SourceCounts::parse);
        Some(Self { next, is_last, sources: sources.collect::<Option<_>>()? })
    }
}

impl SourceCounts {
    fn parse(line: &str) -> Option<Self> {
        let (source, numbers) = line.split_once(' ')?;
        let numbers: Vec<u64> =
            numbers.split(' ').map(|it| it.parse().ok()).collect::<Option<_>>()?;
        let [received, kept, dropped, limited, evicted] = numbers.try_into().ok()?;
        Some(Self { source: source.into(), received, kept, dropped, limited, evicted })
    }

    fn line(&self) -> String {
        let Self { source, received, kept, dropped, limited, evicted } = self;
        format!("{source} {received} {kept} {dropped} {limited} {evicted}\n")
    }
}

/// What a page begins with, and its entries.
fn head(bytes: &[u8]) -> Option<(u64, bool, &[u8])> {
    let (next, rest) = bytes.split_first_chunk()?;
    let (is_last, rest) = rest.split_first()?;
    Some((u64::from_le_bytes(*next), *is_last != 0, rest))
}

/// A page that is being written.
pub(crate) struct PageWriter(Vec<u8>);

impl PageWriter {
    pub(crate) fn new() -> Self {
        Self(alloc::vec![0; HEAD])
    }

    /// Adds a record; false if it does not fit.
    pub(crate) fn push(&mut self, source: &str, record: &[u8]) -> bool {
        let length = [u8::try_from(source.len()).unwrap_or(0)];
        self.push_parts(&[&length, source.as_bytes(), record])
    }

    /// Adds a source; false if it does not fit.
    pub(crate) fn push_source(&mut self, counts: &SourceCounts) -> bool {
        self.push_parts(&[counts.line().as_bytes()])
    }

    fn push_parts(&mut self, parts: &[&[u8]]) -> bool {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let fits = self.0.len() + bytes <= PAGE_BYTES;
        if fits {
            parts.iter().for_each(|part| self.0.extend_from_slice(part));
        }
        fits
    }

    pub(crate) fn finish(mut self, next: u64, is_last: bool) -> Vec<u8> {
        let head = next.to_le_bytes().into_iter().chain([u8::from(is_last)]);
        self.0.iter_mut().zip(head).for_each(|(to, from)| *to = from);
        self.0
    }
}
