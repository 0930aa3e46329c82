//! A system on one of the platforms, and a client of it that can hold any capability.

use capability::{Handle, Rights};
use control::client::{ConnectError, Connection};
use control::message::{BrokerReply, ClientMessage};
use dataplane::Descriptor;
use dataplane::entry::Errno;
use std::path::Path;
use veridian::embed::LocalSystem;
use veridian::system::{Embedded, connect};

/// A running system.
pub(crate) enum System {
    Local(LocalSystem),
    Linux(Box<Embedded>),
}

impl System {
    pub(crate) fn local() -> Self {
        Self::Local(LocalSystem::start().expect("the local system starts"))
    }

    pub(crate) fn linux() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
        Self::Linux(Box::new(Embedded::start_from(program).expect("the system starts")))
    }

    pub(crate) fn connect(&self) -> Connection {
        match self {
            Self::Local(system) => system.connect().expect("connects"),
            Self::Linux(system) => connect(&system.address).expect("connects"),
        }
    }
}

/// The rights of what the broker gave for a service, or for the system, which is `init`.
pub(crate) fn held(connection: &Connection, name: &str) -> (Handle, Rights) {
    let held = connection.capabilities().iter().find(|held| held.service.as_str() == name);
    let held = held.expect("the owner holds it");
    (held.handle, held.rights)
}

/// The outcome of a message: what was answered, or how it was refused.
pub(crate) fn ask(
    connection: &Connection,
    capability: Option<Handle>,
    message: &ClientMessage,
    descriptors: Vec<Descriptor>,
) -> Result<BrokerReply, Errno> {
    match connection.ask(capability, message, descriptors) {
        Ok((reply, _)) => Ok(reply),
        Err(ConnectError::Refused { errno, .. }) => Err(errno),
        Err(error) => panic!("{message:?}: {error}"),
    }
}
