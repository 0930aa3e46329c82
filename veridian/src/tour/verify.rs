//! Reads a whole tree of the vfs back, by one of the two ways to read.

use super::sums::{FileSum, Sum, TreeSums};
use crate::place::Shown;
use crate::signals::Interrupts;
use crate::tree::{Side, Step, Vfs, Walk};
use anyhow::{Context, Result, ensure};
use dataplane::entry::Handle;
use std::time::{Duration, Instant};

/// Bytes read at once.
const PART: usize = 256 * 1024;
/// Files that are read once, one after the other, before they are read again: well below the
/// number of grants that a client keeps mapped.
const BATCH: usize = 256;

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// READ: the service copies into the session's arena.
    Read,
    /// READ_GRANT: the client looks at the service's own pages.
    ReadGrant,
}

/// What was read.
pub(super) struct ReadBack {
    /// Checksums.
    pub(super) sums: TreeSums,
    /// Directories below the top, and the top.
    pub(super) directories: u64,
    /// How long reading the contents took. The first READ_GRANT of a file includes the messages
    /// with which its pages become a region that the client maps.
    pub(super) first: Duration,
    /// How long reading them again took, when both sides are warm.
    pub(super) again: Duration,
}

/// Reads every file below a directory, once and then again.
pub(super) fn read_back(
    vfs: &mut Vfs,
    top: &[u8],
    way: Way,
    interrupts: &Interrupts,
) -> Result<ReadBack> {
    let top = vfs.directory_at(top).context("opening the copy")?;
    let mut walk = Walk::new(vfs, top).context("listing the copy")?;
    let mut reader = Reader { vfs, way, interrupts, part: vec![0; PART], batch: Vec::new() };
    let mut back = ReadBack {
        sums: TreeSums::default(),
        directories: 1,
        first: Duration::ZERO,
        again: Duration::ZERO,
    };
    while let Some(step) = walk.next(reader.vfs).context("walking the copy")? {
        interrupts.check()?;
        match step {
            Step::Directory(name) => {
                back.directories += 1;
                let path = walk.path_of(&name);
                let entered = walk.enter(reader.vfs, name);
                entered.with_context(|| format!("listing {}", Shown(&path)))?;
            }
            Step::Leaf(entry) => {
                reader.open(*walk.here(), &entry.name, walk.path_of(&entry.name))?;
                if reader.batch.len() == BATCH {
                    reader.read_batch(&mut back)?;
                }
            }
            Step::Left(_) => {}
        }
    }
    reader.read_batch(&mut back)?;
    walk.close(vfs);
    Ok(back)
}

struct Opened {
    path: Vec<u8>,
    file: Handle,
    bytes: u64,
}

struct Reader<'a> {
    vfs: &'a mut Vfs,
    way: Way,
    interrupts: &'a Interrupts,
    part: Vec<u8>,
    /// Opened, and not read yet.
    batch: Vec<Opened>,
}

impl Reader<'_> {
    fn open(&mut self, at: Handle, name: &[u8], path: Vec<u8>) -> Result<()> {
        let opened = self.vfs.open_file(&at, name);
        let (file, status) = opened.with_context(|| format!("opening {}", Shown(&path)))?;
        self.batch.push(Opened { path, file, bytes: status.bytes });
        Ok(())
    }

    /// Reads every file of the batch, then every one again, and closes them.
    fn read_batch(&mut self, back: &mut ReadBack) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        let begun = Instant::now();
        let first = self.sums_of(&batch)?;
        let between = Instant::now();
        let again = self.sums_of(&batch)?;
        back.first += between - begun;
        back.again += between.elapsed();
        ensure!(first == again, "reading files again gave other contents");
        for (opened, sum) in batch.into_iter().zip(first) {
            self.vfs.close_file(opened.file)?;
            back.sums.add(&opened.path, sum);
        }
        Ok(())
    }

    fn sums_of(&mut self, batch: &[Opened]) -> Result<Vec<Sum>> {
        let sum = |opened: &Opened| {
            let sum = self.contents(opened.file, opened.bytes);
            sum.with_context(|| format!("reading {}", Shown(&opened.path)))
        };
        batch.iter().map(sum).collect()
    }

    fn contents(&mut self, file: Handle, bytes: u64) -> Result<Sum> {
        let mut sum = FileSum::new();
        let mut offset = 0;
        while offset < bytes {
            self.interrupts.check()?;
            let count = match self.way {
                Way::Read => self.vfs.read(&file, offset, &mut self.part)?,
                Way::ReadGrant => self.grant(file, offset)?,
            };
            ensure!(count > 0, "the file ends at {offset} of {bytes} bytes");
            sum.add(self.part.get(..count).unwrap_or_default());
            offset += count as u64;
        }
        Ok(sum.finish())
    }

    /// Copies granted bytes out, for the checksum; returns how many.
    fn grant(&mut self, file: Handle, offset: u64) -> Result<usize> {
        let part = &mut self.part;
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        let copied = self.vfs.queue.read_grant(file, offset, len, |view| {
            let count = view.read(0, part);
            view.is_current().then_some(count)
        })?;
        copied.context("the file was changed while it was looked at")
    }
}
