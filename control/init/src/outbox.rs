//! A channel that is written to without ever waiting: what does not fit now is sent later.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use control::platform::{Channel, ChannelError, Packet};

/// Messages that may wait for a peer that does not read; one more, and it counts as gone.
const MOST_WAITING: usize = 1024;

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
    /// The peer is gone, or as good as gone.
    pub(crate) fn send(&mut self, packet: Packet) -> Result<(), ChannelError> {
        if self.waiting.len() >= MOST_WAITING {
            return Err(ChannelError::Full);
        }
        self.waiting.push_back(packet);
        self.flush()
    }

    /// Whether messages wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
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
