//! `pread` and `io_uring`: 4 KiB reads of a cached file on ext4, every byte summed.

use std::fs::File;

use anyhow::{Result, ensure};
use rustix::io::pread;

use crate::block::Block;
use crate::contender::Contender;
use crate::env::Env;
use crate::fixtures::{Order, PAGE_BYTES, PageWalk, sum};
use crate::uring::PageReader;

/// A contender whose step is one `pread` for each page at a time.
#[derive(Debug)]
pub struct Pread {
    file: File,
    walk: PageWalk,
    pages_per_step: u32,
}

impl Pread {
    /// Reads the page file on ext4 in this order.
    ///
    /// # Errors
    /// When the machine has no ext4 or it cannot be written.
    pub fn open(env: &Env, order: Order, pages_per_step: u32) -> Result<Self> {
        let file = File::open(env.fixtures.page_file()?)?;
        Ok(Self { file, walk: PageWalk::new(order, env.seed), pages_per_step })
    }
}

impl Contender for Pread {
    fn run(&mut self, block: &mut Block) -> Result<()> {
        let mut page = [0; PAGE_BYTES];
        block.time(|| {
            for _ in 0..self.pages_per_step {
                let offset = self.walk.next_offset();
                ensure!(pread(&self.file, &mut page, offset)? == PAGE_BYTES, "a short read");
                self.walk.check(sum(&page));
            }
            Ok(())
        })?;
        self.walk.verify()
    }
}

/// A contender whose step is as many reads as are in flight at once, by one system call, from a
/// registered file into registered buffers.
pub struct UringRead {
    reader: PageReader,
    walk: PageWalk,
}

impl UringRead {
    /// Reads the page file on ext4 in this order, `depth` pages at once.
    ///
    /// # Errors
    /// When the kernel does not offer io_uring, or the machine has no ext4.
    pub fn open(env: &Env, order: Order, depth: u32) -> Result<Self> {
        let file = File::open(env.fixtures.page_file()?)?;
        let reader = PageReader::new(&file, depth)?;
        Ok(Self { reader, walk: PageWalk::new(order, env.seed) })
    }
}

impl Contender for UringRead {
    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| {
            self.reader.read(|| self.walk.next_offset())?;
            for page in self.reader.pages() {
                self.walk.check(sum(page));
            }
            Ok(())
        })?;
        self.walk.verify()
    }
}
