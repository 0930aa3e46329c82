//! What can be changed while the system runs. Where a configuration is written and how, init does
//! not know: it asks, and is told a policy and units.

use crate::commands::Refused;
use crate::init::Init;
use crate::policy::Policy;
use crate::records::UNIT;
use alloc::string::String;
use alloc::vec::Vec;
use control::message::{BrokerReply, ConfigurationAction, Configure, Told};
use control::platform::Unit;
use dataplane::entry::Errno;

/// What a change comes to.
pub struct Changed {
    /// Counts at once.
    pub policy: Policy,
    /// The same units as before; what is different counts from their next starts.
    pub units: Vec<Unit>,
    /// For whoever has asked.
    pub text: String,
}

/// Where the configuration comes from. All of a change is taken, or nothing.
pub trait Configuration {
    /// The settings that come after a key, as many as fit into so many bytes.
    fn show(&self, after: &str, most_bytes: usize) -> String;
    /// Gives a setting a value.
    ///
    /// # Errors
    /// What is wrong, a line each.
    fn set(&mut self, key: &str, value: &str) -> Result<Changed, String>;
    /// Reads everything again.
    ///
    /// # Errors
    /// What is wrong, a line each.
    fn reload(&mut self) -> Result<Changed, String>;
}

/// What an answer begins with.
const DONE: &str = "done\n";
const REFUSED: &str = "refused\n";
/// The longest answer.
const MOST_BYTES: usize = 3500;

impl Init {
    pub(crate) fn configure(
        &mut self,
        id: u64,
        request: u64,
        wish: &Configure,
    ) -> Result<(), Refused> {
        let text = |bytes| {
            core::str::from_utf8(bytes).map_err(|_| (Errno::EINVAL, "neither key nor value"))
        };
        let (key, value) = (text(&wish.key)?, text(&wish.value)?);
        let configuration = self.machine.configuration.as_mut();
        let configuration =
            configuration.ok_or((Errno::EOPNOTSUPP, "this system cannot be configured"))?;
        let changed = match wish.action {
            ConfigurationAction::Show => {
                let shown = configuration.show(key, MOST_BYTES - DONE.len());
                self.tell_configured(id, request, DONE, &shown);
                return Ok(());
            }
            ConfigurationAction::Set => configuration.set(key, value),
            ConfigurationAction::Reload => configuration.reload(),
        };
        match changed {
            Ok(changed) => {
                self.policy = changed.policy;
                for unit in changed.units {
                    let services = &mut self.services;
                    let place = services.iter().position(|it| it.unit.name == unit.name);
                    let Some(place) = place else { continue };
                    services.get_mut(place).into_iter().for_each(|it| it.take_unit(unit.clone()));
                    self.touch(UNIT, place as u64);
                }
                self.tell_configured(id, request, DONE, &changed.text);
            }
            Err(problems) => self.tell_configured(id, request, REFUSED, &problems),
        }
        Ok(())
    }

    fn tell_configured(&mut self, id: u64, request: u64, outcome: &str, text: &str) {
        let room = MOST_BYTES - outcome.len();
        let end = text.floor_char_boundary(room);
        let bytes = [outcome, text.get(..end).unwrap_or_default()].concat().into_bytes();
        let text = bytes.try_into().unwrap_or_default();
        self.reply(id, request, &BrokerReply::Told(Told { text }));
    }
}
