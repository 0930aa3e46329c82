//! One direction of a local channel: packets that wait for their receiver.

use super::source::{Kind, Source};
use crate::clock;
use control::platform::{ChannelError, Packet};
use dataplane::platform::Instant;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Packets that wait before the next is refused.
const CAPACITY: usize = 128;

/// A bounded queue that can be closed.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    source: Arc<Source>,
}

#[derive(Default)]
struct State {
    packets: VecDeque<Packet>,
    closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} packets, closed: {}", self.packets.len(), self.closed)
    }
}

impl Queue {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            source: Source::new(Kind::Arrival),
        })
    }

    /// What a poller of the receiver watches.
    pub(crate) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }

    pub(crate) fn push(&self, packet: Packet) -> Result<(), ChannelError> {
        let mut state = self.state();
        if state.closed {
            return Err(ChannelError::Closed);
        }
        if state.packets.len() == CAPACITY {
            return Err(ChannelError::Full);
        }
        state.packets.push_back(packet);
        self.announce();
        Ok(())
    }

    pub(crate) fn pop(&self) -> Result<Option<Packet>, ChannelError> {
        self.pop_locked(&mut self.state())
    }

    /// The packet that is the next to be taken.
    pub(crate) fn peek(&self) -> Result<Option<Packet>, ChannelError> {
        let mut state = self.state();
        match state.packets.front().cloned() {
            Some(packet) => Ok(Some(packet)),
            None => self.pop_locked(&mut state),
        }
    }

    /// Waits for a packet; `None` waits without end.
    pub(crate) fn pop_until(&self, deadline: Option<Instant>) -> Result<Packet, ChannelError> {
        let mut state = self.state();
        loop {
            if let Some(packet) = self.pop_locked(&mut state)? {
                return Ok(packet);
            }
            let Some(deadline) = deadline else {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = Duration::from_nanos(clock::until_ns(deadline));
            if left.is_zero() {
                return Err(ChannelError::TimedOut);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No packet goes in any more; those inside can still be taken.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.announce();
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn pop_locked(&self, state: &mut State) -> Result<Option<Packet>, ChannelError> {
        let packet = state.packets.pop_front();
        if packet.is_none() && state.closed {
            return Err(ChannelError::Closed);
        }
        if state.packets.is_empty() && !state.closed {
            self.source.clear();
        }
        Ok(packet)
    }

    fn announce(&self) {
        self.source.raise();
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole whatever panicked while it was locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
