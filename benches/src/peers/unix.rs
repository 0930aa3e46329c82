//! `unix`: 64 bytes through a pair of Unix sockets that keep message boundaries.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Result, ensure};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use zerocopy::IntoBytes;

use super::{Kind, next};
use crate::remote::{Message, Remote, Responder, Transport};
use crate::server::Server;

/// Either side.
#[derive(Debug)]
pub struct Unix(OwnedFd);

impl Unix {
    /// The client, its server on processor `cpu`.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn open(cpu: usize) -> Result<Remote<Self>> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let server = Server::spawn(Kind::Unix, "", cpu, &[theirs.as_fd()])?;
        Ok(Remote::new(Self(ours), server))
    }

    fn send(&self, message: &Message) -> Result<()> {
        send(&self.0, message.as_bytes(), SendFlags::NOSIGNAL)?;
        Ok(())
    }

    fn receive(&self) -> Result<Message> {
        let mut message = Message::default();
        let (length, _) = recv(&self.0, message.as_mut_bytes(), RecvFlags::empty())?;
        ensure!(length == size_of::<Message>(), "a message was cut short");
        Ok(message)
    }
}

impl Transport for Unix {
    fn round_trip(&mut self, number: u64) -> Result<u64> {
        self.send(&[number; 8])?;
        let [answered, ..] = self.receive()?;
        Ok(answered)
    }
}

impl Responder for Unix {
    fn answer(&mut self) -> Result<u64> {
        let [number, ..] = self.receive()?;
        self.send(&[number; 8])?;
        Ok(number)
    }
}

/// The server's side.
pub(super) fn server(descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<Unix> {
    Ok(Unix(next(descriptors)?))
}
