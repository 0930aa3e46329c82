//! Asking a running system for its configuration, and changing it.

use super::connection::{ConnectError, Connection};
use crate::message::{BrokerReply, ClientMessage, ConfigurationAction, Configure, HeldCapability};
use crate::platform::ChannelError;
use alloc::string::String;
use alloc::vec::Vec;
use capability::Rights;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configured {
    /// What was asked for, or what has changed.
    Done(String),
    /// Nothing has changed: what is wrong, a line each.
    Refused(String),
}

impl Connection {
    /// Shows or changes the configuration, by a capability with the right to.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] if this client may not, among others.
    pub fn configure(
        &self,
        action: ConfigurationAction,
        key: &str,
        value: &str,
    ) -> Result<Configured, ConnectError> {
        let bytes = |text: &str| Vec::from(text.as_bytes());
        let too_long = |_| ConnectError::Channel(ChannelError::TooLarge);
        let key = bytes(key).try_into().map_err(too_long)?;
        let value = bytes(value).try_into().map_err(too_long)?;
        let may = |held: &&HeldCapability| held.rights.contains(Rights::CONFIGURE);
        let is_system = |held: &&HeldCapability| held.service.as_str() == "init";
        let held = self.capabilities().iter().filter(is_system).find(may);
        let ask = ClientMessage::Configure(Configure { action, key, value });
        let BrokerReply::Told(told) = self.shared.ask(held.map(|held| held.handle), &ask)?.0 else {
            return Err(ConnectError::Protocol);
        };
        let text = String::from_utf8(told.text.into_vec()).map_err(|_| ConnectError::Protocol)?;
        match text.split_once('\n') {
            Some(("done", rest)) => Ok(Configured::Done(rest.into())),
            Some(("refused", rest)) => Ok(Configured::Refused(rest.into())),
            _ => Err(ConnectError::Protocol),
        }
    }
}
