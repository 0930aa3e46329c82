//! The layers below messages, in their order: files, variables, the command line.

use super::configuration::{unit_key, unit_name};
use super::document::{self, Assignment};
use super::key;
use super::nearest::did_you_mean;
use super::problem::{Place, Problem};
use super::sources::Sources;
use super::table::{SETTINGS, UNIT_SETTINGS};
use control::platform::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is said, the later over the earlier, and what could not be understood.
pub(super) fn read(sources: &Sources, built_in: &[Unit]) -> (Vec<Assignment>, Vec<Problem>) {
    let (files, mut problems) = sources.files();
    let mut assignments = Vec::new();
    for (source, bytes) in &files {
        let (found, wrong) = document::read(source, bytes);
        assignments.extend(found);
        problems.extend(wrong);
    }
    let mut of_command_line = Vec::new();
    for (key, value) in &sources.settings {
        match document::bare(key, value, Place::CommandLine(key.clone())) {
            Ok(assignment) => of_command_line.push(assignment),
            Err(problem) => problems.push(problem),
        }
    }
    let known = variables(built_in, assignments.iter().chain(&of_command_line));
    for (name, value) in &sources.variables {
        let place = Place::Variable(name.clone());
        let found = match known.get(name) {
            Some(key) => document::bare(key, value, place),
            None => {
                let hint = did_you_mean(name, known.keys().map(String::as_str));
                let what = format!("no setting is called so{hint}");
                Err(Problem::new(&place, format!("{what}; see `veridian config show`")))
            }
        };
        match found {
            Ok(assignment) => assignments.push(assignment),
            Err(problem) => problems.push(problem),
        }
    }
    assignments.extend(of_command_line);
    (assignments, problems)
}

/// Every setting's variable, and its key. Which service a variable is about can only be told if
/// it is built in or in a file: hyphens and dots look the same in its name.
fn variables<'a>(
    built_in: &[Unit],
    assignments: impl Iterator<Item = &'a Assignment>,
) -> BTreeMap<String, String> {
    let mut names: BTreeSet<String> = built_in.iter().map(|unit| unit.name.clone()).collect();
    names.extend(assignments.filter_map(|each| unit_name(&each.key)).map(str::to_owned));
    let of_unit = |name: &String| {
        let keys = UNIT_SETTINGS.iter().map(|setting| unit_key(name, setting.key));
        keys.collect::<Vec<_>>()
    };
    let keys = SETTINGS.iter().map(|setting| setting.key.to_owned());
    let keys = keys.chain(names.iter().flat_map(of_unit));
    keys.map(|key| (key::variable(&key), key)).collect()
}
