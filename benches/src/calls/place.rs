//! The directory that operations by system calls are measured in, and the files in it.

use std::cell::OnceCell;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::Result;
use rustix::fs::{Mode, OFlags, open, openat};

use crate::fixtures::{Once, made, write_pages};
use crate::names::names;

/// Permissions of what is made.
pub(super) const PERMISSIONS: Mode = Mode::RUSR.union(Mode::WUSR);

/// A directory, whose files are made when first asked for.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    names: Once<()>,
    pages: Once<()>,
}

impl Place {
    /// The directory at a path.
    ///
    /// # Errors
    /// When there is none.
    pub fn at(path: &Path) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let directory = open(path, flags, Mode::empty())?;
        Ok(Self { directory, names: OnceCell::new(), pages: OnceCell::new() })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Makes the files of [`names`], empty.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn make_names(&self) -> Result<()> {
        made(&self.names, || {
            Ok(names().try_for_each(|name| create(self.directory(), &name).map(drop))?)
        })
        .copied()
    }

    /// Opens the page file; it is written the first time.
    ///
    /// # Errors
    /// When it cannot be written, or not be opened so.
    pub fn open_pages(&self, flags: OFlags) -> Result<OwnedFd> {
        made(&self.pages, || {
            let file = create(self.directory(), c"pages")?;
            Ok(write_pages(&mut File::from(file))?)
        })?;
        Ok(openat(&self.directory, c"pages", flags | OFlags::CLOEXEC, Mode::empty())?)
    }
}

/// Makes a file that is not there, and opens it for writing.
///
/// # Errors
/// What the kernel says.
pub fn create(directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(directory, name, flags, PERMISSIONS)
}
