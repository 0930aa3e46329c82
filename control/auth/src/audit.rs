//! The audit log: records that are chained, so that a change to what was written is noticed.
//!
//! A record is a line of the file `audit.log`: sequence, time (ns since 1970), link, text, with a space
//! between, and a line feed. The link is HMAC-SHA-256, under the key in the file `audit.key`, of the
//! link before it (32 bytes; zeros for record 1), the sequence and the time (u64 each, little-endian)
//! and the text; in hexadecimal. When the file is long enough it becomes `audit.old.log`, in place of
//! the one before. `audit.head` says where the log begins and ends:
//!
//! | offset | size | meaning                                              |
//! |--------|------|------------------------------------------------------|
//! | 0      | 8    | the first record that is kept                        |
//! | 8      | 32   | the link before it                                   |
//! | 40     | 8    | the first record of `audit.log`                      |
//! | 48     | 32   | the link before it                                   |
//! | 80     | 8    | the last record                                      |
//! | 88     | 32   | its link                                             |
//! | 120    | 32   | HMAC-SHA-256 of all before, under the same key       |
//!
//! A record is appended, then the head replaced. What is behind the last record when the service starts
//! was not acknowledged: whole records are taken into the log, a part of one is dropped. Who can read
//! the key, or puts back an older log together with its head, is not found out.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use control::message::{AuditRecord, ChainFault, ChainReport};
use control::store::Store;
use control::token::{KEY_BYTES, link};
use core::cell::{Cell, RefCell};
use core::fmt::Write;
use dataplane::entry::Errno;
use subtle::ConstantTimeEq;

use crate::bytes::Reader;
use crate::turns::Turns;

const LOG: &str = "audit.log";
const OLD: &str = "audit.old.log";
const HEAD: &str = "audit.head";
const KEY: &str = "audit.key";
/// Bytes after which the log is begun anew.
const ROTATE_AT: usize = 4 << 20;
/// Notes that the log was found without a head; checking it finds this for ever.
const HEAD_WAS_MISSING: &str = "the head of the audit log was missing";

type Link = [u8; KEY_BYTES];

/// Where the log begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    first: u64,
    before_first: Link,
    middle: u64,
    before_middle: Link,
    last: u64,
    last_link: Link,
}

impl Head {
    fn encode(&self, key: &Link) -> Vec<u8> {
        let mut out = Vec::new();
        let places = [
            (self.first, self.before_first),
            (self.middle, self.before_middle),
            (self.last, self.last_link),
        ];
        for (sequence, link) in places {
            out.extend(sequence.to_le_bytes());
            out.extend(link);
        }
        let mac = link(key, &out);
        out.extend(mac);
        out
    }

    fn decode(bytes: &[u8], key: &Link) -> Option<Self> {
        let reader = &mut Reader(bytes);
        let body = reader.0.get(..120)?;
        let head = Self {
            first: reader.u64()?,
            before_first: reader.array()?,
            middle: reader.u64()?,
            before_middle: reader.array()?,
            last: reader.u64()?,
            last_link: reader.array()?,
        };
        let mac: Link = reader.array()?;
        let is_whole: bool = link(key, body).ct_eq(&mac).into();
        (is_whole && reader.0.is_empty()).then_some(head)
    }

    /// The head of a log in which there is nothing.
    fn empty() -> Self {
        Self { first: 1, middle: 1, ..Self::default() }
    }
}

/// A line of the log.
struct Line<'a> {
    sequence: u64,
    time: u64,
    link: Link,
    text: &'a str,
}

impl<'a> Line<'a> {
    /// From a line without its line feed.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = core::str::from_utf8(line).ok()?.splitn(4, ' ');
        let mut number = || {
            let digits = parts.next()?;
            // As it is written, and no other way.
            digits.parse::<u64>().ok().filter(|number| number.to_string() == digits)
        };
        let (sequence, time) = (number()?, number()?);
        let link = read_link(parts.next()?)?;
        Some(Self { sequence, time, link, text: parts.next()? })
    }

    fn is_behind(&self, key: &Link, before: &Link) -> bool {
        let expected = chain(key, before, self.sequence, self.time, self.text);
        expected.ct_eq(&self.link).into()
    }
}

fn chain(key: &Link, before: &Link, sequence: u64, time: u64, text: &str) -> Link {
    let mut bytes = before.to_vec();
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(time.to_le_bytes());
    bytes.extend(text.bytes());
    link(key, &bytes)
}

fn read_link(text: &str) -> Option<Link> {
    let mut link = Link::default();
    if text.len() != 2 * KEY_BYTES || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    for (byte, at) in link.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(link)
}

/// The log, to which one record after the other is added.
pub(crate) struct Audit {
    store: Rc<dyn Store>,
    key: Cell<Link>,
    head: RefCell<Head>,
    /// Bytes of the file that is appended to.
    bytes: Cell<usize>,
    /// Whether a part of a record may be at the end of the file.
    is_torn: Cell<bool>,
    turns: Turns,
}

impl Audit {
    pub(crate) fn new(store: Rc<dyn Store>) -> Self {
        Self {
            store,
            key: Cell::default(),
            head: RefCell::new(Head::empty()),
            bytes: Cell::new(0),
            is_torn: Cell::new(false),
            turns: Turns::default(),
        }
    }

    /// Goes on with the log that there is; `new_key` is for when there is none.
    pub(crate) async fn open(&self, new_key: Link, now: u64) -> Result<(), Errno> {
        let key = match self.store.read(KEY).await? {
            Some(key) => key.try_into().map_err(|_| Errno::EIO)?,
            None => {
                self.store.replace(KEY, new_key.to_vec()).await?;
                new_key
            }
        };
        self.key.set(key);
        let head = self.store.read(HEAD).await?;
        let is_there = head.is_some() || self.store.read(LOG).await?.is_some();
        let head = head.and_then(|head| Head::decode(&head, &key));
        if let Some(head) = head {
            *self.head.borrow_mut() = head;
        }
        self.mend().await?;
        if head.is_none() && is_there {
            self.record(now, HEAD_WAS_MISSING).await?;
        }
        Ok(())
    }

    /// Ends a change of files that was begun, takes up whole records behind the head, and drops what is
    /// a part of one.
    async fn mend(&self) -> Result<(), Errno> {
        let mut log = self.store.read(LOG).await?.unwrap_or_default();
        let mut head = *self.head.borrow();
        let first = log.split(|byte| *byte == b'\n').next().and_then(Line::parse);
        if first.is_some_and(|line| line.sequence < head.middle) {
            self.store.rename(LOG, OLD).await?;
            log.clear();
        }
        let key = self.key.get();
        let mut whole = 0;
        for line in log.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else { break };
            whole += line.len();
            let Some(parsed) = Line::parse(text) else { continue };
            if parsed.sequence == head.last + 1 && parsed.is_behind(&key, &head.last_link) {
                (head.last, head.last_link) = (parsed.sequence, parsed.link);
            }
        }
        let kept = log.get(..whole).unwrap_or_default();
        if kept.len() < log.len() {
            self.store.replace(LOG, kept.to_vec()).await?;
        }
        if head != *self.head.borrow() {
            self.store.replace(HEAD, head.encode(&key)).await?;
        }
        *self.head.borrow_mut() = head;
        self.bytes.set(whole);
        self.is_torn.set(false);
        Ok(())
    }

    /// Adds a record; when this returns, it is kept.
    pub(crate) async fn record(&self, now: u64, text: &str) -> Result<(), Errno> {
        let _turn = self.turns.take().await;
        if self.is_torn.get() {
            self.mend().await?;
        }
        if self.bytes.get() > ROTATE_AT {
            self.rotate().await?;
        }
        let text = one_line(text);
        let key = self.key.get();
        let mut head = *self.head.borrow();
        let sequence = head.last + 1;
        let link = chain(&key, &head.last_link, sequence, now, &text);
        let mut line = format!("{sequence} {now} ");
        for byte in link {
            // Writing to a string cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        let _ = writeln!(line, " {text}");
        let length = line.len();
        self.is_torn.set(true);
        self.store.append(LOG, line.into_bytes()).await?;
        (head.last, head.last_link) = (sequence, link);
        self.store.replace(HEAD, head.encode(&key)).await?;
        *self.head.borrow_mut() = head;
        self.bytes.set(self.bytes.get() + length);
        self.is_torn.set(false);
        Ok(())
    }

    /// Waits until all records that were begun are kept.
    pub(crate) async fn settle(&self) {
        drop(self.turns.take().await);
    }

    /// Begins the file anew. The head first: a log that is longer than it says is not a fault.
    async fn rotate(&self) -> Result<(), Errno> {
        let mut head = *self.head.borrow();
        (head.first, head.before_first) = (head.middle, head.before_middle);
        (head.middle, head.before_middle) = (head.last + 1, head.last_link);
        // If it fails on the way, mending ends it before anything else is done.
        self.is_torn.set(true);
        self.store.replace(HEAD, head.encode(&self.key.get())).await?;
        *self.head.borrow_mut() = head;
        self.store.rename(LOG, OLD).await?;
        self.bytes.set(0);
        Ok(())
    }

    async fn contents(&self) -> Result<Vec<u8>, Errno> {
        let mut all = self.store.read(OLD).await?.unwrap_or_default();
        all.extend(self.store.read(LOG).await?.unwrap_or_default());
        Ok(all)
    }

    /// Records from this sequence on, as many as are taken.
    pub(crate) async fn records(&self, from: u64, most: usize) -> Result<Vec<AuditRecord>, Errno> {
        let _turn = self.turns.take().await;
        let all = self.contents().await?;
        let lines = all.split(|byte| *byte == b'\n').filter_map(Line::parse);
        let from = from.max(self.head.borrow().first);
        let wanted = lines.filter(|line| line.sequence >= from).take(most);
        let record = |line: Line<'_>| AuditRecord {
            sequence: line.sequence,
            time: line.time,
            text: one_line(line.text).into_bytes().try_into().unwrap_or_default(),
        };
        Ok(wanted.map(record).collect())
    }

    /// Compares the log with its head, and each record with the one before it.
    pub(crate) async fn verify(&self) -> Result<ChainReport, Errno> {
        let _turn = self.turns.take().await;
        let kept = self.store.read(HEAD).await?;
        let all = self.contents().await?;
        let key = self.key.get();
        let head = kept.and_then(|bytes| Head::decode(&bytes, &key));
        Ok(match head.filter(|head| *head == *self.head.borrow()) {
            Some(head) => check(&all, &head, &key),
            // Nothing was ever written.
            None if *self.head.borrow() == Head::empty() && all.is_empty() => {
                ChainReport { first: 1, last: 0, fault: ChainFault::None, at: 0 }
            }
            None => ChainReport { first: 0, last: 0, fault: ChainFault::NoHead, at: 0 },
        })
    }
}

/// What was done to a log that should begin and end as its head says.
fn check(log: &[u8], head: &Head, key: &Link) -> ChainReport {
    let mut last = head.first.saturating_sub(1);
    let mut before = head.before_first;
    let first = head.first;
    let report = |last: u64, fault| ChainReport { first, last, fault, at: last + 1 };
    let mut lines = log.split_inclusive(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let Some(line) = line.strip_suffix(b"\n") else {
            return report(last, ChainFault::Truncated);
        };
        let Some(line) = Line::parse(line) else { return report(last, ChainFault::Changed) };
        if line.sequence < head.first {
            continue;
        }
        if line.sequence != last + 1 {
            let mut later = lines.filter_map(|line| Line::parse(line.strip_suffix(b"\n")?));
            let comes_later = later.any(|line| line.sequence == last + 1);
            let is_again = line.sequence <= last;
            let fault =
                if comes_later || is_again { ChainFault::Reordered } else { ChainFault::Removed };
            return report(last, fault);
        }
        if !line.is_behind(key, &before) {
            return report(last, ChainFault::Changed);
        }
        if line.text == HEAD_WAS_MISSING {
            return report(last, ChainFault::NoHead);
        }
        (last, before) = (line.sequence, line.link);
    }
    if last < head.last {
        return report(last, ChainFault::Truncated);
    }
    ChainReport { first, last, fault: ChainFault::None, at: 0 }
}

/// As much of a text as a record holds, without what would end its line.
fn one_line(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        if kept.len() + character.len_utf8() > AuditRecord::MAX_TEXT {
            break;
        }
        kept.push(if character.is_control() { ' ' } else { character });
    }
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests;
