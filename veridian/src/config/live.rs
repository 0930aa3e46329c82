//! The configuration of a running system, which init holds: it can be shown, changed and read again.

use super::configuration::{Configuration, lines, unit_name};
use super::document::{self, Assignment};
use super::key;
use super::layers;
use super::problem::{Place, Problem};
use super::shown::show;
use super::sources::Sources;
use super::table::Counts;
use control::platform::Unit;
use init::Changed;

/// What holds, and what it was made of.
pub struct Live {
    owner: u32,
    sources: Sources,
    built_in: Vec<Unit>,
    /// What the sources said when they were last read.
    read: Vec<Assignment>,
    /// What messages said since.
    messages: Vec<Assignment>,
    holds: Configuration,
}

impl Live {
    /// Reads the sources.
    ///
    /// # Errors
    /// All that is wrong, a line each.
    pub fn new(owner: u32, sources: Sources, built_in: Vec<Unit>) -> Result<Self, Vec<String>> {
        let (read, holds) = read(&sources, &built_in)?;
        Ok(Self { owner, sources, built_in, read, messages: Vec::new(), holds })
    }

    /// What holds.
    #[must_use]
    pub fn holds(&self) -> &Configuration {
        &self.holds
    }

    /// Takes a configuration in place of the one that holds, if it differs in nothing but what can
    /// change by now.
    fn take(&mut self, new: Configuration) -> Result<Changed, String> {
        let mut problems = Vec::new();
        let mut told = Vec::new();
        for key in self.holds.keys() {
            let (Some(old), Some(now)) = (self.holds.entry(&key), new.entry(&key)) else {
                continue;
            };
            if old.value == now.value {
                continue;
            }
            match (key::setting(&key).map(|setting| setting.counts), unit_name(&key)) {
                (Ok(Counts::FromStart), _) | (Err(_), _) => {
                    problems.push(cannot_change(&now.place, &key, &old.value, &now.value));
                }
                (Ok(Counts::Now), _) => {
                    told.push(format!("{key} = {} (was {})", now.value, old.value));
                }
                (Ok(Counts::FromRestartOf(service)), _) | (Ok(_), Some(service)) => {
                    let change = format!("{key} = {} (was {})", now.value, old.value);
                    told.push(format!("{change}; counts after `veridian restart {service}`"));
                }
                (Ok(Counts::FromRestart), None) => {}
            }
        }
        problems.extend(self.other_units(&new));
        if !problems.is_empty() {
            return Err(lines(problems).join("\n"));
        }
        self.holds = new;
        let text = if told.is_empty() { "nothing has changed".to_owned() } else { told.join("\n") };
        let (policy, units) = (self.holds.policy(self.owner), self.holds.units());
        Ok(Changed { policy, units, text })
    }

    /// Units that are new, or gone.
    fn other_units(&self, new: &Configuration) -> Vec<Problem> {
        let is_in = |names: &[String], name: &String| names.contains(name);
        let added = new.names().iter().filter(|name| !is_in(self.holds.names(), name));
        let removed = self.holds.names().iter().filter(|name| !is_in(new.names(), name));
        let problem = |name: &String, of: &Configuration, how: &str| {
            let keys = of.keys();
            let places = keys.iter().filter(|key| unit_name(key) == Some(name));
            let place = places.filter_map(|key| of.entry(key)).map(|entry| &entry.place).max();
            let what = format!("unit {name} cannot be {how} while the system runs");
            Problem::new(place.unwrap_or(&Place::BuiltIn), format!("{what}; stop and start it"))
        };
        added
            .map(|name| problem(name, new, "added"))
            .chain(removed.map(|name| problem(name, &self.holds, "taken away")))
            .collect()
    }
}

fn cannot_change(
    place: &Place,
    key: &str,
    old: &super::value::Value,
    new: &super::value::Value,
) -> Problem {
    let what = format!("{key} cannot change from {old} to {new} while the system runs");
    Problem::new(place, format!("{what}; stop and start it"))
}

fn read(
    sources: &Sources,
    built_in: &[Unit],
) -> Result<(Vec<Assignment>, Configuration), Vec<String>> {
    let (read, mut problems) = layers::read(sources, built_in);
    let (holds, more) = Configuration::of(built_in.to_vec(), &read);
    problems.extend(more);
    if problems.is_empty() { Ok((read, holds)) } else { Err(lines(problems)) }
}

impl init::Configuration for Live {
    fn show(&self, after: &str, most_bytes: usize) -> String {
        let all = show(&self.holds);
        let begin = match after {
            "" => 0,
            after => all.iter().position(|shown| shown.key == after).map_or(all.len(), |at| at + 1),
        };
        let mut text = String::new();
        for shown in all.iter().skip(begin) {
            let line = shown.encode();
            if text.len() + line.len() + 1 > most_bytes {
                break;
            }
            text += &line;
            text.push('\n');
        }
        text
    }

    fn set(&mut self, key: &str, value: &str) -> Result<Changed, String> {
        let place = Place::Message(key.to_owned());
        let message = document::bare(key, value, place).map_err(|problem| problem.to_string())?;
        let mut messages = self.messages.clone();
        messages.retain(|other| other.key != key);
        messages.push(message);
        let all: Vec<_> = self.read.iter().chain(&messages).cloned().collect();
        let (new, problems) = Configuration::of(self.built_in.clone(), &all);
        if !problems.is_empty() {
            return Err(lines(problems).join("\n"));
        }
        let changed = self.take(new)?;
        self.messages = messages;
        Ok(changed)
    }

    fn reload(&mut self) -> Result<Changed, String> {
        let (read, new) =
            read(&self.sources, &self.built_in).map_err(|problems| problems.join("\n"))?;
        let changed = self.take(new)?;
        self.read = read;
        self.messages.clear();
        Ok(changed)
    }
}
