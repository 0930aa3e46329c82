//! `pipe`: 64 bytes through a pipe each way.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Result, ensure};
use rustix::io::{read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use zerocopy::IntoBytes;

use super::{Kind, next};
use crate::remote::{Message, Remote, Responder, Transport};
use crate::server::Server;

/// Either side: the pipe that it reads and the one that it writes.
#[derive(Debug)]
pub struct Pipe {
    incoming: OwnedFd,
    outgoing: OwnedFd,
}

impl Pipe {
    /// The client, its server on processor `cpu`.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn open(cpu: usize) -> Result<Remote<Self>> {
        let (server_incoming, outgoing) = pipe_with(PipeFlags::CLOEXEC)?;
        let (incoming, server_outgoing) = pipe_with(PipeFlags::CLOEXEC)?;
        let descriptors = [server_incoming.as_fd(), server_outgoing.as_fd()];
        let server = Server::spawn(Kind::Pipe, "", cpu, &descriptors)?;
        Ok(Remote::new(Self { incoming, outgoing }, server))
    }

    fn send(&self, message: &Message) -> Result<()> {
        let written = write(&self.outgoing, message.as_bytes())?;
        ensure!(written == size_of::<Message>(), "a message was cut short");
        Ok(())
    }

    fn receive(&self) -> Result<Message> {
        let mut message = Message::default();
        let length = read(&self.incoming, message.as_mut_bytes())?;
        ensure!(length == size_of::<Message>(), "a message was cut short");
        Ok(message)
    }
}

impl Transport for Pipe {
    fn round_trip(&mut self, number: u64) -> Result<u64> {
        self.send(&[number; 8])?;
        let [answered, ..] = self.receive()?;
        Ok(answered)
    }
}

impl Responder for Pipe {
    fn answer(&mut self) -> Result<u64> {
        let [number, ..] = self.receive()?;
        self.send(&[number; 8])?;
        Ok(number)
    }
}

/// The server's side.
pub(super) fn server(descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<Pipe> {
    Ok(Pipe { incoming: next(descriptors)?, outgoing: next(descriptors)? })
}
