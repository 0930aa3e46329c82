//! Channels between threads: two queues, and the two ends of them.

use super::memory;
use super::queue::Queue;
use super::source::Source;
use crate::clock;
use control::platform::{Channel, ChannelError, MAX_DESCRIPTORS, MAX_MESSAGE, Packet, Peer};
use dataplane::Descriptor;
use std::sync::Arc;

/// One end; dropping it closes both directions.
#[derive(Debug)]
pub(crate) struct LocalChannel {
    incoming: Arc<Queue>,
    outgoing: Arc<Queue>,
}

impl LocalChannel {
    /// Both ends.
    pub(crate) fn pair() -> (Arc<Self>, Arc<Self>) {
        let (one, other) = (Queue::new(), Queue::new());
        let first = Self { incoming: Arc::clone(&one), outgoing: Arc::clone(&other) };
        let second = Self { incoming: other, outgoing: one };
        (Arc::new(first), Arc::new(second))
    }

    /// Nothing can be sent any more, from either end.
    pub(crate) fn close(&self) {
        self.incoming.close();
        self.outgoing.close();
    }
}

impl Channel for LocalChannel {
    fn send(&self, packet: &Packet) -> Result<(), ChannelError> {
        let bytes = 1..=MAX_MESSAGE;
        if !bytes.contains(&packet.bytes.len()) || packet.descriptors.len() > MAX_DESCRIPTORS {
            return Err(ChannelError::TooLarge);
        }
        // A file descriptor of the process's is one of each of its threads.
        let ours = |descriptor: &Descriptor| {
            let is_file = crate::linux::as_fd(descriptor).is_some();
            let is_channel = descriptor.is::<Self>();
            let is_source = Source::of(descriptor).is_ok();
            is_file || is_source || is_channel || memory::is_region(descriptor)
        };
        if !packet.descriptors.iter().all(ours) {
            return Err(ChannelError::WrongDescriptor);
        }
        self.outgoing.push(packet.clone())
    }

    fn receive(&self) -> Result<Option<Packet>, ChannelError> {
        self.incoming.pop()
    }

    fn peek(&self) -> Result<Option<Packet>, ChannelError> {
        self.incoming.peek()
    }

    fn discard(&self) {
        // If nothing is there, nothing is to be dropped.
        let _ = self.incoming.pop();
    }

    fn receive_within(&self, timeout_ns: Option<u64>) -> Result<Packet, ChannelError> {
        let deadline = timeout_ns.map(|timeout_ns| clock::now().after_ns(timeout_ns));
        self.incoming.pop_until(deadline)
    }

    fn is_connected(&self) -> bool {
        !self.outgoing.is_closed()
    }

    fn peer(&self) -> Peer {
        let groups = rustix::process::getgroups().unwrap_or_default();
        Peer {
            pid: std::process::id(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            groups: groups.into_iter().map(rustix::fs::Gid::as_raw).collect(),
        }
    }

    fn source(&self) -> Descriptor {
        self.incoming.source()
    }
}

impl Drop for LocalChannel {
    fn drop(&mut self) {
        self.close();
    }
}
