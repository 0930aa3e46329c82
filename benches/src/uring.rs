//! The few io_uring operations that the peers use, safely.
//!
//! The ring is set up as its documentation recommends for one thread that submits and waits:
//! completions are run when that thread asks for them.

#![expect(unsafe_code, reason = "the kernel is handed pointers to buffers")]

use std::fs::File;
use std::os::fd::AsRawFd;

use anyhow::{Result, ensure};
use io_uring::types::Fixed;
use io_uring::{IoUring, opcode, squeue};

use crate::fixtures::PAGE_BYTES;

/// A ring of one thread.
pub struct Uring(IoUring);

impl Uring {
    /// A ring with room for `depth` operations at once.
    ///
    /// # Errors
    /// When the kernel does not offer io_uring, or not to this user.
    pub fn new(depth: u32) -> Result<Self> {
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(depth)?;
        Ok(Self(ring))
    }

    /// Does `count` NOPs by one system call.
    ///
    /// # Errors
    /// When `count` is above the depth, or a NOP fails.
    pub fn nops(&mut self, count: u32) -> Result<()> {
        for number in 0..count {
            let nop = opcode::Nop::new().build().user_data(u64::from(number));
            // SAFETY: a NOP has no operands.
            unsafe { self.0.submission().push(&nop) }?;
        }
        self.submit_and_collect(count, 0)
    }

    /// Submits what was pushed and collects as many completions, each with this result.
    fn submit_and_collect(&mut self, count: u32, expected: i32) -> Result<()> {
        self.0.submit_and_wait(usize::try_from(count)?)?;
        let mut collected = 0;
        for completion in self.0.completion() {
            ensure!(completion.result() == expected, "io_uring: {}", completion.result());
            collected += 1;
        }
        ensure!(collected == count, "io_uring completed {collected} of {count} operations");
        Ok(())
    }
}

/// Reads pages of one registered file into registered buffers.
pub struct PageReader {
    // Before the buffers: the kernel may write to them until the ring is gone.
    uring: Uring,
    pages: Box<[[u8; PAGE_BYTES]]>,
}

impl PageReader {
    /// A reader of `depth` pages at once.
    ///
    /// # Errors
    /// When the kernel does not offer io_uring, or the memory to register.
    pub fn new(file: &File, depth: u32) -> Result<Self> {
        let uring = Uring::new(depth)?;
        let mut pages = vec![[0; PAGE_BYTES]; usize::try_from(depth)?].into_boxed_slice();
        let submitter = uring.0.submitter();
        submitter.register_files(&[file.as_raw_fd()])?;
        let buffers: Vec<libc::iovec> = pages
            .iter_mut()
            .map(|page| libc::iovec { iov_base: page.as_mut_ptr().cast(), iov_len: PAGE_BYTES })
            .collect();
        // SAFETY: the buffers are on the heap, are not moved, and are dropped after the ring.
        unsafe { submitter.register_buffers(&buffers) }?;
        Ok(Self { uring, pages })
    }

    /// Fills every page from the offset that `offset` gives for it.
    ///
    /// # Errors
    /// When a read fails or is short.
    pub fn read(&mut self, mut offset: impl FnMut() -> u64) -> Result<()> {
        let length = u32::try_from(PAGE_BYTES)?;
        let mut count = 0;
        for (index, page) in (0..).zip(&mut self.pages) {
            let read: squeue::Entry =
                opcode::ReadFixed::new(Fixed(0), page.as_mut_ptr(), length, index)
                    .offset(offset())
                    .build();
            // SAFETY: the buffer is registered, as long as said, and not touched until
            // `submit_and_collect` has seen its completion; if that fails, the run ends.
            unsafe { self.uring.0.submission().push(&read) }?;
            count += 1;
        }
        self.uring.submit_and_collect(count, i32::try_from(length)?)
    }

    /// The pages as last read.
    pub fn pages(&self) -> impl Iterator<Item = &[u8; PAGE_BYTES]> {
        self.pages.iter()
    }
}
