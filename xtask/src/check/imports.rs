//! The rule of imports: who may depend on whom is the policy's table, and nothing else.
//!
//! A fuzz crate, `<crate>/fuzz`, may import its crate and what that one may import.

use super::manifests::{Dependency, Kind, Package};
use super::policy::{CrateRule, Policy};
use super::violation::Violation;

const WHY: &str = "\"Who may import whom\" in docs/architecture.md keeps the parts apart";

/// Reports crates that the table does not have and dependencies that it does not allow.
pub(crate) fn check(packages: &[Package], policy: &Policy, violations: &mut Vec<Violation>) {
    for package in packages {
        match standing(package, policy) {
            Some(standing) => check_one(package, &standing, violations),
            None => violations.push(Violation {
                file: package.manifest(),
                line: 1,
                what: format!(
                    "crate `{}` in {} is not in the import table",
                    package.name, package.folder
                ),
                why: WHY,
                remedy: "make it a module, or add it to the table and to xtask's policy.rs".into(),
            }),
        }
    }
}

/// What a crate may import.
struct Standing {
    rule: &'static CrateRule,
    fuzzes: bool,
}

impl Standing {
    fn allows(&self, dependency: &Dependency) -> bool {
        let name = dependency.name.as_str();
        let for_tests = self.fuzzes || dependency.kind == Kind::Tests;
        self.rule.imports.iter().any(|group| group.contains(&name))
            || (for_tests && (self.rule.test_imports.contains(&name) || self.rule.package == name))
    }
}

fn standing(package: &Package, policy: &Policy) -> Option<Standing> {
    if let Some(rule) = policy.crate_fuzzed_by(&package.folder) {
        return Some(Standing { rule, fuzzes: true });
    }
    let rule = policy.crate_named(&package.name)?;
    (rule.folder == package.folder).then_some(Standing { rule, fuzzes: false })
}

fn check_one(package: &Package, standing: &Standing, violations: &mut Vec<Violation>) {
    let ours = package.dependencies.iter().filter(|dependency| dependency.source.is_none());
    for dependency in ours.filter(|dependency| !standing.allows(dependency)) {
        let tests = if dependency.kind == Kind::Tests { "tests of " } else { "" };
        violations.push(Violation {
            file: package.manifest(),
            line: package.line_of(dependency),
            what: format!("{tests}`{}` must not import `{}`", package.name, dependency.name),
            why: WHY,
            remedy: match standing.rule.imports {
                [] => "remove the dependency: it may import nothing of ours".to_owned(),
                some => {
                    format!("remove the dependency: it may import {}", some.concat().join(", "))
                }
            },
        });
    }
}
