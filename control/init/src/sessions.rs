//! A session as the broker keeps it: its regions, which outlive both the client and the service.

use crate::records::SavedSession;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use capability::Handle;
use control::message::{Connect, SessionTerms};
use control::service::RegionId;
use dataplane::entry::Errno;
use dataplane::ledger::{self, LedgerError, Remains};
use dataplane::platform::{Access, Doorbells, Memory, MemoryError, NewRegion, Waiting, Writer};
use dataplane::{Descriptor, Region};
use rings::sync::Ordering;
use rings::{CQE_WORDS, Geometry, State, layout};

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The service has been told of it; holds the client's request to be answered.
    Opening { request: u64 },
    /// Both sides use it.
    Open,
    /// The service is letting it go.
    Closing,
    /// The service has ended it, or has died: only the client's side is left.
    Over,
}

pub(crate) struct SessionRecord {
    pub(crate) client: u64,
    pub(crate) capability: Handle,
    pub(crate) terms: SessionTerms,
    pub(crate) phase: Phase,
    /// Regions that the client may map, by grant.
    pub(crate) offered: BTreeMap<u32, RegionId>,
    service: usize,
    geometry: Geometry,
    regions: Regions,
    /// Mapped from the start, because a sealed region cannot be mapped writable later. For reading
    /// only, if it was mapped later nevertheless.
    service_blocks: Region,
    is_writable: bool,
}

struct Regions {
    client: NewRegion,
    service: NewRegion,
    arena: NewRegion,
    ledger: NewRegion,
    doorbell: Descriptor,
}

impl SessionRecord {
    /// Makes the regions of a session.
    pub(crate) fn create(
        (memory, doorbells): (&dyn Memory, &dyn Doorbells),
        (client, capability): (u64, Handle),
        service: usize,
        terms: SessionTerms,
        geometry: Geometry,
        request: u64,
    ) -> Result<Self, MemoryError> {
        let sizes = Sizes::new(&terms, geometry);
        let service_region = memory.create(sizes.service, Writer::Service)?;
        memory.commit(&service_region.writable, 0, service_region.bytes)?;
        let ledger = memory.create(sizes.ledger, Writer::Service)?;
        memory.commit(&ledger.writable, 0, ledger.bytes)?;
        let service_blocks = memory.map(&service_region.writable, Access::ReadWrite)?;
        Ok(Self {
            client,
            capability,
            terms,
            phase: Phase::Opening { request },
            offered: BTreeMap::new(),
            service,
            geometry,
            regions: Regions {
                client: memory.create(sizes.client, Writer::Client)?,
                service: service_region,
                arena: memory.create(sizes.arena, Writer::Client)?,
                ledger,
                doorbell: doorbells.create()?,
            },
            service_blocks,
            is_writable: true,
        })
    }

    /// Takes up a session of an earlier init; nothing if its descriptors are not there.
    pub(crate) fn adopt(
        memory: &dyn Memory,
        saved: SavedSession,
        kept: &[Descriptor],
    ) -> Option<Self> {
        let [writable, read_only, client, arena, ledger, doorbell] = kept else { return None };
        let geometry = Geometry::new(saved.terms.sq_entries, saved.terms.cq_entries).ok()?;
        let sizes = Sizes::new(&saved.terms, geometry);
        let region = |writable: &Descriptor, read_only: &Descriptor, bytes: u64| NewRegion {
            writable: writable.clone(),
            read_only: read_only.clone(),
            bytes: bytes.next_multiple_of(PAGE_BYTES),
        };
        let (service_blocks, is_writable) = match memory.map(writable, Access::ReadWrite) {
            Ok(mapped) => (mapped, true),
            Err(_) => (memory.map(writable, Access::ReadOnly).ok()?, false),
        };
        let offered = saved.offered.into_iter();
        Some(Self {
            client: saved.client,
            capability: saved.capability,
            terms: saved.terms,
            phase: saved.phase,
            offered: offered.map(|(grant, region)| (grant, RegionId(region))).collect(),
            service: saved.service,
            geometry,
            regions: Regions {
                client: region(client, client, sizes.client),
                service: region(writable, read_only, sizes.service),
                arena: region(arena, arena, sizes.arena),
                ledger: region(ledger, ledger, sizes.ledger),
                doorbell: doorbell.clone(),
            },
            service_blocks,
            is_writable,
        })
    }

    /// What the next init needs: service blocks, the same read-only, client blocks, arena, ledger,
    /// doorbell.
    pub(crate) fn for_the_next(&self) -> [Descriptor; 6] {
        let regions = &self.regions;
        [
            regions.service.writable.clone(),
            regions.service.read_only.clone(),
            regions.client.writable.clone(),
            regions.arena.writable.clone(),
            regions.ledger.writable.clone(),
            regions.doorbell.clone(),
        ]
    }

    pub(crate) fn service(&self) -> usize {
        self.service
    }

    /// What the service gets: client blocks, service blocks, arena, ledger, doorbell.
    pub(crate) fn for_service(&self) -> Vec<Descriptor> {
        let regions = &self.regions;
        [&regions.client, &regions.service, &regions.arena, &regions.ledger]
            .map(|region| region.writable.clone())
            .into_iter()
            .chain([regions.doorbell.clone()])
            .collect()
    }

    /// What the client gets: client blocks, service blocks (read-only), arena, doorbell.
    pub(crate) fn for_client(&self) -> Vec<Descriptor> {
        let regions = &self.regions;
        alloc::vec![
            regions.client.writable.clone(),
            regions.service.read_only.clone(),
            regions.arena.writable.clone(),
            regions.doorbell.clone(),
        ]
    }

    /// Bytes of all its regions.
    pub(crate) fn bytes(&self) -> u64 {
        let regions = &self.regions;
        [&regions.client, &regions.service, &regions.arena, &regions.ledger]
            .iter()
            .map(|region| region.bytes)
            .sum()
    }

    /// Gives back the memory of what clients write: one that keeps its descriptors shall not keep
    /// memory that no longer counts as its own. Nobody else uses the session any more.
    pub(crate) fn give_back(&self, memory: &dyn Memory) {
        for region in [&self.regions.client, &self.regions.arena] {
            // Where this cannot be done, the memory goes with the last descriptor.
            let _ = memory.punch(&region.writable, 0, region.bytes);
        }
    }

    /// Tells the client, asleep or not, that no request is served any more. The service must be
    /// gone. Returns the words that somebody else has to store for that, and their offsets in the
    /// service's blocks, in this order: where these cannot be mapped for writing any more.
    pub(crate) fn mark_dead(
        &mut self,
        waiting: &dyn Waiting,
        memory: &dyn Memory,
    ) -> Vec<(u64, u64)> {
        self.phase = Phase::Over;
        let mut left = Vec::new();
        if !self.is_whole(memory) {
            return left;
        }
        for queue in 0..usize::from(self.terms.queues) {
            let start = queue * self.geometry.service_bytes();
            // Cannot fail: the region was made for these queues.
            let Ok(sequence) = self.service_blocks.word(start + layout::SERVICE_WAKE_SEQUENCE)
            else {
                continue;
            };
            let next = sequence.load(Ordering::Relaxed).wrapping_add(1);
            let state = start + layout::SERVICE_STATE;
            if self.is_writable {
                let dead = State::Dead.to_word();
                let _ = self.service_blocks.store(state, dead, Ordering::Release);
                sequence.store(next, Ordering::Release);
                waiting.wake(&sequence);
            } else {
                left.push((state as u64, State::Dead.to_word()));
                left.push(((start + layout::SERVICE_WAKE_SEQUENCE) as u64, next));
            }
        }
        left
    }

    /// Whether the service's blocks still have their size. Where that cannot be sealed, a service that
    /// is not honest could cut them, and whoever touched them would be ended by it.
    fn is_whole(&self, memory: &dyn Memory) -> bool {
        let now = memory.map(&self.regions.service.read_only, Access::ReadOnly);
        now.is_ok_and(|region| region.len() >= self.service_blocks.len())
    }

    /// Whether the service, which must be gone, has completed a request.
    pub(crate) fn has_completed(&self, memory: &dyn Memory) -> bool {
        if !self.is_whole(memory) {
            return false;
        }
        let has_first = |queue: usize| {
            let slot = queue * self.geometry.service_bytes() + layout::SERVICE_SLOTS;
            let lap = self.service_blocks.load(slot + (CQE_WORDS - 1) * 8, Ordering::Relaxed);
            lap.is_ok_and(|word| word != 0)
        };
        (0..usize::from(self.terms.queues)).any(has_first)
    }

    /// What a dead service has left in each queue.
    pub(crate) fn remains(&self, memory: &dyn Memory) -> Result<Vec<Remains>, Errno> {
        let map = |region: &NewRegion| {
            memory.map(&region.writable, Access::ReadOnly).map_err(|_| Errno::ENOMEM)
        };
        let (client, ledger) = (map(&self.regions.client)?, map(&self.regions.ledger)?);
        if !self.is_whole(memory) {
            return Err(Errno::EPROTO);
        }
        let geometry = self.geometry;
        (0..usize::from(self.terms.queues))
            .map(|queue| {
                let part = |region: &Region, bytes: usize| region.view(queue * bytes, bytes);
                ledger::remains(
                    &part(&client, geometry.client_bytes())?,
                    &part(&self.service_blocks, geometry.service_bytes())?,
                    &part(&ledger, ledger::bytes(geometry))?,
                    geometry,
                )
            })
            .collect::<Result<_, LedgerError>>()
            .map_err(|_| Errno::EPROTO)
    }
}

/// Bytes of each region.
pub(crate) struct Sizes {
    client: u64,
    service: u64,
    arena: u64,
    ledger: u64,
}

impl Sizes {
    fn new(terms: &SessionTerms, geometry: Geometry) -> Self {
        Self::of(terms.queues, terms.arena_bytes, geometry)
    }

    pub(crate) fn wished(wish: &Connect, geometry: Geometry) -> Self {
        Self::of(wish.queues, wish.arena_bytes, geometry)
    }

    fn of(queues: u16, arena: u64, geometry: Geometry) -> Self {
        let all = |bytes: usize| bytes as u64 * u64::from(queues);
        Self {
            client: all(geometry.client_bytes()),
            service: all(geometry.service_bytes()),
            arena,
            ledger: all(ledger::bytes(geometry)),
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.client + self.service + self.arena + self.ledger
    }
}
