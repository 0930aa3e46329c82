//! The rule of dependencies: every crate of others has a line in docs/dependencies.md.
//!
//! A line is a row of a table whose first cell names the crate in backticks, or an item of a list
//! that names it before its first colon or dash. Crates that are only mentioned, as rejected ones
//! are, do not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::manifests::Package;
use super::violation::Violation;

const DOCUMENT: &str = "docs/dependencies.md";

/// Reports dependencies without a line, each once.
pub(crate) fn check(root: &Path, packages: &[Package], violations: &mut Vec<Violation>) {
    // A missing document documents nothing: every dependency is then reported.
    let text = fs::read_to_string(root.join(DOCUMENT)).unwrap_or_default();
    let mut documented = documented(&text);
    for package in packages {
        for dependency in package.dependencies.iter().filter(|one| one.source.is_some()) {
            if documented.insert(&dependency.name) {
                violations.push(Violation {
                    file: package.manifest(),
                    line: package.line_of(dependency),
                    what: format!("dependency `{}` has no line in {DOCUMENT}", dependency.name),
                    why: "each dependency is a decision: what for, why this one, what else",
                    remedy: format!("add a row that opens with `{}`, or drop it", dependency.name),
                });
            }
        }
    }
}

/// The names in backticks that rows and list items open with.
fn documented(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            if let Some(row) = line.strip_prefix('|') {
                return row.split('|').next();
            }
            let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "))?;
            item.split([':', '—', '–']).next().and_then(|head| head.split(" - ").next())
        })
        .flat_map(|head| head.split('`').skip(1).step_by(2))
        .collect()
}
