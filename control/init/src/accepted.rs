//! The units that the system runs with, as they are written to the journal, and what the next init
//! makes of them: each service stays at its place and is known by its name, whatever the configuration
//! has become. A service whose unit is gone is stopped. A new unit gets a place behind the others, and
//! is not started by itself: no reload would do that.
//!
//! The value of a unit, by its place, is words of 64 bits; a text is its length in bytes, then its
//! bytes, and zeros up to a multiple of 8. A list is its length, then its elements. An option is 1 and
//! its value, or 0 and 0.
//!
//! | what | words |
//! |---|---|
//! | name | text |
//! | command, needs, wants, after | lists of texts |
//! | restart: 0 always, 1 on failure, 2 never | 1 |
//! | time to start, to stop, between signs of life, ns | 3 |
//! | most memory, tasks, processor time, descriptors | options, of 2 words each |
//! | capabilities | list of texts with a word of rights behind each |

use crate::clients::Object;
use crate::init::Init;
use crate::records::{SERVICE, UNIT, Words};
use crate::services::{Provider, Service, find_places};
use crate::units::start_order;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use capability::{Handle, Rights, UNBADGED};
use control::message::{Name, ServiceAction, ServiceState};
use control::platform::{Limits, Restart, Unit};
use dataplane::log::Level;

/// What is known of the units that a new init of a running system is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    /// They are what the configuration says now.
    Now,
    /// The configuration cannot be read: the units that the system runs with stay.
    Unreadable,
}

/// A service that the system was started with: its unit, its name, and init's capability for it.
pub(crate) type Accepted = (Unit, Name, Handle);

/// Services that are not what they were, by their places.
#[derive(Default)]
pub(crate) struct Differences {
    /// Their units are gone.
    gone: BTreeSet<usize>,
    new: BTreeSet<usize>,
}

impl Init {
    /// The units that the journal has, with init's capabilities for the services, in order.
    pub(crate) fn accepted(&self, capabilities: Vec<Handle>) -> Option<Vec<Accepted>> {
        let saved = self.saved(UNIT);
        let is_complete = saved.len() == capabilities.len()
            && saved.iter().zip(0u64..).all(|((place, _), expected)| *place == expected);
        let read = |((_, bytes), capability): (&(u64, Vec<u8>), Handle)| {
            let unit = read_unit(&mut Words::new(bytes))?;
            let name = unit.name.parse().ok()?;
            Some((unit, name, capability))
        };
        is_complete.then(|| saved.iter().zip(capabilities).map(read).collect())?
    }

    /// Puts the services where an earlier init had them, and new ones behind.
    pub(crate) fn take_places(
        &mut self,
        accepted: Vec<Accepted>,
        configured: Configured,
    ) -> Differences {
        let mut differences = Differences::default();
        let mut current = core::mem::take(&mut self.services);
        for (place, (unit, name, capability)) in accepted.into_iter().enumerate() {
            let provider = self.saved_provider(place);
            if provider != Provider::Unit {
                self.services.push(Service::endpoint(name, capability, provider));
                continue;
            }
            let same = current.iter().position(|service| service.name == name);
            let same = same.map(|at| current.remove(at).unit);
            let mut service = Service::new(unit, name, capability);
            match (configured, same) {
                (Configured::Now, Some(unit)) => service.take_unit(unit),
                (Configured::Now, None) => drop(differences.gone.insert(place)),
                (Configured::Unreadable, _) => {}
            }
            self.services.push(service);
        }
        if configured == Configured::Now {
            current.into_iter().for_each(|service| self.add(service, &mut differences));
        }
        self.part_with(&differences.gone);
        let places = (0..).zip(&self.services).filter(|(_, service)| service.is_unit());
        let (places, units): (Vec<usize>, Vec<Unit>) =
            places.map(|(place, service)| (place, service.unit.clone())).unzip();
        self.order = match start_order(&units) {
            Ok(order) => order.into_iter().filter_map(|at| places.get(at).copied()).collect(),
            Err(_) => places,
        };
        find_places(&mut self.services);
        (0..self.services.len() as u64).for_each(|place| self.touch(UNIT, place));
        differences
    }

    /// Adds a service that the earlier init did not have, unless nothing more can be had, or an
    /// endpoint has its name.
    fn add(&mut self, mut service: Service, differences: &mut Differences) {
        let place = self.services.len();
        if self.services.iter().any(|it| it.is_endpoint() && it.name == service.name) {
            return;
        }
        let object = Object::Service(place);
        let minted = self.capabilities.mint(self.own, object, Rights::all(), UNBADGED);
        let Ok(capability) = minted else { return };
        (service.capability, service.starts_again) = (capability, false);
        self.services.push(service);
        self.touch(SERVICE, place as u64);
        differences.new.insert(place);
    }

    /// Lets nobody who stays need one of these.
    fn part_with(&mut self, gone: &BTreeSet<usize>) {
        let name = |place: &usize| Some(self.services.get(*place)?.unit.name.clone());
        let names: BTreeSet<String> = gone.iter().filter_map(name).collect();
        for (place, service) in self.services.iter_mut().enumerate() {
            if !gone.contains(&place) {
                service.unit.needs.retain(|needed| !names.contains(needed));
            }
        }
    }

    /// Stops whom the configuration has no more, and says so.
    pub(crate) fn settle(&mut self, differences: &Differences) {
        for place in &differences.gone {
            let Some(service) = self.services.get(*place) else { continue };
            if service.state != ServiceState::Stopped {
                let name = &service.unit.name;
                let text = format!("service {name} is stopped: the configuration has it no more");
                self.log(Level::Warning, text, &[]);
            }
            // It has a place, so it is not refused.
            let _ = self.control_service(*place, ServiceAction::Stop);
        }
        for place in &differences.new {
            let Some(service) = self.services.get(*place) else { continue };
            let name = &service.unit.name;
            let text = format!("service {name} is new, and starts when it is told to");
            self.log(Level::Information, text, &[]);
        }
    }
}

/// The value of a unit.
pub(crate) fn unit_words(unit: &Unit) -> Vec<u64> {
    let mut words = Vec::new();
    push_text(&mut words, &unit.name);
    for list in [&unit.command, &unit.needs, &unit.wants, &unit.after] {
        words.push(list.len() as u64);
        list.iter().for_each(|text| push_text(&mut words, text));
    }
    words.push(match unit.restart {
        Restart::Always => 0,
        Restart::OnFailure => 1,
        Restart::Never => 2,
    });
    words.extend([unit.start_within_ns, unit.stop_within_ns, unit.heartbeat_ns]);
    let Limits { memory_bytes, tasks, cpu_percent, descriptors } = unit.limits;
    let small = [tasks, cpu_percent, descriptors].map(|limit| limit.map(u64::from));
    for limit in [memory_bytes].into_iter().chain(small) {
        words.extend([u64::from(limit.is_some()), limit.unwrap_or(0)]);
    }
    words.push(unit.capabilities.len() as u64);
    for (name, rights) in &unit.capabilities {
        push_text(&mut words, name);
        words.push(rights.bits());
    }
    words
}

fn push_text(words: &mut Vec<u64>, text: &str) {
    words.push(text.len() as u64);
    words.extend(text.as_bytes().chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }));
}

fn read_unit(words: &mut Words<'_>) -> Option<Unit> {
    Some(Unit {
        name: read_text(words)?,
        command: words.list(read_text)?,
        needs: words.list(read_text)?,
        wants: words.list(read_text)?,
        after: words.list(read_text)?,
        restart: match words.word()? {
            0 => Restart::Always,
            1 => Restart::OnFailure,
            _ => Restart::Never,
        },
        start_within_ns: words.word()?,
        stop_within_ns: words.word()?,
        heartbeat_ns: words.word()?,
        limits: Limits {
            memory_bytes: read_limit(words)?,
            tasks: read_limit(words)?,
            cpu_percent: read_limit(words)?,
            descriptors: read_limit(words)?,
        },
        capabilities: words
            .list(|words| Some((read_text(words)?, Rights::from_bits_truncate(words.word()?))))?,
    })
}

fn read_text(words: &mut Words<'_>) -> Option<String> {
    let len: usize = words.number()?;
    let words = (0..len.div_ceil(8)).map(|_| words.word()).collect::<Option<Vec<u64>>>()?;
    String::from_utf8(words.into_iter().flat_map(u64::to_le_bytes).take(len).collect()).ok()
}

fn read_limit<T: TryFrom<u64>>(words: &mut Words<'_>) -> Option<Option<T>> {
    let (is_set, limit) = (words.word()? != 0, words.number()?);
    Some(is_set.then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_as_it_was_written() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).into()).collect::<Vec<_>>();
        let full = Unit {
            command: list(&["/bin/a", "", "twelve bytes"]),
            needs: list(&["exactly8"]),
            wants: list(&["b", "c"]),
            after: list(&["d"]),
            restart: Restart::Never,
            start_within_ns: 1,
            stop_within_ns: 2,
            heartbeat_ns: 3,
            limits: Limits {
                memory_bytes: Some(u64::MAX),
                tasks: None,
                cpu_percent: Some(0),
                descriptors: Some(16),
            },
            capabilities: [("logger".into(), Rights::CONNECT | Rights::WRITE)].into(),
            ..Unit::new("full")
        };
        let failing = Unit { restart: Restart::OnFailure, ..Unit::new("failing") };
        for unit in [full, failing, Unit::new("a")] {
            let words = unit_words(&unit);
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            assert_eq!(read_unit(&mut Words::new(&bytes)), Some(unit));
            for cut in 0..words.len() {
                let cut = bytes.get(..cut * 8).unwrap();
                assert_eq!(read_unit(&mut Words::new(cut)), None);
            }
        }
    }
}
