//! Regions: which kind of file each is, and what is checked before one is mapped.
//!
//! | writer | init has a store | it has none |
//! |---|---|---|
//! | client | memfd, size sealed, pages allocated | the same |
//! | service | file of the store | memfd, sealed by the service when it has mapped it |

use super::fork_guard::fork_guard;
use super::handle::{Handle, Origin};
use super::mapping::{Mapping, Prefault};
use super::memfd::{self, SIZE_SEALED};
use super::store::RegionStore;
use dataplane::platform::{Access, Memory, MemoryError, NewRegion, Writer};
use dataplane::{Descriptor, Region, Word};
use rustix::fs::{FallocateFlags, FileType, SealFlags};
use rustix::io::{Errno, retry_on_intr};

/// Regions in memfds, and in a store where there is one.
#[derive(Debug, Default)]
pub(crate) struct LinuxMemory {
    store: Option<RegionStore>,
}

impl LinuxMemory {
    pub(crate) fn new(store: Option<RegionStore>) -> Self {
        Self { store }
    }
}

impl Memory for LinuxMemory {
    fn create(&self, bytes: u64, writer: Writer) -> Result<NewRegion, MemoryError> {
        let bytes =
            bytes.max(1).checked_next_multiple_of(page_bytes()).ok_or(MemoryError::Exhausted)?;
        if writer == Writer::Client && bytes > machine_bytes() {
            return Err(MemoryError::Exhausted);
        }
        let made = match (writer, &self.store) {
            (Writer::Service, Some(store)) => store.add(bytes),
            _ => memfd::create(bytes, writer),
        };
        made.map_err(|_| MemoryError::Exhausted)
    }

    fn map(&self, region: &Descriptor, access: Access) -> Result<Region, MemoryError> {
        let file = Handle::of(region)?;
        let form = Form::of(&file)?;
        if file.origin() == Origin::Stranger && !form.seals.contains(SIZE_SEALED) {
            return Err(MemoryError::Denied);
        }
        let bytes = usize::try_from(form.bytes).map_err(|_| MemoryError::WrongSize)?;
        let mapping = Mapping::of_file(&file, bytes, access, form.prefault())?;
        Ok(mapping.into_region())
    }

    fn commit(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        allocate(region, FallocateFlags::KEEP_SIZE, offset, len)
    }

    fn punch(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        let flags = FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE;
        allocate(region, flags, offset, len)
    }

    fn prefault(&self, region: &Region, offset: usize, len: usize) {
        Mapping::prefault(region, offset, len);
    }

    fn seal(&self, region: &Descriptor) -> Result<(), MemoryError> {
        let file = Handle::of(region)?;
        let form = Form::of(&file)?;
        if form.is_sealable() { memfd::seal(&file) } else { Ok(()) }
    }

    fn fork_guard(&self) -> Result<Word, MemoryError> {
        fork_guard()
    }
}

/// What a region's file is like.
struct Form {
    bytes: u64,
    seals: SealFlags,
}

impl Form {
    /// Fails for whatever cannot be a region: all but files in memory of at least a page.
    fn of(file: &Handle) -> Result<Self, MemoryError> {
        let stat = rustix::fs::fstat(file).map_err(|_| MemoryError::WrongDescriptor)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(MemoryError::WrongDescriptor);
        }
        // Only files in memory have seals.
        let seals = rustix::fs::fcntl_get_seals(file).map_err(|_| MemoryError::WrongDescriptor)?;
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        if bytes == 0 || !bytes.is_multiple_of(page_bytes()) {
            return Err(MemoryError::WrongSize);
        }
        Ok(Self { bytes, seals })
    }

    /// A file of a store has seals, but the one that forbids others; so has a sealed memfd.
    fn is_sealable(&self) -> bool {
        !self.seals.contains(SealFlags::SEAL)
    }

    /// A client's region is allocated whole, others are sparse.
    fn prefault(&self) -> Prefault {
        let of_client =
            self.seals.contains(SIZE_SEALED) && !self.seals.contains(SealFlags::FUTURE_WRITE);
        if of_client { Prefault::Now } else { Prefault::OnTouch }
    }
}

/// Allocates or frees whole pages of a region.
fn allocate(
    region: &Descriptor,
    flags: FallocateFlags,
    offset: u64,
    len: u64,
) -> Result<(), MemoryError> {
    let file = Handle::of(region)?;
    let form = Form::of(&file)?;
    let whole_pages = offset.is_multiple_of(page_bytes()) && len.is_multiple_of(page_bytes());
    let end = offset.checked_add(len);
    if !whole_pages || end.is_none_or(|end| end > form.bytes) {
        return Err(MemoryError::WrongSize);
    }
    if len == 0 {
        return Ok(());
    }
    if flags == FallocateFlags::KEEP_SIZE && len > machine_bytes() {
        return Err(MemoryError::Exhausted);
    }
    let done = retry_on_intr(|| rustix::fs::fallocate(&*file, flags, offset, len));
    done.map_err(|error| match error {
        Errno::NOSPC | Errno::NOMEM | Errno::DQUOT | Errno::FBIG => MemoryError::Exhausted,
        Errno::PERM | Errno::BADF | Errno::ROFS | Errno::OPNOTSUPP => MemoryError::Denied,
        _ => MemoryError::WrongDescriptor,
    })
}

/// All memory there is. To allocate more would not fail: the kernel would end processes first.
fn machine_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.saturating_mul(u64::from(system.mem_unit))
}

fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}
