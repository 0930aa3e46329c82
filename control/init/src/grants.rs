//! Regions that services grant from, and which session may map which of them.

use crate::sessions::SessionRecord;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::service::RegionId;
use dataplane::Descriptor;
use dataplane::entry::Errno;
use dataplane::platform::{Memory, NewRegion, Writer};

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
    /// Most regions of all services together.
    pub(crate) const MOST: usize = 65_536;
    /// Most regions of an endpoint.
    pub(crate) const MOST_OF_ENDPOINT: usize = 64;

    pub(crate) fn len(&self) -> usize {
        self.regions.len()
    }

    pub(crate) fn create(
        &mut self,
        memory: &dyn Memory,
        service: usize,
        bytes: u64,
        most: usize,
    ) -> Result<(RegionId, NewRegion), Errno> {
        let of_service = || self.regions.values().filter(|it| it.service == service).count();
        let is_full = most < Self::MOST && of_service() >= most;
        if is_full || self.regions.len() >= Self::MOST || bytes > MAX_REGION_BYTES {
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
        self.owned(service, id).ok_or(Errno::ENOENT)?;
        if session.service() != service {
            return Err(Errno::EPERM);
        }
        session.offered.insert(grant, id);
        Ok(())
    }

    /// Forgets the regions of a service that is gone; returns which they were.
    pub(crate) fn forget(&mut self, service: usize) -> Vec<u64> {
        let is_its_own = |_: &RegionId, record: &mut Record| record.service == service;
        self.regions.extract_if(.., is_its_own).map(|(id, _)| id.0).collect()
    }

    /// What a client maps of a region.
    pub(crate) fn read_only(&self, id: RegionId) -> Option<Descriptor> {
        self.regions.get(&id).map(|record| record.region.read_only.clone())
    }

    /// All regions.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> {
        self.regions.keys().map(|id| id.0)
    }

    /// The number of the last region.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Numbers further regions behind those of an earlier init.
    pub(crate) fn go_on_from(&mut self, next: u64) {
        self.next = next;
    }

    /// Whose a region is, and its size in bytes.
    pub(crate) fn record(&self, id: u64) -> Option<(u64, u64)> {
        let record = self.regions.get(&RegionId(id))?;
        Some((record.service as u64, record.region.bytes))
    }

    /// Takes up a region of an earlier init; false if its descriptors are not there.
    pub(crate) fn adopt(
        &mut self,
        id: u64,
        service: usize,
        bytes: u64,
        kept: &[Descriptor],
    ) -> bool {
        let [writable, read_only] = kept else { return false };
        let (writable, read_only) = (writable.clone(), read_only.clone());
        let region = NewRegion { writable, read_only, bytes };
        self.regions.insert(RegionId(id), Record { service, region });
        true
    }

    fn owned(&self, service: usize, id: RegionId) -> Option<&NewRegion> {
        self.regions.get(&id).filter(|r| r.service == service).map(|record| &record.region)
    }
}
