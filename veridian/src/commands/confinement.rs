//! How services are confined, for `status`.

use control::message::{Layer, LayerState, Layers, ServiceStatus};
use std::collections::BTreeMap;

/// In a word: `full`, how many of the layers that are wanted hold, or `no`.
pub(super) fn short(layers: Layers) -> String {
    match layers.held_and_wanted() {
        (_, 0) => "no".into(),
        (held, wanted) if held == wanted => "full".into(),
        (held, wanted) => format!("{held}/{wanted}"),
    }
}

/// What became of each layer.
pub(super) fn by_name(layers: Layers) -> BTreeMap<&'static str, &'static str> {
    let named = |layer: Layer| (layer.name(), word(layers.state(layer)));
    Layer::ALL.into_iter().map(named).collect()
}

/// What a service lacks and why, one reason a line, and what was refused to it.
pub(super) fn lacking(status: &ServiceStatus) -> Vec<String> {
    let missing = |state: LayerState, why: &str| {
        let is_so = |layer: &Layer| {
            *layer != Layer::Descriptors && status.confinement.state(*layer) == state
        };
        let names: Vec<_> = Layer::ALL.into_iter().filter(is_so).map(Layer::name).collect();
        let line = format!("{}: not confined by {}: {why}", status.name.as_str(), names.join(", "));
        (!names.is_empty()).then_some(line)
    };
    let has_others = status.confinement.state(Layer::Descriptors) == LayerState::NotPermitted;
    let others = format!("{}: had more open at its start than it was handed", status.name.as_str());
    let refused = format!("{}: {} system calls refused", status.name.as_str(), status.refused);
    [
        missing(LayerState::NotPermitted, "not permitted; it takes root"),
        missing(LayerState::NotInKernel, "this kernel has no such thing"),
        has_others.then_some(others),
        (status.refused != 0).then_some(refused),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const fn word(state: LayerState) -> &'static str {
    match state {
        LayerState::NotWanted => "not wanted",
        LayerState::InForce => "in force",
        LayerState::NotPermitted => "not permitted",
        LayerState::NotInKernel => "not in this kernel",
    }
}
