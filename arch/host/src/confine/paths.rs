//! What may be done below which path, by Landlock: as much as this kernel has of it.
//!
//! A kernel without Landlock, or with an old one, lets more through; the other layers stay.

use super::profile::Files;
use control::message::LayerState;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest that the rules below were written for.
const KNOWN: ABI = ABI::V6;

/// Restricts this process.
pub(super) fn restrict(files: &Files) -> LayerState {
    match attempt(files) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => LayerState::InForce,
        Ok(RulesetStatus::NotEnforced) => LayerState::NotInKernel,
        Err(_) => LayerState::NotPermitted,
    }
}

fn attempt(files: &Files) -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?;
    let created = match files {
        Files::None => ruleset.handle_access(AccessFs::from_all(KNOWN))?.create()?,
        Files::Below(directory) => {
            let ruleset = ruleset.handle_access(AccessFs::from_all(KNOWN))?.create()?;
            ruleset.add_rule(PathBeneath::new(directory, own_files()))?
        }
        // Landlock looks at where a file is also when it is reached from a descriptor, so where
        // directories are handed over later it cannot be said which; and where it handles anything
        // about files, none can be moved from one directory to another without a rule for both.
        Files::ByDescriptor => ruleset.create()?,
    };
    Ok(created.restrict_self()?.ruleset)
}

/// What a service does in its own directory.
fn own_files() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Refer
        | AccessFs::Truncate
}
