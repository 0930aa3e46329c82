//! The bytes of files, space and holes.

use super::{Body, Naive, Opened, Outcome};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, FileKind, OpenFlags, Whence};
use std::collections::BTreeSet;
use std::ops::Range;

const PAGE: usize = 4096;

/// What a regular file has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) data: Vec<u8>,
    /// Pages that something was written to; the others are holes.
    written: BTreeSet<usize>,
    /// Pages that space was allocated for and nothing was written to.
    pub(crate) reserved: BTreeSet<usize>,
    /// Whether it has never had a name, and may get one.
    pub(super) is_unnamed: bool,
}

/// The bytes of a range, as far as there are any.
pub(crate) fn part(data: &[u8], offset: u64, len: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap().min(data.len());
    &data[start..data.len().min(start + len)]
}

impl Bytes {
    /// Of a file without a name.
    pub(super) fn unnamed() -> Self {
        Self { is_unnamed: true, ..Self::default() }
    }

    fn resize(&mut self, size: usize) {
        if size < self.data.len() {
            self.written.split_off(&size.div_ceil(PAGE));
            self.reserved.split_off(&size.div_ceil(PAGE));
        }
        self.data.resize(size, 0);
    }

    fn extend(&mut self, end: usize) {
        self.data.resize(self.data.len().max(end), 0);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        self.extend(end);
        self.data[offset..end].copy_from_slice(bytes);
        for page in offset / PAGE..end.div_ceil(PAGE) {
            self.written.insert(page);
            self.reserved.remove(&page);
        }
    }

    fn reserve(&mut self, range: &Range<usize>) {
        let pages = range.start / PAGE..range.end.div_ceil(PAGE);
        self.reserved.extend(pages.filter(|page| !self.written.contains(page)));
    }

    /// Zeros; pages that are zeroed as a whole are holes then.
    fn zero(&mut self, range: &Range<usize>) {
        let size = self.data.len();
        self.data[range.start.min(size)..range.end.min(size)].fill(0);
        let whole = range.start.div_ceil(PAGE)..range.end / PAGE;
        self.written.retain(|page| !whole.contains(page));
        self.reserved.retain(|page| !whole.contains(page));
    }

    fn seek(&self, offset: usize, whence: Whence) -> Outcome<usize> {
        let size = self.data.len();
        if offset >= size {
            return Err(Errno::ENXIO);
        }
        let is_wanted = |page: &usize| self.written.contains(page) == (whence == Whence::Data);
        let found = (offset / PAGE..size.div_ceil(PAGE)).find(is_wanted);
        match (found, whence) {
            (Some(page), _) => Ok(offset.max(page * PAGE)),
            (None, Whence::Hole) => Ok(size),
            (None, Whence::Data) => Err(Errno::ENXIO),
        }
    }
}

impl Naive {
    /// The bytes of a regular file that is one.
    fn bytes(&mut self, node: usize) -> &mut Bytes {
        match &mut self.nodes[node].body {
            Body::Regular(bytes) => bytes,
            other => panic!("node {node} is no regular file: {other:?}"),
        }
    }

    fn changed_contents(&mut self, who: &Credentials, node: usize) {
        self.nodes[node].lose_privileges(who);
        self.nodes[node].touch_contents();
    }

    pub(crate) fn read(&self, file: Opened, offset: u64, len: usize) -> Outcome<&[u8]> {
        let node = &self.nodes[file.node];
        match (file.flags.reads(), node.is_directory()) {
            (false, _) => Err(Errno::EBADF),
            (true, true) => Err(Errno::EISDIR),
            (true, false) => Ok(part(node.data(), offset, len)),
        }
    }

    pub(crate) fn write(
        &mut self,
        who: &Credentials,
        file: Opened,
        offset: u64,
        bytes: &[u8],
    ) -> Outcome<usize> {
        if !file.flags.writes() {
            return Err(Errno::EBADF);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let contents = self.bytes(file.node);
        let at = match file.flags.contains(OpenFlags::APPEND) {
            true => contents.data.len(),
            false => usize::try_from(offset).unwrap(),
        };
        contents.write(at, bytes);
        self.changed_contents(who, file.node);
        Ok(bytes.len())
    }

    pub(crate) fn truncate(&mut self, who: &Credentials, file: Opened, size: u64) -> Outcome<()> {
        file.require()?;
        if !file.flags.writes() {
            return Err(Errno::EINVAL);
        }
        self.set_size(who, file.node, usize::try_from(size).unwrap());
        Ok(())
    }

    pub(super) fn set_size(&mut self, who: &Credentials, node: usize, size: usize) {
        self.bytes(node).resize(size);
        self.changed_contents(who, node);
    }

    pub(crate) fn allocate(
        &mut self,
        who: &Credentials,
        file: Opened,
        mode: AllocateMode,
        (offset, len): (u64, u64),
    ) -> Outcome<()> {
        use AllocateMode::{Allocate, PunchHole, ZeroRange, ZeroRangeKeepSize};
        file.require()?;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        if !file.flags.writes() {
            return Err(Errno::EBADF);
        }
        let start = usize::try_from(offset).unwrap();
        let range = start..start + usize::try_from(len).unwrap();
        let contents = self.bytes(file.node);
        if matches!(mode, Allocate | ZeroRange) {
            contents.extend(range.end);
        }
        if matches!(mode, PunchHole | ZeroRange | ZeroRangeKeepSize) {
            contents.zero(&range);
        }
        if mode != PunchHole {
            contents.reserve(&range);
        }
        self.changed_contents(who, file.node);
        Ok(())
    }

    pub(crate) fn seek(&self, file: Opened, offset: u64, whence: Whence) -> Outcome<u64> {
        file.require()?;
        let Body::Regular(bytes) = &self.nodes[file.node].body else {
            return Err(Errno::EINVAL);
        };
        let found = bytes.seek(usize::try_from(offset).unwrap(), whence)?;
        Ok(found as u64)
    }

    /// Copies a range; says how many bytes.
    pub(crate) fn copy_range(
        &mut self,
        who: &Credentials,
        (from, offset): (Opened, u64),
        (to, to_offset): (Opened, u64),
        len: u32,
    ) -> Outcome<u64> {
        from.require()?;
        to.require()?;
        let kinds = [from, to].map(|file| self.nodes[file.node].kind());
        if kinds.contains(&FileKind::Directory) {
            return Err(Errno::EISDIR);
        }
        let appends = to.flags.contains(OpenFlags::APPEND);
        if !from.flags.reads() || !to.flags.writes() || appends {
            return Err(Errno::EBADF);
        }
        let data = self.nodes[from.node].data();
        let bytes = part(data, offset, usize::try_from(len).unwrap()).to_vec();
        let count = bytes.len() as u64;
        if from.node == to.node && count > 0 && offset.abs_diff(to_offset) < count {
            return Err(Errno::EINVAL);
        }
        self.write(who, to, to_offset, &bytes)?;
        Ok(count)
    }

    pub(crate) fn sync(&self, file: Opened) -> Outcome<()> {
        file.require()
    }
}
