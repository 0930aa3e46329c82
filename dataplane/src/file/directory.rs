//! The records that GETDENTS writes, one behind the other.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | inode number |
//! | 8 | 8 | cookie to go on behind this entry; holds across a restart |
//! | 16 | 2 | bytes of this record, a multiple of 8 |
//! | 18 | 2 | bytes of the name |
//! | 20 | 2 | kind: `st_mode` >> 12, or 0 if unknown |
//! | 22 | 2 | reserved, 0 |
//! | 24 | n | name, then zeros up to a multiple of 8 |

use super::{FileKind, MAX_NAME};
use alloc::vec::Vec;
use static_assertions::const_assert_eq;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    inode: u64,
    cookie: u64,
    record_len: u16,
    name_len: u16,
    kind: u16,
    reserved: u16,
}

const HEADER: usize = 24;
const_assert_eq!(size_of::<Header>(), HEADER);

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry<'a> {
    /// Inode number.
    pub inode: u64,
    /// Where to go on behind this entry.
    pub cookie: u64,
    /// What it is, if known.
    pub kind: Option<FileKind>,
    /// Its name.
    pub name: &'a [u8],
}

/// Collects records up to a size.
#[derive(Debug)]
pub struct DirectoryWriter {
    bytes: Vec<u8>,
    limit: usize,
}

impl DirectoryWriter {
    /// Collects at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Adds an entry; says whether it fitted.
    pub fn push(&mut self, entry: &DirectoryEntry<'_>) -> bool {
        let len = (HEADER + entry.name.len()).next_multiple_of(8);
        let (Ok(record_len), Ok(name_len)) = (u16::try_from(len), u16::try_from(entry.name.len()))
        else {
            return false;
        };
        if entry.name.len() > MAX_NAME || self.bytes.len() + len > self.limit {
            return false;
        }
        let kind = entry.kind.map_or(0, |kind| u16::try_from(kind.to_mode() >> 12).unwrap_or(0));
        let header = Header {
            inode: entry.inode,
            cookie: entry.cookie,
            record_len,
            name_len,
            kind,
            reserved: 0,
        };
        let end = self.bytes.len() + len;
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(entry.name);
        self.bytes.resize(end, 0);
        true
    }

    /// The records so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads records out of a private copy; stops at the first that is not well-formed.
#[derive(Clone, Debug)]
pub struct DirectoryReader<'a> {
    rest: &'a [u8],
}

impl<'a> DirectoryReader<'a> {
    /// Reads what GETDENTS has written.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for DirectoryReader<'a> {
    type Item = DirectoryEntry<'a>;

    fn next(&mut self) -> Option<DirectoryEntry<'a>> {
        let (header, _) = Header::read_from_prefix(self.rest).ok()?;
        let record = self.rest.get(..usize::from(header.record_len))?;
        let name = record.get(HEADER..HEADER + usize::from(header.name_len))?;
        if name.is_empty() || name.len() > MAX_NAME || name.iter().any(|b| matches!(b, b'/' | 0)) {
            return None;
        }
        self.rest = self.rest.get(record.len()..)?;
        let kind = FileKind::from_mode(u32::from(header.kind) << 12);
        Some(DirectoryEntry { inode: header.inode, cookie: header.cookie, kind, name })
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = DirectoryWriter::new(100);
        let entry = |cookie, name| DirectoryEntry {
            inode: 7,
            cookie,
            kind: Some(FileKind::Directory),
            name,
        };
        assert!(writer.push(&entry(1, b"a")));
        assert!(writer.push(&entry(2, b"longer name")));
        assert!(!writer.push(&entry(3, b"does not fit any more")));
        let mut reader = DirectoryReader::new(writer.as_bytes());
        assert_eq!(reader.next(), Some(entry(1, b"a")));
        assert_eq!(reader.next(), Some(entry(2, b"longer name")));
        assert_eq!(reader.next(), None);
    }

    /// A caller may make files of what it is told: a name never leads elsewhere.
    #[test]
    fn a_name_that_cannot_be_ends_the_reading() {
        for name in [&b""[..], b"../escape", b"/", b"nul\0", &[b'x'; MAX_NAME + 1]] {
            let len = (HEADER + name.len()).next_multiple_of(8);
            let (record_len, name_len) = (len as u16, name.len() as u16);
            let header = Header { inode: 7, cookie: 3, record_len, name_len, kind: 4, reserved: 0 };
            let mut record = [header.as_bytes(), name].concat();
            record.resize(len, 0);
            assert_eq!(DirectoryReader::new(&record).next(), None, "{name:?}");
        }
    }

    #[test]
    fn any_bytes_end_the_reading() {
        for len in 0..64 {
            assert!(DirectoryReader::new(&[0xff; 64][..len]).next().is_none());
            assert!(DirectoryReader::new(&[0; 64][..len]).take(9).count() < 9);
        }
    }
}
