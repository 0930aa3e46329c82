//! How services are confined, and what was refused to them, as they say it themselves.
//!
//! A service that is not honest can keep it to itself: it is told so that mistakes and attacks are
//! seen early, and nothing is decided by it.

use crate::init::Init;
use crate::records::SERVICE;
use alloc::format;
use alloc::string::ToString;
use control::message::{Layer, LayerState, Layers, Refused};
use dataplane::log::Level;

impl Init {
    /// A service is about to serve, confined like this. What it says of its limits counts only where
    /// whoever has started it put none in force.
    pub(crate) fn note_confinement(&mut self, place: usize, layers: Layers) {
        self.touch(SERVICE, place as u64);
        let Some(service) = self.services.get_mut(place) else { return };
        let layers =
            [Layer::ControlGroup, Layer::ResourceLimits].into_iter().fold(layers, |all, it| {
                match service.confinement.state(it) {
                    LayerState::NotWanted => all,
                    limited => all.with(it, limited),
                }
            });
        service.confinement = layers;
        let name = service.unit.name.clone();
        for layer in Layer::ALL {
            let why = match layers.state(layer) {
                LayerState::NotWanted | LayerState::InForce => continue,
                LayerState::NotPermitted => "not permitted",
                LayerState::NotInKernel => "not in this kernel",
            };
            let fields = [("service", &*name), ("layer", layer.name()), ("why", why)];
            self.log(Level::Information, format!("service {name} is confined less"), &fields);
        }
    }

    /// A system call was refused to a service.
    pub(crate) fn note_refused(&mut self, place: usize, refused: Refused) {
        self.touch(SERVICE, place as u64);
        let Some(service) = self.services.get_mut(place) else { return };
        service.refused = service.refused.saturating_add(refused.count);
        let name = service.unit.name.clone();
        let (call, count) = (refused.call.to_string(), refused.count.to_string());
        let fields = [("service", &*name), ("call", &*call), ("count", &*count)];
        self.log(Level::Warning, format!("service {name} was refused a system call"), &fields);
    }
}
