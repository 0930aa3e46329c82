//! What a client could try in order to write what it may only read. Included by the tests of
//! whole systems too, which contain no `unsafe` of their own.
//!
//! Each attempt says what the kernel answered. A mapping that an attempt makes is gone when it
//! returns, and never touched.
#![expect(unsafe_code, reason = "maps memory and changes its protection as an attacker would")]

use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::ffi::c_void;
use std::ptr;

/// Bytes of a page.
const PAGE: usize = 4096;

/// An attempt by its name, and what came of it.
pub type Attempt = (&'static str, Result<(), Errno>);

/// Tries everything that would write to the file, or make that possible, or change its size.
#[must_use]
pub fn to_write(file: BorrowedFd<'_>) -> Vec<Attempt> {
    let chmod = |file: BorrowedFd<'_>| {
        // Where it is allowed it makes nothing writable: the attempts below show that.
        let _ = rustix::fs::fchmod(file, Mode::RWXU | Mode::RWXG | Mode::RWXO);
        reopened(file, map_writable)
    };
    vec![
        ("write", write(file)),
        ("map for writing", map_writable(file)),
        ("map for reading, then change the protection", map_and_protect(file)),
        ("shrink", rustix::fs::ftruncate(file, 0)),
        ("punch a hole", punch(file)),
        ("reopen and write", reopened(file, write)),
        ("reopen and map for writing", reopened(file, map_writable)),
        ("reopen, map for reading, change the protection", reopened(file, map_and_protect)),
        ("reopen and shrink", reopened(file, |file| rustix::fs::ftruncate(file, 0))),
        ("reopen and punch a hole", reopened(file, punch)),
        ("change the mode, reopen and map for writing", chmod(file)),
    ]
}

fn reopened(
    file: BorrowedFd<'_>,
    attempt: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let writable = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    attempt(writable.as_fd())
}

fn write(file: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::io::pwrite(file, b"x", 0).map(drop)
}

fn punch(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, 0, PAGE as u64)
}

fn map_writable(file: BorrowedFd<'_>) -> Result<(), Errno> {
    map(file, ProtFlags::READ | ProtFlags::WRITE).map(unmap)
}

fn map_and_protect(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let page = map(file, ProtFlags::READ)?;
    // SAFETY: the page is this function's own mapping, and nobody refers to it.
    let changed =
        unsafe { rustix::mm::mprotect(page, PAGE, MprotectFlags::READ | MprotectFlags::WRITE) };
    unmap(page);
    changed
}

fn map(file: BorrowedFd<'_>, protection: ProtFlags) -> Result<*mut c_void, Errno> {
    // SAFETY: a new mapping at an address that the kernel chooses touches no memory of ours.
    unsafe { rustix::mm::mmap(ptr::null_mut(), PAGE, protection, MapFlags::SHARED, file, 0) }
}

fn unmap(page: *mut c_void) {
    // SAFETY: the page is a mapping that was made here, and nobody refers to it.
    let unmapped = unsafe { rustix::mm::munmap(page, PAGE) };
    assert_eq!(unmapped, Ok(()), "a mapping that is ours can be unmapped");
}
