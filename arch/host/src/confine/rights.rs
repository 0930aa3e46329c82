//! Root's rights: all go but those that the profile needs.

use super::profile::Files;
use caps::{CapSet, Capability, CapsHashSet};
use control::message::LayerState;

/// What it takes to make files for others, and to look into what is theirs: the vfs checks its
/// clients' rights itself.
const FOR_FILES: [Capability; 4] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
];

/// Drops the others, from every set.
pub(super) fn drop_all_but(files: &Files) -> LayerState {
    let kept: CapsHashSet = match files {
        Files::None | Files::Below(_) => CapsHashSet::new(),
        Files::ByDescriptor => {
            let held = caps::read(None, CapSet::Permitted).unwrap_or_default();
            FOR_FILES.into_iter().filter(|it| held.contains(it)).collect()
        }
    };
    // Which can be gained from a program is of no use to who starts none; without root it may not
    // be changed, and is of no use either: no program that is started gains rights.
    for capability in caps::all() {
        if !kept.contains(&capability) {
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    let _ = caps::clear(None, CapSet::Ambient);
    let dropped = caps::set(None, CapSet::Inheritable, &CapsHashSet::new())
        .and_then(|()| caps::set(None, CapSet::Effective, &kept))
        .and_then(|()| caps::set(None, CapSet::Permitted, &kept));
    match dropped {
        Ok(()) => LayerState::InForce,
        Err(_) => LayerState::NotPermitted,
    }
}
