//! The rule of `unsafe`: only in listed places, under an attribute that says why, and no place
//! stays on the list without need.

use std::collections::BTreeSet;

use super::policy::{Policy, covers, is_within};
use super::tokens::{lines_of_word, opening_attributes};
use super::tree::{Source, Tree};
use super::violation::Violation;

const WHY: &str = "unsafe code is confined to a short list of files, so that it can be reviewed";

/// Reports `unsafe` in other places, listed files that do not open with the attribute, and listed
/// places that have no `unsafe`.
pub(crate) fn check(tree: &Tree, policy: &Policy, violations: &mut Vec<Violation>) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for source in &tree.sources {
        let lines = lines_of_word(&source.tokens, "unsafe");
        let Some(first) = lines.first() else { continue };
        used.extend(policy.unsafe_places.iter().filter(|place| covers(place, &source.path)));
        if !is_within(&source.path, policy.unsafe_places) {
            violations.extend(lines.iter().map(|line| misplaced(source, *line)));
        } else if !is_announced(tree, source) {
            violations.push(unannounced(source, *first));
        }
    }
    let stale = policy.unsafe_places.iter().filter(|place| !used.contains(*place));
    violations.extend(stale.map(|place| Violation {
        file: (*place).to_owned(),
        line: 1,
        what: "is on the list of unsafe places and contains no unsafe".into(),
        why: "a list longer than the need hides the next addition",
        remedy: "remove it from unsafe_places in xtask's policy.rs".into(),
    }));
}

fn misplaced(source: &Source, line: usize) -> Violation {
    Violation {
        file: source.path.clone(),
        line,
        what: "`unsafe` in a file that is not on the list".into(),
        why: WHY,
        remedy: "write it safely, or move it behind a safe function of a listed file".into(),
    }
}

fn unannounced(source: &Source, line: usize) -> Violation {
    Violation {
        file: source.path.clone(),
        line,
        what: "`unsafe`, and neither the file nor a module above it opens with its reason".into(),
        why: WHY,
        remedy: "open the file with #![expect(unsafe_code, reason = \"…\")]".into(),
    }
}

/// Whether the file, or a file whose module it is below, opens with the attribute. A crate's root
/// speaks for itself only, or one line would announce a whole crate.
fn is_announced(tree: &Tree, source: &Source) -> bool {
    if expects_unsafe(source) {
        return true;
    }
    let mut path = source.path.as_str();
    while let Some((folder, _)) = path.rsplit_once('/') {
        let modules = [format!("{folder}/mod.rs"), format!("{folder}.rs")];
        if modules.iter().filter_map(|module| tree.source(module)).any(expects_unsafe) {
            return true;
        }
        path = folder;
    }
    false
}

fn expects_unsafe(source: &Source) -> bool {
    opening_attributes(&source.tokens).iter().any(|attribute| {
        let names_lint = !lines_of_word(attribute, "unsafe_code").is_empty();
        let gives_reason = !lines_of_word(attribute, "reason").is_empty();
        let expects =
            attribute.clone().into_iter().next().is_some_and(|token| token.to_string() == "expect");
        expects && names_lint && gives_reason
    })
}
