//! Reading and writing a file of 64 MiB from its start to its end, 128 KiB at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use anyhow::{Result, ensure};
use rustix::fs::{OFlags, ftruncate, openat};
use rustix::io::{pread, pwrite};

use super::Calls;
use super::place::{PERMISSIONS, Place};
use crate::fixtures::{PAGE_BYTES, PAGES};

/// Bytes of a step.
const PART: usize = 128 << 10;
/// The same, as offsets are counted.
const PART_BYTES: u64 = PART as u64;
/// Bytes of the file.
const FILE_BYTES: u64 = PAGES * PAGE_BYTES as u64;

/// Reading the page file; it is opened anew for each pass, as a program does that reads it once.
#[derive(Debug)]
pub struct ReadOn {
    place: Rc<Place>,
    file: OwnedFd,
    offset: u64,
    buffer: Vec<u8>,
}

impl ReadOn {
    /// In this place.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(place: &Rc<Place>) -> Result<Self> {
        let file = place.open_pages(OFlags::RDONLY)?;
        Ok(Self { place: Rc::clone(place), file, offset: 0, buffer: vec![0; PART] })
    }
}

impl Calls for ReadOn {
    fn step(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        if self.offset == FILE_BYTES {
            self.file = self.place.open_pages(OFlags::RDONLY)?;
            self.offset = 0;
        }
        let read = pread(&self.file, &mut self.buffer[..], self.offset)?;
        ensure!(read == PART, "a short read");
        // The words of the file count from 0: one of each page is looked at.
        for (page, start) in
            self.buffer.chunks_exact(PAGE_BYTES).zip((self.offset..).step_by(PAGE_BYTES))
        {
            let word = page.first_chunk().map(|word| u64::from_le_bytes(*word));
            ensure!(word == Some(start / 8), "the bytes read are not the bytes written");
        }
        self.offset += PART_BYTES;
        Ok(())
    }
}

/// Writing a file, which is cut to nothing before each pass.
#[derive(Debug)]
pub struct WriteOn {
    file: OwnedFd,
    offset: u64,
    number: u64,
    part: Vec<u8>,
}

impl WriteOn {
    /// In this place.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(place: &Place) -> Result<Self> {
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(place.directory(), c"stream", flags, PERMISSIONS)?;
        Ok(Self { file, offset: 0, number: 0, part: vec![0; PART] })
    }
}

impl Calls for WriteOn {
    fn step(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        if self.offset == FILE_BYTES {
            ftruncate(&self.file, 0)?;
            self.offset = 0;
        }
        self.number += 1;
        if let Some(first) = self.part.first_chunk_mut() {
            *first = self.number.to_le_bytes();
        }
        ensure!(pwrite(&self.file, &self.part, self.offset)? == PART, "a short write");
        self.offset += PART_BYTES;
        Ok(())
    }

    fn finish(&mut self, _directory: BorrowedFd<'_>) -> Result<()> {
        let mut first = [0; 8];
        let at = self.offset - PART_BYTES;
        ensure!(pread(&self.file, &mut first, at)? == first.len(), "a short read");
        ensure!(
            first == self.number.to_le_bytes(),
            "the bytes read are not the bytes written last"
        );
        Ok(())
    }
}

impl Drop for WriteOn {
    fn drop(&mut self) {
        // What it takes of memory is not for the contenders that follow.
        let _ = ftruncate(self.file.as_fd(), 0);
    }
}
