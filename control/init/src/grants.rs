//! Regions that services grant from, and which session may map which of them.

use crate::sessions::SessionRecord;
use alloc::collections::BTreeMap;
use control::service::RegionId;
use dataplane::entry::Errno;
use dataplane::platform::{Memory, NewRegion, Writer};

/// Most regions of all services together.
const MAX_REGIONS: usize = 65_536;
/// Largest region, bytes; sparse, so this is address space and not memory.
const MAX_REGION_BYTES: u64 = 1 << 40;

struct Record {
    service: usize,
    region: NewRegion,
}

/// The regions of all services.
#[derive(Default)]
pub(crate) struct Grants {
    regions: BTreeMap<RegionId, Record>,
    next: u64,
}

impl Grants {
    pub(crate) fn len(&self) -> usize {
        self.regions.len()
    }

    pub(crate) fn create(
        &mut self,
        memory: &dyn Memory,
        service: usize,
        bytes: u64,
    ) -> Result<(RegionId, NewRegion), Errno> {
        if self.regions.len() >= MAX_REGIONS || bytes > MAX_REGION_BYTES {
            return Err(Errno::EDQUOT);
        }
        let region = memory.create(bytes, Writer::Service).map_err(|_| Errno::ENOMEM)?;
        self.next += 1;
        let id = RegionId(self.next);
        self.regions.insert(id, Record { service, region: region.clone() });
        Ok((id, region))
    }

    pub(crate) fn destroy(&mut self, service: usize, id: RegionId) {
        if self.owned(service, id).is_some() {
            self.regions.remove(&id);
        }
    }

    /// Notes that a session may map a region; only the service that owns both may say so.
    pub(crate) fn offer(
        &self,
        service: usize,
        session: &mut SessionRecord,
        grant: u32,
        id: RegionId,
    ) -> Result<(), Errno> {
        let region = self.owned(service, id).ok_or(Errno::ENOENT)?;
        if session.service() != service {
            return Err(Errno::EPERM);
        }
        session.offered.insert(grant, region.read_only.clone());
        Ok(())
    }

    /// Forgets the regions of a service that is gone.
    pub(crate) fn forget(&mut self, service: usize) {
        self.regions.retain(|_, record| record.service != service);
    }

    fn owned(&self, service: usize, id: RegionId) -> Option<&NewRegion> {
        self.regions.get(&id).filter(|r| r.service == service).map(|record| &record.region)
    }
}
