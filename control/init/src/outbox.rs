//! A channel that is written to without ever waiting: what does not fit now is sent later.
//!
//! What waits is bounded by who asks: a client's questions are not read while answers to it wait,
//! nor while many of them are open, and a service is sent no more than clients have asked.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use control::platform::{Channel, ChannelError, Packet};

pub(crate) struct Outbox {
    channel: Arc<dyn Channel>,
    waiting: VecDeque<Packet>,
}

impl Outbox {
    pub(crate) fn new(channel: Arc<dyn Channel>) -> Self {
        Self { channel, waiting: VecDeque::new() }
    }

    pub(crate) fn channel(&self) -> &Arc<dyn Channel> {
        &self.channel
    }

    /// Sends a message behind those that wait.
    ///
    /// # Errors
    /// The peer is gone.
    pub(crate) fn send(&mut self, packet: Packet) -> Result<(), ChannelError> {
        self.waiting.push_back(packet);
        self.flush()
    }

    /// Whether messages wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sends what fits.
    ///
    /// # Errors
    /// The peer is gone.
    pub(crate) fn flush(&mut self) -> Result<(), ChannelError> {
        while let Some(packet) = self.waiting.front() {
            match self.channel.send(packet) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(ChannelError::Full) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
