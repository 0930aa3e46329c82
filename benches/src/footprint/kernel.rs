//! The files in a tmpfs of the kernel.

use std::ffi::CStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
use tempfile::TempDir;

use super::{Files, Memory};
use crate::calls::{DIRECTORY_BYTES, create, for_each_name};
use crate::fixtures::Volume;

/// A directory of a tmpfs, removed with this.
pub(super) struct Tmpfs {
    root: OwnedFd,
    buffer: Vec<MaybeUninit<u8>>,
    _directory: TempDir,
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

impl Tmpfs {
    pub(super) fn open() -> Result<Self> {
        let directory = Volume::Tmpfs.directory()?;
        let root = open(directory.path(), DIRECTORY, Mode::empty())?;
        let buffer = vec![MaybeUninit::uninit(); DIRECTORY_BYTES];
        Ok(Self { root, buffer, _directory: directory })
    }
}

impl Files for Tmpfs {
    type Directory = OwnedFd;

    fn make_directory(&mut self, name: &CStr) -> Result<OwnedFd> {
        mkdirat(&self.root, name, Mode::RWXU)?;
        Ok(openat(&self.root, name, DIRECTORY, Mode::empty())?)
    }

    fn create(&mut self, directory: &OwnedFd, name: &CStr) -> Result<()> {
        Ok(create(directory.as_fd(), name).map(drop)?)
    }

    fn list(&mut self, directory: &OwnedFd) -> Result<u32> {
        let mut listed = 0;
        for_each_name(directory.as_fd(), &mut self.buffer, |name| {
            listed += u32::from(name != b"." && name != b"..");
        })?;
        Ok(listed)
    }

    /// The kernel's small objects, of all file systems: it does not say whose they are.
    fn memory(&self) -> Result<Memory> {
        let info = fs::read_to_string("/proc/meminfo")?;
        let slab = kilobytes(&info, "Slab:").context("no Slab in /proc/meminfo")?;
        Ok(Memory { accounted: None, resident: slab * 1024 })
    }
}

/// The value behind a label in a text of /proc.
pub(super) fn kilobytes(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_label() {
        let text = "Rss:                 100 kB\nPss:                  12 kB\nPss_Dirty:  8 kB\n";
        assert_eq!(kilobytes(text, "Pss:"), Some(12));
        assert_eq!(kilobytes(text, "Slab:"), None);
    }
}
