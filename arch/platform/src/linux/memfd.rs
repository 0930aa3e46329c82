//! Regions as memfds, which are anonymous files with seals.
//!
//! A client's region is sealed before anybody sees it, so its size never changes. A service's
//! region, where there is no [`store`](super::store), is sealed by the service once it has mapped
//! it for writing: from then on nobody can map it so, which includes the service's successor.

use super::handle::{Handle, Origin};
use dataplane::platform::{MemoryError, NewRegion, Writer};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::{Errno, retry_on_intr};
use std::sync::Arc;

/// The name in `/proc/PID/maps`.
const NAME: &str = "region";

/// Nobody can change the size any more.
pub(crate) const SIZE_SEALED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Makes a region of `bytes`, whole pages.
pub(crate) fn create(bytes: u64, writer: Writer) -> rustix::io::Result<NewRegion> {
    let file = new_file()?;
    rustix::fs::ftruncate(&file, bytes)?;
    if writer == Writer::Client {
        retry_on_intr(|| rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes))?;
        rustix::fs::fcntl_add_seals(&file, SIZE_SEALED | SealFlags::SEAL)?;
    }
    let read_only = reopen_read_only(&file)?;
    Ok(NewRegion {
        writable: Handle::new(file, Origin::System),
        read_only: Handle::new(read_only, Origin::System),
        bytes,
    })
}

/// Makes sure that no writable mapping can be made any more, and the size stays.
pub(crate) fn seal(file: &Arc<Handle>) -> Result<(), MemoryError> {
    let seals = SIZE_SEALED | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&**file, seals).map_err(|error| match error {
        Errno::PERM | Errno::BADF => MemoryError::Denied,
        _ => MemoryError::WrongDescriptor,
    })
}

fn new_file() -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know this flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create(NAME, flags),
        made => made,
    }
}

fn reopen_read_only(file: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}
