//! Copies a tree of the host into the vfs, and adds up what it read.

use super::choose::Choice;
use super::sums::{FileSum, TreeSums};
use crate::place::Shown;
use crate::signals::Interrupts;
use crate::tree::{Copied, Copier, Count, Doing, Host, Kept, Limit, Side, Skip, Vfs, Watcher};
use anyhow::{Context, Error, Result};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// What was copied, and what was not.
pub(super) struct Loaded {
    /// What was.
    pub(super) copied: Copied,
    /// Checksums of what was read.
    pub(super) sums: TreeSums,
    /// What was left out.
    pub(super) skipped: Skipped,
    /// Whether the limit ended it.
    pub(super) is_part: bool,
    /// How long it took.
    pub(super) took: Duration,
}

/// What of a tree was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    /// Symbolic links.
    pub(super) symlinks: u64,
    /// Devices, pipes, sockets.
    pub(super) special: u64,
    /// Files and directories that this user may not read, or that changed meanwhile.
    pub(super) unreadable: u64,
}

/// Copies the chosen tree to a new directory of the vfs.
pub(super) fn load(
    choice: &Choice,
    vfs: &mut Vfs,
    to: &[u8],
    interrupts: &Interrupts,
) -> Result<Loaded> {
    let start = Instant::now();
    let from = Host
        .directory_at(choice.path.as_os_str().as_bytes())
        .with_context(|| format!("opening {}", choice.path.display()))?;
    let root = vfs.root;
    vfs.make_directory(&root, to, 0o755).context("making a directory in the vfs")?;
    let to = vfs.directory_at(to).context("opening a directory in the vfs")?;
    let mut loading = Loading::new(choice.limit, interrupts);
    let mut host = Host;
    let mut copier = Copier::new(&mut host, vfs, &mut loading, Kept::Files);
    let ended = copier.tree(from, to, None);
    let copied = copier.copied();
    let is_part = match ended {
        Ok(()) => false,
        Err(error) if error.is::<Enough>() => true,
        Err(error) => return Err(explain(error, copied)),
    };
    let (sums, skipped) = (loading.sums, loading.skipped);
    Ok(Loaded { copied, sums, skipped, is_part, took: start.elapsed() })
}

/// Says what to do about a vfs that is full.
fn explain(error: Error, copied: Copied) -> Error {
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_none_or(|error| error.kind() != io::ErrorKind::StorageFull) {
        return error;
    }
    error.context(format!(
        "the tree does not fit into the memory budget of the vfs, which was full after {} files \
         and {} bytes; name a smaller tree",
        copied.files, copied.bytes
    ))
}

struct Loading<'a> {
    limit: Limit,
    interrupts: &'a Interrupts,
    seen: Count,
    file: FileSum,
    sums: TreeSums,
    skipped: Skipped,
}

impl<'a> Loading<'a> {
    fn new(limit: Limit, interrupts: &'a Interrupts) -> Self {
        Self {
            limit,
            interrupts,
            seen: Count::default(),
            file: FileSum::new(),
            sums: TreeSums::default(),
            skipped: Skipped::default(),
        }
    }
}

impl Watcher for Loading<'_> {
    fn begins(&mut self, _: &[u8]) -> Result<()> {
        self.interrupts.check()?;
        let next = Count { files: self.seen.files + 1, ..self.seen };
        if !self.limit.holds(next) {
            return Err(Enough.into());
        }
        self.file = FileSum::new();
        Ok(())
    }

    fn moves(&mut self, bytes: &[u8]) -> Result<()> {
        self.interrupts.check()?;
        self.file.add(bytes);
        Ok(())
    }

    fn ends(&mut self, path: &[u8], bytes: u64) -> Result<()> {
        self.seen.files += 1;
        self.seen.bytes += bytes;
        self.sums.add(path, self.file.finish());
        Ok(())
    }

    fn skips(&mut self, _: &[u8], why: Skip) -> Result<()> {
        match why {
            Skip::Symlink => self.skipped.symlinks += 1,
            Skip::Fifo | Skip::Socket | Skip::Device => self.skipped.special += 1,
            // They are not asked for.
            Skip::Xattrs => {}
        }
        Ok(())
    }

    fn fails(&mut self, path: &[u8], doing: Doing, error: io::Error) -> Result<()> {
        match doing {
            Doing::Reading => {
                self.skipped.unreadable += 1;
                Ok(())
            }
            Doing::Writing => {
                Err(Error::new(error).context(format!("copying {} into the vfs", Shown(path))))
            }
        }
    }
}

/// The limit is reached.
#[derive(Clone, Copy, Debug)]
struct Enough;

impl fmt::Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enough was copied")
    }
}

impl std::error::Error for Enough {}
