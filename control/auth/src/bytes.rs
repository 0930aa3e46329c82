//! Little-endian numbers and short byte strings, as the database's file has them.

use alloc::vec::Vec;
use control::message::Name;

/// The part that is still to be read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn name(&mut self) -> Option<Name> {
        let length = self.byte()?;
        core::str::from_utf8(self.slice(length.into())?).ok()?.parse().ok()
    }

    /// So many of something, which comes behind its number.
    pub(crate) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.u32()?;
        (0..count).map(|_| one(self)).collect()
    }
}

/// A name behind its length.
pub(crate) fn write_name(out: &mut Vec<u8>, name: &Name) {
    let text = name.as_str();
    // A name has at most 64 bytes.
    out.push(u8::try_from(text.len()).unwrap_or_default());
    out.extend(text.bytes());
}

/// Things behind their number.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    things: impl ExactSizeIterator<Item = T>,
    mut one: impl FnMut(&mut Vec<u8>, T),
) {
    // All that is kept is bounded far below this.
    out.extend(u32::try_from(things.len()).unwrap_or_default().to_le_bytes());
    things.for_each(|thing| one(out, thing));
}
