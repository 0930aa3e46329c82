//! Reads a whole tree of the vfs back, by one of the two ways to read.

use super::sums::{FileSum, TreeSums};
use crate::place::Shown;
use crate::signals::Interrupts;
use crate::tree::{Side, Status, Step, Vfs, Walk};
use anyhow::{Context, Result, ensure};
use dataplane::entry::Handle;
use std::time::{Duration, Instant};

/// Bytes read at once.
const PART: usize = 256 * 1024;

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
    /// How long it took.
    pub(super) took: Duration,
}

/// Reads everything below a directory.
pub(super) fn read_back(
    vfs: &mut Vfs,
    top: &[u8],
    way: Way,
    interrupts: &Interrupts,
) -> Result<ReadBack> {
    let start = Instant::now();
    let mut sums = TreeSums::default();
    let mut directories = 1;
    let mut part = vec![0; PART];
    let top = vfs.directory_at(top).context("opening the copy")?;
    let mut walk = Walk::new(vfs, top).context("listing the copy")?;
    while let Some(step) = walk.next(vfs).context("walking the copy")? {
        interrupts.check()?;
        match step {
            Step::Directory(name) => {
                directories += 1;
                let path = walk.path_of(&name);
                let entered = walk.enter(vfs, name);
                entered.with_context(|| format!("listing {}", Shown(&path)))?;
            }
            Step::Leaf(entry) => {
                let path = walk.path_of(&entry.name);
                let sum = read_file(vfs, *walk.here(), &entry.name, way, interrupts, &mut part);
                sums.add(&path, &sum.with_context(|| format!("reading {}", Shown(&path)))?);
            }
            Step::Left(_) => {}
        }
    }
    walk.close(vfs);
    Ok(ReadBack { sums, directories, took: start.elapsed() })
}

fn read_file(
    vfs: &mut Vfs,
    at: Handle,
    name: &[u8],
    way: Way,
    interrupts: &Interrupts,
    part: &mut [u8],
) -> Result<FileSum> {
    let (file, status) = vfs.open_file(&at, name)?;
    let sum = contents(vfs, file, &status, way, interrupts, part);
    vfs.close_file(file)?;
    sum
}

fn contents(
    vfs: &mut Vfs,
    file: Handle,
    status: &Status,
    way: Way,
    interrupts: &Interrupts,
    part: &mut [u8],
) -> Result<FileSum> {
    let mut sum = FileSum::new();
    let mut offset = 0;
    while offset < status.bytes {
        interrupts.check()?;
        let count = match way {
            Way::Read => vfs.read(&file, offset, part)?,
            Way::ReadGrant => grant(vfs, file, offset, part)?,
        };
        ensure!(count > 0, "the file ends at {offset} of {} bytes", status.bytes);
        sum.add(part.get(..count).unwrap_or_default());
        offset += count as u64;
    }
    Ok(sum)
}

/// Copies granted bytes out, for the checksum; returns how many.
fn grant(vfs: &mut Vfs, file: Handle, offset: u64, part: &mut [u8]) -> Result<usize> {
    let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
    let copied = vfs.queue.read_grant(file, offset, len, |view| {
        let count = view.read(0, part);
        view.is_current().then_some(count)
    })?;
    copied.context("the file was changed while it was looked at")
}
