//! Records in files: frames behind one another, each with a checksum.
//!
//! | offset | size | field    | meaning                                          |
//! |--------|------|----------|--------------------------------------------------|
//! | 0      | 4    | magic    | "VLOG"                                           |
//! | 4      | 4    | bytes    | of what follows behind the checksum              |
//! | 8      | 4    | checksum | CRC-32C of `bytes` and of what follows           |
//! | 12     | 1    | length   | of the source's name                             |
//! | 13     |      | name     | of the source, UTF-8                             |
//! |        |      | record   | see `dataplane::log`                             |
//!
//! A reader that finds no whole frame goes on at the next magic.

use alloc::string::String;
use alloc::vec::Vec;
use crc::{CRC_32_ISCSI, Crc};
use dataplane::log::{MAX_RECORD_BYTES, Record};

const MAGIC: [u8; 4] = *b"VLOG";
const HEAD: usize = 12;
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// The longest content of a frame: a name, and a record.
const MAX_CONTENT: usize = 1 + 255 + MAX_RECORD_BYTES;

/// A frame of a record.
#[must_use]
pub fn frame(source: &str, record: &[u8]) -> Vec<u8> {
    let name = source.as_bytes().get(..source.len().min(255)).unwrap_or_default();
    let mut content = alloc::vec![u8::try_from(name.len()).unwrap_or(0)];
    content.extend_from_slice(name);
    content.extend_from_slice(record);
    let bytes = u32::try_from(content.len()).unwrap_or(0).to_le_bytes();
    let mut frame = MAGIC.to_vec();
    frame.extend_from_slice(&bytes);
    frame.extend_from_slice(&checksum(bytes, &content).to_le_bytes());
    frame.append(&mut content);
    frame
}

fn checksum(bytes: [u8; 4], content: &[u8]) -> u32 {
    let mut digest = CHECKSUM.digest();
    digest.update(&bytes);
    digest.update(content);
    digest.finalize()
}

/// Reads the frames in some bytes, and counts what is none.
pub struct FrameReader<'a> {
    rest: &'a [u8],
    /// Bytes that belong to no whole frame, so far.
    pub skipped: usize,
}

impl<'a> FrameReader<'a> {
    /// At the beginning.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, skipped: 0 }
    }

    /// The content and the size of the frame that begins here.
    fn frame(&self) -> Option<(&'a [u8], usize)> {
        let head: &[u8; HEAD] = self.rest.first_chunk()?;
        let [m0, m1, m2, m3, b0, b1, b2, b3, c0, c1, c2, c3] = *head;
        let bytes = [b0, b1, b2, b3];
        let length = usize::try_from(u32::from_le_bytes(bytes)).ok()?;
        if [m0, m1, m2, m3] != MAGIC || length > MAX_CONTENT {
            return None;
        }
        let content = self.rest.get(HEAD..HEAD + length)?;
        let sum = u32::from_le_bytes([c0, c1, c2, c3]);
        (checksum(bytes, content) == sum).then_some((content, HEAD + length))
    }
}

impl Iterator for FrameReader<'_> {
    type Item = (String, Record);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            if let Some((content, size)) = self.frame() {
                self.rest = self.rest.get(size..).unwrap_or_default();
                if let Some(read) = read(content) {
                    return Some(read);
                }
                self.skipped += size;
                continue;
            }
            let next = self.rest.windows(MAGIC.len()).skip(1).position(|at| at == MAGIC);
            let skip = next.map_or(self.rest.len(), |at| at + 1);
            self.skipped += skip;
            self.rest = self.rest.get(skip..).unwrap_or_default();
        }
        None
    }
}

fn read(content: &[u8]) -> Option<(String, Record)> {
    let (length, rest) = content.split_first()?;
    let (name, record) = rest.split_at_checked(usize::from(*length))?;
    let name = core::str::from_utf8(name).ok()?;
    let (parsed, size) = Record::parse(record)?;
    (size == record.len()).then(|| (name.into(), parsed))
}
