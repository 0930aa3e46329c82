//! What no single value shows: whether units fit together, and settings each other.

use super::configuration::{Configuration, unit_key, unit_name};
use super::document::Assignment;
use super::nearest::did_you_mean;
use super::problem::{Place, Problem, Source, quoted};
use super::rights;
use super::table::{MOST_UNITS, ORDERED, UNITS};
use super::value::Value;
use std::collections::BTreeMap;

/// What is wrong with the units together.
pub(super) fn units(configuration: &Configuration, assignments: &[Assignment]) -> Vec<Problem> {
    let mut problems = defined_twice(assignments);
    for name in configuration.names() {
        problems.extend(command(configuration, assignments, name));
        if configuration.is_enabled(name) {
            problems.extend(missing(configuration, name));
        }
    }
    problems.extend(circles(configuration));
    let count = configuration.names().iter().filter(|name| configuration.is_enabled(name)).count();
    if count > MOST_UNITS {
        let last = assignments.iter().rev().find(|each| unit_name(&each.key).is_some());
        let place = last.map_or(&Place::BuiltIn, |last| &last.place);
        let what = format!("there are {count} units; allowed: at most {MOST_UNITS}");
        problems.push(Problem::new(place, what));
    }
    problems
}

/// Pairs of settings in the wrong order.
pub(super) fn ordered(configuration: &Configuration) -> Vec<Problem> {
    let wrong = |(less, more): &(&str, &str)| {
        let (a, b) = (configuration.entry(less)?, configuration.entry(more)?);
        let number = |value: &Value| match value {
            Value::Count(number) | Value::Size(number) | Value::Duration(number) => *number,
            _ => 0,
        };
        // What is built in gives way to what somebody has set.
        if [&a.place, &b.place].contains(&&Place::BuiltIn) {
            return None;
        }
        let place = a.place.clone().max(b.place.clone());
        let what = format!("{less} ({}) is more than {more} ({})", a.value, b.value);
        let what = format!("{what}; allowed: at most as much");
        (number(&a.value) > number(&b.value)).then(|| Problem::new(&place, what))
    };
    ORDERED.iter().filter_map(wrong).collect()
}

/// A unit is in one file, so that one sees it whole.
fn defined_twice(assignments: &[Assignment]) -> Vec<Problem> {
    let mut first: BTreeMap<&str, &Source> = BTreeMap::new();
    let mut told: Vec<(&str, usize)> = Vec::new();
    let mut problems = Vec::new();
    for assignment in assignments {
        let (Some(name), Place::Spot(source, ..)) = (unit_name(&assignment.key), &assignment.place)
        else {
            continue;
        };
        let owner = *first.entry(name).or_insert(source);
        if owner != source && !told.contains(&(name, source.turn)) {
            told.push((name, source.turn));
            let what = format!("unit {name} is in {} already", owner.name);
            let what = format!("{what}; allowed: all of a unit in one file");
            problems.push(Problem::new(&assignment.place, what));
        }
    }
    problems
}

/// A service that is not built in has a command.
fn command(
    configuration: &Configuration,
    assignments: &[Assignment],
    name: &str,
) -> Option<Problem> {
    let entry = configuration.entry(&unit_key(name, "command"))?;
    let of_unit = |each: &&Assignment| unit_name(&each.key) == Some(name);
    let wrongly_set = assignments.iter().any(|each| each.key == unit_key(name, "command"));
    if configuration.is_built_in(name)
        || entry.value != Value::List(Vec::new())
        || wrongly_set && entry.place == Place::BuiltIn
    {
        return None;
    }
    let known = configuration.names().iter().filter(|other| configuration.is_built_in(other));
    let hint = did_you_mean(name, known.map(String::as_str));
    let place = assignments.iter().filter(of_unit).map(|each| &each.place).min()?;
    let what = format!("'{name}' is not built in and has no {UNITS}.{name}.command{hint}");
    Some(Problem::new(place, what))
}

/// Services that are named and not there.
fn missing(configuration: &Configuration, name: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for key in ["needs", "wants", "after", "capabilities"] {
        let key = unit_key(name, key);
        let Some(entry) = configuration.entry(&key) else { continue };
        let Value::List(list) = &entry.value else { continue };
        for text in list {
            let parsed = rights::parse(text);
            let other = parsed.as_ref().map_or(text.as_str(), |(service, _)| service.as_str());
            let is_known = configuration.names().iter().any(|known| known == other);
            let what = if !is_known {
                let known = configuration.names();
                let hint = did_you_mean(other, known.iter().map(String::as_str));
                let known = known.join(", ");
                format!("names '{}', which is no unit{hint}; allowed: {known}", quoted(other))
            } else if key.ends_with(".needs") && !configuration.is_enabled(other) {
                format!("names '{other}', which is not enabled")
            } else {
                continue;
            };
            problems.push(Problem::new(&entry.place, format!("{key} {what}")));
        }
    }
    problems
}

/// Units that need each other in a circle: each circle once.
fn circles(configuration: &Configuration) -> Vec<Problem> {
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in configuration.names() {
        let entry = configuration.entry(&unit_key(name, "needs"));
        let list = entry.map_or(&Value::None, |entry| &entry.value);
        if let Value::List(list) = list {
            needs.insert(name, list.iter().map(String::as_str).collect());
        }
    }
    let mut problems = Vec::new();
    loop {
        // What needs nothing that is left is part of no circle.
        let free: Vec<&str> = needs
            .iter()
            .filter(|(_, list)| !list.iter().any(|other| needs.contains_key(other)))
            .map(|(name, _)| *name)
            .collect();
        if !free.is_empty() {
            free.iter().for_each(|name| drop(needs.remove(name)));
            continue;
        }
        let Some(circle) = a_circle(&needs) else { return problems };
        let places = circle.iter().filter_map(|name| configuration.entry(&unit_key(name, "needs")));
        let place = places.map(|entry| &entry.place).max().unwrap_or(&Place::BuiltIn);
        let closed: Vec<&str> = circle.iter().chain(circle.first()).copied().collect();
        let what = format!("units need each other in a circle: {}", closed.join(" needs "));
        problems.push(Problem::new(place, what));
        circle.iter().for_each(|name| drop(needs.remove(name)));
    }
}

/// Follows needs until one comes again. Each unit that is left needs another one that is left.
fn a_circle<'a>(needs: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut path: Vec<&str> = Vec::new();
    let mut at = *needs.keys().next()?;
    loop {
        if let Some(begin) = path.iter().position(|name| *name == at) {
            return Some(path.split_off(begin));
        }
        path.push(at);
        at = needs.get(at)?.iter().copied().find(|other| needs.contains_key(other))?;
    }
}
