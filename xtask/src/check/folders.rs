//! The rule of folders: the tree is the architecture diagram, so its top holds nothing else.

use super::policy::Policy;
use super::tree::Tree;
use super::violation::Violation;

/// Reports folders at the top that the policy does not list.
pub(crate) fn check(tree: &Tree, policy: &Policy, violations: &mut Vec<Violation>) {
    for folder in &tree.top_folders {
        if !policy.top_folders.contains(&folder.as_str()) {
            violations.push(Violation {
                file: format!("{folder}/"),
                line: 1,
                what: "is a folder that the architecture does not have".into(),
                why: "\"The folders\" in docs/architecture.md is the map readers find their way by",
                remedy: "move it into the part it belongs to".into(),
            });
        }
    }
}
