//! All layers, in the order in which one lets the next be made.

use super::filter::{self, FilterError};
use super::handed::Handed;
use super::profile::{Files, Profile};
use super::{apart, paths, refusals, rights};
use crate::hostfs;
use control::message::{Layer, LayerState, Layers, Refused};
use control::platform::Confinement;
use libc::c_long;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt;
use std::fs;

/// Why a process is not confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfineError {
    /// It has more than one thread, of which the others would stay as they are.
    Threads,
    /// Its list of system calls cannot be put in force, though the kernel has such lists.
    SystemCalls,
}

impl fmt::Display for ConfineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads => "cannot be confined: it has several threads already",
            Self::SystemCalls => "cannot be confined: the kernel refuses its list of system calls",
        })
    }
}

impl std::error::Error for ConfineError {}

/// The confinement of this process.
#[derive(Clone, Copy, Debug)]
pub struct Confined {
    layers: Layers,
}

impl Confinement for Confined {
    fn layers(&self) -> Layers {
        self.layers
    }

    fn take_refused(&self) -> Option<Refused> {
        refusals::take()
    }
}

/// Confines this process for good, as far as it may and the kernel can. `without`: system calls that
/// it is denied though the profile has them; for tests.
///
/// # Errors
/// [`ConfineError`]; the process must not serve then.
pub fn confine(
    profile: &Profile,
    handed: Handed,
    without: &[c_long],
) -> Result<Confined, ConfineError> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if line("Threads:") != Some("1") {
        return Err(ConfineError::Threads);
    }
    // A kernel that has lists of system calls says whether one is in force.
    let has_filters = line("Seccomp:").is_some();
    let mut layers = Layers::default();
    layers = layers.with(
        Layer::Descriptors,
        match handed.only_expected() {
            Some(true) => LayerState::InForce,
            Some(false) | None => LayerState::NotPermitted,
        },
    );
    if let Some(most) = profile.descriptors {
        layers = layers.with(Layer::ResourceLimits, limit_descriptors(most));
    }
    layers = layers.with(
        Layer::NoNewPrivileges,
        match rustix::thread::set_no_new_privs(true) {
            Ok(()) => LayerState::InForce,
            Err(_) => LayerState::NotInKernel,
        },
    );
    layers = apart::move_apart(layers);
    if matches!(profile.files, Files::ByDescriptor) {
        hostfs::prepare(layers.state(Layer::Mounts) == LayerState::InForce);
    }
    layers = layers.with(Layer::Capabilities, rights::drop_all_but(&profile.files));
    layers = layers.with(Layer::Paths, paths::restrict(&profile.files));
    let calls = match filter::install(profile, without) {
        Ok(()) => LayerState::InForce,
        Err(FilterError::Refused) if !has_filters => LayerState::NotInKernel,
        Err(FilterError::Build | FilterError::Refused) => return Err(ConfineError::SystemCalls),
    };
    Ok(Confined { layers: layers.with(Layer::SystemCalls, calls) })
}

fn limit_descriptors(most: u64) -> LayerState {
    let limits = getrlimit(Resource::Nofile);
    let most = limits.maximum.map_or(most, |maximum| most.min(maximum));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) }) {
        Ok(()) => LayerState::InForce,
        Err(_) => LayerState::NotPermitted,
    }
}
