//! Serving others: endpoints that a client makes, and serves as a service does.

use super::connection::{ConnectError, Connection};
use crate::message::{BrokerReply, ClientMessage, CreateEndpoint, Register};
use capability::Handle;
use dataplane::Descriptor;

impl Connection {
    /// Makes an endpoint of this name. Whoever holds a capability derived from the one that this
    /// returns connects to it as to a service. It is served on the channel whose descriptor comes
    /// along (see [`Pairing::other_half`](crate::platform::Pairing::other_half) and
    /// [`serve`](crate::runtime::serve)), and ends with that channel, and with this connection.
    ///
    /// # Errors
    /// [`ConnectError::NoCapability`] without one for the system; [`ConnectError::Refused`] among
    /// others: with `EPERM` if it does not have `CAP_IPC_CREATE`, `EEXIST` if the name is taken,
    /// `EDQUOT` if there are too many.
    pub fn create_endpoint(&self, name: &str) -> Result<(Handle, Descriptor), ConnectError> {
        let no_name = |_| ConnectError::NoCapability { service: name.into() };
        let create = CreateEndpoint { name: name.parse().map_err(no_name)? };
        let system = self.capability("init")?;
        let message = ClientMessage::CreateEndpoint(create);
        match self.shared.ask(Some(system), &message)? {
            (BrokerReply::Endpoint(made), descriptors) => {
                match <[Descriptor; 1]>::try_from(descriptors) {
                    Ok([channel]) => Ok((made.handle, channel)),
                    Err(_) => Err(ConnectError::Protocol),
                }
            }
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Makes an endpoint known: all that connect from now on hold a capability for it.
    ///
    /// # Errors
    /// [`ConnectError::NoCapability`] without one for the system; [`ConnectError::Refused`] among
    /// others: with `EPERM` if it does not have `CAP_SERVICE`, `ENOENT` if this connection serves no
    /// such endpoint.
    pub fn register(&self, endpoint: Handle) -> Result<(), ConnectError> {
        let system = self.capability("init")?;
        self.shared.command(Some(system), &ClientMessage::Register(Register { endpoint }))
    }
}
