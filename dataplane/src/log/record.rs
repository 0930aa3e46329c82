//! A record, as a source writes it. Who the source is, is for the logger to know.
//!
//! | offset | size | field    | meaning                                              |
//! |--------|------|----------|------------------------------------------------------|
//! | 0      | 2    | bytes    | of the whole record, 26 to 2,048                     |
//! | 2      | 1    | level    | 0 error, 1 warning, 2 information, 3 debug, 4 trace  |
//! | 3      | 1    | fields   | how many, at most 16                                 |
//! | 4      | 8    | sequence | counts the source's records, dropped ones included   |
//! | 12     | 8    | time     | i64: ns since 1970-01-01 UTC                         |
//! | 20     | 4    | pid      | of the source's process, as it is known to it; 0     |
//! | 24     | 2    | length   | of the message                                       |
//! | 26     |      | message  | UTF-8                                                |
//! |        |      | fields   | each: length u8, name, length u16, value; UTF-8      |

use crate::platform::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// The longest record, bytes.
pub const MAX_RECORD_BYTES: usize = 2048;
/// Bytes before the message.
const HEAD: usize = 26;
const MAX_FIELDS: usize = 16;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something has failed.
    Error,
    /// Something may fail, or was refused.
    Warning,
    /// Something that an operator wants to know.
    Information,
    /// Something that helps to find a fault.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
    /// All levels, the most important first.
    pub const ALL: [Self; 5] =
        [Self::Error, Self::Warning, Self::Information, Self::Debug, Self::Trace];

    /// As a number.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Warning => 1,
            Self::Information => 2,
            Self::Debug => 3,
            Self::Trace => 4,
        }
    }

    /// From a number.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.to_byte() == byte)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or(UnknownLevel)
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// Counts the records of its source, dropped ones included.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// The process, as it is known to itself; 0: not said.
    pub pid: u32,
    /// What has happened.
    pub message: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl Record {
    /// As bytes. What is longer than a record can be is cut: fields first.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let message = cut(&self.message, MAX_RECORD_BYTES - HEAD);
        let mut bytes = alloc::vec![0, 0, self.level.to_byte(), 0];
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.time.0.to_le_bytes());
        bytes.extend_from_slice(&self.pid.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(message.len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(message.as_bytes());
        let mut fields = 0;
        for (name, value) in self.fields.iter().take(MAX_FIELDS) {
            let name = cut(name, usize::from(u8::MAX));
            let left = MAX_RECORD_BYTES.saturating_sub(bytes.len() + 3 + name.len());
            let value = cut(value, left);
            if bytes.len() + 3 + name.len() + value.len() > MAX_RECORD_BYTES {
                break;
            }
            fields += 1;
            bytes.push(u8::try_from(name.len()).unwrap_or(0));
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        let length = u16::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip([length[0], length[1], self.level.to_byte(), fields])
        {
            *to = from;
        }
        bytes
    }

    /// The record at the beginning of some bytes, and how many it takes; nothing for what
    /// [`encode`](Self::encode) does not write.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = usize::from(u16::from_le_bytes(bytes.first_chunk().copied()?));
        if length > MAX_RECORD_BYTES {
            return None;
        }
        let mut input = Input(bytes.get(2..length)?);
        let [level, fields] = input.take()?;
        let level = Level::from_byte(level)?;
        let sequence = u64::from_le_bytes(input.take()?);
        let time = Timestamp(i64::from_le_bytes(input.take()?));
        let pid = u32::from_le_bytes(input.take()?);
        let message = input.text_of_two()?;
        if usize::from(fields) > MAX_FIELDS {
            return None;
        }
        let fields = (0..fields).map(|_| {
            let [name] = input.take()?;
            Some((input.text(usize::from(name))?, input.text_of_two()?))
        });
        let fields = fields.collect::<Option<Vec<_>>>()?;
        let record = Self { level, sequence, time, pid, message, fields };
        input.0.is_empty().then_some((record, length))
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text(&mut self, length: usize) -> Option<String> {
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        core::str::from_utf8(text).ok().map(Into::into)
    }

    fn text_of_two(&mut self) -> Option<String> {
        let length = u16::from_le_bytes(self.take()?);
        self.text(usize::from(length))
    }
}

/// As much of a text as fits, in whole characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::config;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let level = (0u8..5).prop_map(|byte| Level::from_byte(byte).unwrap());
        let fields = proptest::collection::vec((".{0,20}", ".{0,40}"), 0..8);
        (level, any::<(u64, i64, u32)>(), ".{0,200}", fields).prop_map(
            |(level, (sequence, time, pid), message, fields)| Record {
                level,
                sequence,
                time: Timestamp(time),
                pid,
                message,
                fields,
            },
        )
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        #[cfg_attr(miri, ignore = "long texts take minutes, and nothing here is unsafe")]
        fn what_is_written_is_read(record in record(), behind: Vec<u8>) {
            let mut bytes = record.encode();
            let length = bytes.len();
            bytes.extend(behind);
            prop_assert_eq!(Record::parse(&bytes), Some((record, length)));
        }

        #[test]
        fn what_is_read_is_what_would_be_written(bytes: Vec<u8>) {
            if let Some((record, length)) = Record::parse(&bytes) {
                prop_assert_eq!(record.encode(), &bytes[..length]);
            }
        }

        #[test]
        #[cfg_attr(miri, ignore = "as above")]
        fn what_is_too_long_is_cut(message in ".{0,3000}", value in ".{0,3000}") {
            let fields = alloc::vec![("name".into(), value.clone()), ("other".into(), value)];
            let record = Record {
                level: Level::Debug, sequence: 1, time: Timestamp(2), pid: 3, message, fields,
            };
            let bytes = record.encode();
            let (read, length) = Record::parse(&bytes).unwrap();
            prop_assert_eq!(length, bytes.len());
            prop_assert!(record.message.starts_with(&read.message));
        }
    }
}
