//! Names and attributes.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use anyhow::{Result, ensure};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, openat, seek, statat, unlinkat,
};

use super::Calls;
use super::place::{Place, create};
use crate::names::{NAMES, NewNames, PREFIX, RandomNames};

/// How much of a listing is asked for at once: as much as the C library does.
pub const DIRECTORY_BYTES: usize = 32 << 10;

/// Attributes of a random one of 10,000 names.
#[derive(Debug)]
pub struct Stat(RandomNames);

impl Stat {
    /// In this place.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn open(place: &Place, seed: u64) -> Result<Self> {
        place.make_names()?;
        Ok(Self(RandomNames::new(seed)))
    }
}

impl Calls for Stat {
    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        let found = statat(directory, self.0.draw(), AtFlags::empty())?;
        ensure!(FileType::from_raw_mode(found.st_mode).is_file(), "a file has become another kind");
        Ok(())
    }
}

/// Opening and closing a random one of 10,000 names.
#[derive(Debug)]
pub struct OpenClose(RandomNames);

impl OpenClose {
    /// In this place.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn open(place: &Place, seed: u64) -> Result<Self> {
        place.make_names()?;
        Ok(Self(RandomNames::new(seed)))
    }
}

impl Calls for OpenClose {
    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        drop(openat(directory, self.0.draw(), flags, Mode::empty())?);
        Ok(())
    }
}

/// Listing all of 10,000 names, through a descriptor that is open.
#[derive(Debug)]
pub struct List {
    buffer: Vec<MaybeUninit<u8>>,
}

impl List {
    /// In this place.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn open(place: &Place) -> Result<Self> {
        place.make_names()?;
        Ok(Self { buffer: vec![MaybeUninit::uninit(); DIRECTORY_BYTES] })
    }
}

impl Calls for List {
    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        let mut listed = 0;
        for_each_name(directory, &mut self.buffer, |name| {
            listed += u32::from(name.starts_with(PREFIX));
        })?;
        ensure!(listed == NAMES, "{listed} of {NAMES} names were listed");
        Ok(())
    }
}

/// Calls `each` for every name of a directory, from its start.
///
/// # Errors
/// What the kernel says.
pub fn for_each_name(
    directory: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
    mut each: impl FnMut(&[u8]),
) -> rustix::io::Result<()> {
    seek(directory, SeekFrom::Start(0))?;
    let mut entries = RawDir::new(directory, buffer);
    while let Some(entry) = entries.next() {
        each(entry?.file_name().to_bytes());
    }
    Ok(())
}

/// Making an empty file and closing it, beside 10,000 others. Removed after the block.
#[derive(Debug, Default)]
pub struct Create(NewNames);

impl Create {
    /// In this place.
    ///
    /// # Errors
    /// When the files beside them cannot be made.
    pub fn open(place: &Place) -> Result<Self> {
        place.make_names()?;
        Ok(Self::default())
    }
}

impl Calls for Create {
    fn prepare(&mut self, _directory: BorrowedFd<'_>, steps: u64) -> Result<()> {
        self.0.start(steps)?;
        Ok(())
    }

    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        drop(create(directory, self.0.take()?)?);
        Ok(())
    }

    fn finish(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        let mut used = self.0.used().iter();
        Ok(used.try_for_each(|name| unlinkat(directory, name, AtFlags::empty()))?)
    }
}

/// Removing an empty file, beside 10,000 others. Made before the block.
#[derive(Debug, Default)]
pub struct Unlink(NewNames);

impl Unlink {
    /// In this place.
    ///
    /// # Errors
    /// When the files beside them cannot be made.
    pub fn open(place: &Place) -> Result<Self> {
        place.make_names()?;
        Ok(Self::default())
    }
}

impl Calls for Unlink {
    fn prepare(&mut self, directory: BorrowedFd<'_>, steps: u64) -> Result<()> {
        let mut names = self.0.start(steps)?.iter();
        Ok(names.try_for_each(|name| create(directory, name).map(drop))?)
    }

    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        Ok(unlinkat(directory, self.0.take()?, AtFlags::empty())?)
    }
}

/// Making an empty file, closing it and removing it, beside 10,000 others.
#[derive(Debug, Default)]
pub struct CreateUnlink(NewNames);

impl CreateUnlink {
    /// In this place.
    ///
    /// # Errors
    /// When the files beside them cannot be made.
    pub fn open(place: &Place) -> Result<Self> {
        place.make_names()?;
        Ok(Self::default())
    }
}

impl Calls for CreateUnlink {
    fn prepare(&mut self, _directory: BorrowedFd<'_>, steps: u64) -> Result<()> {
        self.0.start(steps)?;
        Ok(())
    }

    fn step(&mut self, directory: BorrowedFd<'_>) -> Result<()> {
        let name = self.0.take()?;
        drop(create(directory, name)?);
        Ok(unlinkat(directory, name, AtFlags::empty())?)
    }
}
