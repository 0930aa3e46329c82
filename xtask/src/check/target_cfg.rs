//! The rule of target cfgs: only arch/ may ask what machine it is compiled for.
//!
//! Looked at are `#[cfg(…)]`, `cfg!(…)`, the condition of `cfg_attr`, at any depth and in macros,
//! and `[target.….dependencies]` in manifests. What is not known to be neutral counts as a target.

use proc_macro2::{TokenStream, TokenTree};

use super::manifests::Package;
use super::policy::{Policy, is_within};
use super::tokens::{each_run, is_punct, line};
use super::tree::Tree;
use super::violation::Violation;

const WHY: &str = "nothing above arch/ knows the machine";

/// Reports conditions on the machine outside the listed places.
pub(crate) fn check(
    tree: &Tree,
    packages: &[Package],
    policy: &Policy,
    violations: &mut Vec<Violation>,
) {
    for source in &tree.sources {
        if is_within(&source.path, policy.target_cfg_places) {
            continue;
        }
        for (predicate, line) in target_predicates(&source.tokens, policy.neutral_cfgs) {
            violations.push(Violation {
                file: source.path.clone(),
                line,
                what: format!("condition on `{predicate}`"),
                why: WHY,
                remedy: "move what differs behind a seam that arch/ implements".into(),
            });
        }
    }
    for package in packages {
        check_manifest(package, policy, violations);
    }
}

fn check_manifest(package: &Package, policy: &Policy, violations: &mut Vec<Violation>) {
    let manifest = package.manifest();
    if is_within(&manifest, policy.target_cfg_places) {
        return;
    }
    for dependency in &package.dependencies {
        if let Some(target) =
            dependency.target.as_ref().filter(|target| !is_neutral(target, policy))
        {
            violations.push(Violation {
                file: manifest.clone(),
                line: package.line_of(dependency),
                what: format!("dependency `{}` only for {target}", dependency.name),
                why: WHY,
                remedy: "let a crate in arch/ depend on it".into(),
            });
        }
    }
}

/// Whether the head of a `[target.….dependencies]` asks nothing about the machine. It is a
/// condition, or a machine's name.
fn is_neutral(target: &str, policy: &Policy) -> bool {
    let is_condition = target.starts_with("cfg(");
    target.parse::<TokenStream>().is_ok_and(|tokens| {
        is_condition && target_predicates(&tokens, policy.neutral_cfgs).is_empty()
    })
}

/// Each name that a condition of the file asks for and that is not neutral, and its line.
fn target_predicates(tokens: &TokenStream, neutral: &[&str]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    each_run(tokens, &mut |run| {
        for (index, token) in run.iter().enumerate() {
            let TokenTree::Ident(ident) = token else {
                continue;
            };
            let mut after = run.iter().skip(index + 1).skip_while(|token| is_punct(token, '!'));
            let Some(TokenTree::Group(group)) = after.next() else {
                continue;
            };
            let inside = group.stream();
            match ident.to_string().as_str() {
                "cfg" => collect_names(&inside, neutral, &mut found),
                "cfg_attr" => {
                    let condition = inside.into_iter().take_while(|token| !is_punct(token, ','));
                    collect_names(&condition.collect(), neutral, &mut found);
                }
                // Choosing among implementations is what it is for.
                "cfg_select" => found.push(("cfg_select!".into(), line(token))),
                _ => {}
            }
        }
    });
    found.sort_by_key(|(_, line)| *line);
    found
}

fn collect_names(condition: &TokenStream, neutral: &[&str], found: &mut Vec<(String, usize)>) {
    each_run(condition, &mut |run| {
        for token in run {
            if let TokenTree::Ident(ident) = token {
                let name = ident.to_string();
                if !neutral.contains(&name.as_str()) {
                    found.push((name, line(token)));
                }
            }
        }
    });
}
