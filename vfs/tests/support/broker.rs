//! A broker that keeps count, takes its time, and panics when a service misuses it.

use super::machine::FakeMemory;
use super::pause;
use control::service::{Broker, BrokeredRegion, LocalFuture, RegionId};
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::platform::{Access, Memory, Writer};
use dataplane::{Descriptor, Region, SessionId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The broker.
pub(crate) struct FakeBroker {
    memory: Arc<FakeMemory>,
    state: Rc<RefCell<State>>,
    /// Whether no region can be had.
    pub(crate) exhausted: Cell<bool>,
}

#[derive(Default)]
struct State {
    made: u64,
    regions: BTreeMap<RegionId, Descriptor>,
    offers: BTreeMap<(SessionId, u32), RegionId>,
    /// All regions ever made, as a hostile client keeps its mappings.
    ever: Vec<Descriptor>,
}

impl FakeBroker {
    pub(crate) fn new(memory: &Arc<FakeMemory>) -> Self {
        Self { memory: Arc::clone(memory), state: Rc::default(), exhausted: Cell::new(false) }
    }

    /// Maps a region as the client of a session does, if it is offered.
    pub(crate) fn map(&self, session: SessionId, grant: u32) -> Option<Region> {
        let state = self.state.borrow();
        let id = state.offers.get(&(session, grant))?;
        let descriptor = &state.regions[id];
        Some(self.memory.map(descriptor, Access::ReadOnly).unwrap())
    }

    /// Regions, and offers of them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.borrow();
        (state.regions.len(), state.offers.len())
    }

    /// Regions ever made.
    pub(crate) fn made(&self) -> u64 {
        self.state.borrow().made
    }

    /// Pages of all regions that there is memory for; checks that no others were touched.
    pub(crate) fn committed(&self) -> usize {
        let state = self.state.borrow();
        let regions = state.ever.iter().map(FakeMemory::region);
        regions
            .map(|region| {
                region.check();
                region.committed()
            })
            .sum()
    }
}

impl Broker for FakeBroker {
    fn create_region(&self, bytes: u64) -> LocalFuture<'static, Result<BrokeredRegion, Errno>> {
        let (state, memory) = (Rc::clone(&self.state), Arc::clone(&self.memory));
        let exhausted = self.exhausted.get();
        Box::pin(async move {
            pause().await;
            if exhausted {
                return Err(Errno::ENOMEM);
            }
            let region = memory.create(bytes, Writer::Service).unwrap();
            let mut state = state.borrow_mut();
            state.made += 1;
            let id = RegionId(state.made);
            state.regions.insert(id, region.writable.clone());
            state.ever.push(region.writable.clone());
            Ok(BrokeredRegion { id, descriptor: region.writable, bytes: region.bytes })
        })
    }

    fn destroy_region(&self, region: RegionId) {
        let mut state = self.state.borrow_mut();
        assert!(
            !state.offers.values().any(|offered| *offered == region),
            "destroyed while offered"
        );
        let destroyed = state.regions.remove(&region);
        assert!(destroyed.is_some(), "destroyed twice");
    }

    fn offer(&self, session: SessionId, grant: u32, region: RegionId) {
        let mut state = self.state.borrow_mut();
        assert!(state.regions.contains_key(&region), "offered after its end");
        let before = state.offers.insert((session, grant), region);
        assert!(before.is_none(), "grant {grant} offered twice");
    }

    fn log(&self, _: Level, _: &dyn std::fmt::Display, _: &[(&str, &str)]) {}

    fn withdraw(&self, session: SessionId, grant: u32) {
        let withdrawn = self.state.borrow_mut().offers.remove(&(session, grant));
        assert!(withdrawn.is_some(), "withdrew what was not offered");
    }
}
