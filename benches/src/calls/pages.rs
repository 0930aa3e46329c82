//! Reading and writing 4 KiB at random.

use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use rustix::fs::{OFlags, ftruncate, openat};
use rustix::io::{pread, pwrite};

use super::Calls;
use super::place::{PERMISSIONS, Place};
use crate::fixtures::{Order, PAGE_BYTES, PAGES, PageWalk, sum};

/// Whether reads may be answered from the kernel's page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They may, and all of the file is there.
    Cached,
    /// Each goes to the file system (`O_DIRECT`).
    Direct,
}

/// Reading a random page of the page file, every byte summed.
#[derive(Debug)]
pub struct Read {
    file: OwnedFd,
    walk: PageWalk,
}

impl Read {
    /// In this place.
    ///
    /// # Errors
    /// When the file cannot be written, or not be read so.
    pub fn open(place: &Place, way: Way, seed: u64) -> Result<Self> {
        let file = match way {
            Way::Cached => place.open_pages(OFlags::RDONLY)?,
            Way::Direct => place
                .open_pages(OFlags::RDONLY | OFlags::DIRECT)
                .context("the file system has no direct reads")?,
        };
        let mut read = Self { file, walk: PageWalk::new(Order::EachOnce, seed) };
        for _ in 0..PAGES {
            read.page()?;
        }
        Ok(Self { walk: PageWalk::new(Order::Random, seed), ..read })
    }

    fn page(&mut self) -> Result<()> {
        let mut page = [0; PAGE_BYTES];
        let offset = self.walk.next_offset();
        ensure!(pread(&self.file, &mut page, offset)? == PAGE_BYTES, "a short read");
        self.walk.check(sum(&page));
        Ok(())
    }
}

impl Calls for Read {
    fn step(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        self.page()
    }

    fn finish(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        self.walk.verify()
    }
}

/// Writing a random page of a file of 4 MiB.
#[derive(Debug)]
pub struct Write {
    file: OwnedFd,
    random: fastrand::Rng,
    page: [u8; PAGE_BYTES],
    number: u64,
    offset: u64,
}

impl Write {
    /// In this place.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(place: &Place, seed: u64) -> Result<Self> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(place.directory(), c"written", flags, PERMISSIONS)?;
        ftruncate(&file, Self::PAGES * PAGE_BYTES as u64)?;
        let random = fastrand::Rng::with_seed(seed);
        Ok(Self { file, random, page: [0; PAGE_BYTES], number: 0, offset: 0 })
    }

    const PAGES: u64 = 1024;
}

impl Calls for Write {
    fn step(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        self.offset = self.random.u64(0..Self::PAGES) * PAGE_BYTES as u64;
        // No two writes are alike, so that one that is lost can be noticed.
        self.number += 1;
        if let Some(first) = self.page.first_chunk_mut() {
            *first = self.number.to_le_bytes();
        }
        ensure!(pwrite(&self.file, &self.page, self.offset)? == PAGE_BYTES, "a short write");
        Ok(())
    }

    fn finish(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        let mut page = [0; PAGE_BYTES];
        ensure!(pread(&self.file, &mut page, self.offset)? == PAGE_BYTES, "a short read");
        ensure!(page == self.page, "the bytes read are not the bytes written last");
        Ok(())
    }
}
