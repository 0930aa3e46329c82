//! The configuration that holds: each setting, its value, and where that comes from.

use super::check;
use super::document::Assignment;
use super::key;
use super::layers;
use super::problem::{Place, Problem};
use super::sources::Sources;
use super::table::{SETTINGS, Setting, UNIT_SETTINGS, UNITS};
use super::unit;
use super::value::{Literal, Value};
use crate::roles::{STATE, WITH_STATE};
use control::platform::Unit;
use dataplane::Quota;
use init::Policy;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// Every setting of a system.
#[derive(Clone, Debug)]
pub struct Configuration {
    entries: BTreeMap<String, Entry>,
    /// What is built in, which the settings of units are applied to.
    built_in: Vec<Unit>,
    /// Names of all units, those that are left out too.
    names: Vec<String>,
}

impl Configuration {
    /// Reads everything.
    ///
    /// # Errors
    /// All that is wrong, a line each.
    pub fn load(sources: &Sources, built_in: Vec<Unit>) -> Result<Self, Vec<String>> {
        let (assignments, mut problems) = layers::read(sources, &built_in);
        let (configuration, more) = Self::of(built_in, &assignments);
        problems.extend(more);
        if problems.is_empty() { Ok(configuration) } else { Err(lines(problems)) }
    }

    /// These assignments over what is built in, the later ones over the earlier ones.
    pub(super) fn of(built_in: Vec<Unit>, assignments: &[Assignment]) -> (Self, Vec<Problem>) {
        let mut new = Self { entries: BTreeMap::new(), built_in, names: Vec::new() };
        for setting in SETTINGS {
            new.add_default(setting.key.to_owned(), setting);
        }
        for unit in new.built_in.clone() {
            new.add_unit(&unit.name);
            for (key, value) in unit::describe(&unit) {
                let entry = Entry { value, place: Place::BuiltIn };
                new.entries.insert(unit_key(&unit.name, key), entry);
            }
        }
        let mut problems = Vec::new();
        for assignment in assignments {
            new.assign(assignment).unwrap_or_else(|problem| problems.push(problem));
        }
        problems.extend(check::units(&new, assignments));
        problems.extend(check::ordered(&new));
        (new, problems)
    }

    fn add_default(&mut self, key: String, setting: &Setting) {
        let entry = Entry { value: default(setting), place: Place::BuiltIn };
        self.entries.insert(key, entry);
    }

    fn add_unit(&mut self, name: &str) {
        if self.names.iter().any(|known| known == name) {
            return;
        }
        self.names.push(name.to_owned());
        for setting in UNIT_SETTINGS {
            self.add_default(unit_key(name, setting.key), setting);
        }
    }

    fn assign(&mut self, assignment: &Assignment) -> Result<(), Problem> {
        let Assignment { key, literal, place } = assignment;
        if let Some(name) = unit_name(key) {
            self.add_unit(name);
        }
        let read = key::setting(key).and_then(|setting| setting.kind.read(literal));
        let value = read.map_err(|what| Problem::new(place, format!("{key} {what}")))?;
        self.entries.insert(key.clone(), Entry { value, place: place.clone() });
        Ok(())
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Every key, in the order of the tables.
    pub(super) fn keys(&self) -> Vec<String> {
        let settings = SETTINGS.iter().map(|setting| setting.key.to_owned());
        let of_unit = |name: &String| {
            let keys = UNIT_SETTINGS.iter().map(|setting| unit_key(name, setting.key));
            keys.collect::<Vec<_>>()
        };
        settings.chain(self.names.iter().flat_map(of_unit)).collect()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn is_enabled(&self, name: &str) -> bool {
        let entry = self.entry(&unit_key(name, "enabled"));
        entry.is_some_and(|entry| entry.value == Value::Flag(true))
    }

    pub(super) fn is_built_in(&self, name: &str) -> bool {
        self.built_in.iter().any(|unit| unit.name == name)
    }

    /// The units that are part of the system, with the settings of what is built in as arguments.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let enabled = self.names.iter().filter(|name| self.is_enabled(name));
        enabled.map(|name| self.unit(name)).collect()
    }

    fn unit(&self, name: &str) -> Unit {
        let built_in = self.built_in.iter().find(|unit| unit.name == name);
        let mut unit = built_in.cloned().unwrap_or_else(|| Unit::new(name));
        for setting in UNIT_SETTINGS {
            if let Some(entry) = self.entry(&unit_key(name, setting.key)) {
                unit::apply(&mut unit, setting.key, &entry.value);
            }
        }
        let is_there = |other: &String| self.is_enabled(other);
        unit.wants.retain(is_there);
        unit.after.retain(is_there);
        unit.capabilities.retain(|(service, _)| self.is_enabled(service));
        if unit.command.is_empty() {
            unit.command = self.role_arguments(name);
        }
        unit
    }

    /// The command of a service that is built in: its settings, if they are not what it takes
    /// without being told.
    fn role_arguments(&self, name: &str) -> Vec<String> {
        let of_service = |setting: &&Setting| {
            setting.key.split_once('.').is_some_and(|(section, _)| section == name)
        };
        let told = |setting: &Setting| {
            let entry = self.entry(setting.key)?;
            let is_told = entry.value != default(setting);
            is_told.then(|| ["--set".into(), format!("{}={}", setting.key, entry.value.bare())])
        };
        let told: Vec<String> =
            SETTINGS.iter().filter(of_service).filter_map(told).flatten().collect();
        let state = self.text("system.state").filter(|_| WITH_STATE.contains(&name));
        let state = state.into_iter().flat_map(|state| [STATE.to_owned(), state.to_owned()]);
        let told: Vec<String> = told.into_iter().chain(state).collect();
        let this_program = (!told.is_empty()).then(String::new);
        this_program.into_iter().chain(told).collect()
    }

    /// What clients may do in a system of this user.
    #[must_use]
    pub fn policy(&self, owner: u32) -> Policy {
        let mut policy = Policy::new(owner);
        let wide = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let of = |key: &str| self.number(&format!("limits.{key}"));
        policy.max_clients = wide(of("max_clients"));
        policy.max_clients_per_user = wide(of("max_clients_per_user"));
        policy.max_sessions_per_client = wide(of("max_sessions_per_client"));
        policy.max_capabilities = narrow(of("max_capabilities"));
        policy.max_queues = u16::try_from(of("max_queues")).unwrap_or(u16::MAX);
        policy.max_entries = narrow(of("max_entries"));
        policy.max_arena_bytes = of("max_arena");
        policy.max_client_bytes = of("max_client_memory");
        policy.quota = Quota {
            handles: narrow(of("session_handles")),
            in_flight: narrow(of("session_in_flight")),
            pinned_pages: narrow(of("session_pinned_pages")),
        };
        policy.owner_handles = narrow(of("owner_handles"));
        policy
    }

    fn number(&self, key: &str) -> u64 {
        match self.entry(key).map(|entry| &entry.value) {
            Some(Value::Count(number) | Value::Size(number) | Value::Duration(number)) => *number,
            _ => 0,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.entry(key).map(|entry| &entry.value) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Where clients reach the system, if that is said.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.text("system.address")
    }

    /// The directory of what outlives the system.
    #[must_use]
    pub fn state(&self) -> Option<PathBuf> {
        self.text("system.state").map(PathBuf::from)
    }

    /// The socket where metrics are served.
    #[must_use]
    pub fn metrics(&self) -> Option<PathBuf> {
        self.text("system.metrics").map(PathBuf::from)
    }
}

/// That each default is allowed is tested with the table.
pub(super) fn default(setting: &Setting) -> Value {
    let read = setting.kind.read(&Literal::Bare(setting.default.to_owned()));
    read.unwrap_or(Value::None)
}

/// What the files in `/etc/veridian` say of where the system is reached, whatever else is in them.
pub(crate) fn installed_address() -> Option<String> {
    let sources = Sources::of_process(&[], &[]).ok()?;
    let (assignments, _) = layers::read(&sources, &[]);
    Configuration::of(Vec::new(), &assignments).0.address().map(str::to_owned)
}

pub(super) fn unit_key(name: &str, key: &str) -> String {
    format!("{UNITS}.{name}.{key}")
}

/// The unit that a key belongs to.
pub(super) fn unit_name(key: &str) -> Option<&str> {
    key.strip_prefix(UNITS)?.strip_prefix('.')?.split('.').next()
}

/// Problems in the order of their places, none twice.
pub(super) fn lines(mut problems: Vec<Problem>) -> Vec<String> {
    problems.sort();
    problems.dedup();
    problems.iter().map(Problem::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sources_everything_is_as_built_in() {
        let vfs = Unit { needs: vec!["logger".into()], ..Unit::new("vfs") };
        let built_in = vec![vfs, Unit::new("logger")];
        let configuration = Configuration::load(&Sources::default(), built_in.clone()).unwrap();
        let policy = configuration.policy(1000);
        assert_eq!(format!("{policy:?}"), format!("{:?}", Policy::new(1000)));
        assert_eq!(configuration.units(), built_in);
        assert_eq!(configuration.address(), None);
    }
}
