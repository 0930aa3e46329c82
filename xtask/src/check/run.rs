//! Runs every rule over a workspace and prints what they found.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::policy::{POLICY, Policy};
use super::tree::Tree;
use super::violation::Findings;
use super::{dependencies, folders, imports, length, manifests, target_cfg, unsafe_code};

/// Checks the workspace at `root` against the policy; broken rules fail the command.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    Ok(if passes(root)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what the rules find in the workspace at `root`, and says whether all of them hold.
pub(crate) fn passes(root: &Path) -> Result<bool> {
    let found = findings(root, &POLICY)?;
    for warning in &found.warnings {
        println!("warning: {warning}");
    }
    for violation in &found.violations {
        println!("{violation}");
    }
    match found.violations.len() {
        0 => println!("check: every rule holds"),
        count => println!("check: {count} violations"),
    }
    Ok(found.violations.is_empty())
}

/// What the rules find in the workspace at `root`, sorted by file and line.
pub(crate) fn findings(root: &Path, policy: &Policy) -> Result<Findings> {
    let tree = Tree::read(root)?;
    let packages = manifests::read(root, &tree.crate_folders)?;
    let mut found = Findings::default();
    folders::check(&tree, policy, &mut found.violations);
    imports::check(&packages, policy, &mut found.violations);
    dependencies::check(root, &packages, &mut found.violations);
    unsafe_code::check(&tree, policy, &mut found.violations);
    target_cfg::check(&tree, &packages, policy, &mut found.violations);
    length::check(&tree, policy, &mut found.warnings);
    found.violations.sort();
    Ok(found)
}
