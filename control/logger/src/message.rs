//! What is asked of the logger by messages, and its answers.
//!
//! | message | from | answer |
//! |---|---|---|
//! | `source N NAME` | the broker (`CAP_SERVICE`): sessions with badge N are this service's | nothing |
//! | `record N BYTES` | the broker: a record of its own; it has dropped N | nothing |
//! | `read CURSOR LEVEL [SOURCE]` | who may audit (`AUDIT`) | a page |
//! | `sources` | who may audit | a line each: name, received, kept, dropped, limited, evicted |
//!
//! A page:
//!
//! | offset | size | field   | meaning                                                        |
//! |--------|------|---------|----------------------------------------------------------------|
//! | 0      | 8    | next    | cursor of the page that follows                                |
//! | 8      | 1    | is_last | 1 if nothing is there yet behind this page                     |
//! | 9      |      | entries | each: length of the source's name u8, the name, the record     |

use alloc::string::String;
use alloc::vec::Vec;
use core::str;
use dataplane::log::{Level, Record};

/// Most bytes of a page.
const PAGE_BYTES: usize = 3400;
const HEAD: usize = 9;

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Source { badge: u64, name: &'a str },
    Record { dropped: u64, bytes: &'a [u8] },
    Read { cursor: u64, level: Level, source: Option<&'a str> },
    Sources,
}

impl<'a> Message<'a> {
    /// Nothing for what is none of the messages.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
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
            ["sources"] => Some(Self::Sources),
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
        let (next, rest) = bytes.split_first_chunk()?;
        let (is_last, mut rest) = rest.split_first()?;
        let mut entries = Vec::new();
        while let Some((length, behind)) = rest.split_first() {
            let (name, record) = behind.split_at_checked(usize::from(*length))?;
            let (record, size) = Record::parse(record).map(|(it, size)| (it, (record, size)))?;
            let (bytes, size) = size;
            entries.push(Entry { source: str::from_utf8(name).ok()?.into(), record });
            rest = bytes.get(size..)?;
        }
        Some(Self { next: u64::from_le_bytes(*next), is_last: *is_last != 0, entries })
    }
}

/// A page that is being written.
pub(crate) struct PageWriter(Vec<u8>);

impl PageWriter {
    pub(crate) fn new() -> Self {
        Self(alloc::vec![0; HEAD])
    }

    /// Adds a record; false if it does not fit.
    pub(crate) fn push(&mut self, source: &str, record: &[u8]) -> bool {
        if self.0.len() + 1 + source.len() + record.len() > PAGE_BYTES {
            return false;
        }
        self.0.push(u8::try_from(source.len()).unwrap_or(0));
        self.0.extend_from_slice(source.as_bytes());
        self.0.extend_from_slice(record);
        true
    }

    pub(crate) fn finish(mut self, next: u64, is_last: bool) -> Vec<u8> {
        let head = next.to_le_bytes().into_iter().chain([u8::from(is_last)]);
        self.0.iter_mut().zip(head).for_each(|(to, from)| *to = from);
        self.0
    }
}
