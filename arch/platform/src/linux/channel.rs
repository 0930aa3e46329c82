//! Channels: Unix sockets that keep message boundaries and pass descriptors.
//!
//! A peer may send anything. What does not fit a packet is dropped together with all descriptors
//! that came with it; what those refer to is checked where they are used. Sockets that came from a
//! peer may be made blocking by it, so every call says for itself that it must not block.
//!
//! Merely closing a descriptor may wait for who has sent it: of a file in a FUSE mount of his own,
//! the kernel asks him first. So those of strangers who are other users are never taken: the kernel
//! drops them, for which it does not ask.

use super::credentials;
use super::handle::{Handle, Origin, as_fd};
use crate::clock;
use control::platform::{Channel, ChannelError, MAX_DESCRIPTORS, MAX_MESSAGE, Packet, Peer};
use dataplane::Descriptor;
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, IoSlice, IoSliceMut, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, RecvMsg, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Bytes of control data for the descriptors of one message.
const CONTROL_BYTES: usize = cmsg_space!(ScmRights(MAX_DESCRIPTORS));

/// One end of a socket.
pub(crate) struct LinuxChannel {
    socket: Arc<Handle>,
    peer: Peer,
    /// What descriptors from the peer count as.
    origin: Origin,
    /// Whether any are taken from it.
    takes_descriptors: bool,
}

impl LinuxChannel {
    /// A channel over a connected socket. `origin` is what the peer's descriptors count as.
    pub(crate) fn new(socket: OwnedFd, origin: Origin) -> Self {
        let peer = credentials::peer(&socket);
        let own = rustix::process::geteuid().as_raw();
        let is_trusted = origin == Origin::System || peer.uid == 0 || peer.uid == own;
        Self {
            peer,
            takes_descriptors: is_trusted,
            socket: Handle::new(socket, Origin::System),
            origin,
        }
    }
}

impl Channel for LinuxChannel {
    fn send(&self, packet: &Packet) -> Result<(), ChannelError> {
        let bytes = 1..=MAX_MESSAGE;
        if !bytes.contains(&packet.bytes.len()) || packet.descriptors.len() > MAX_DESCRIPTORS {
            return Err(ChannelError::TooLarge);
        }
        let handles = packet.descriptors.iter().map(Handle::of);
        let handles = handles.collect::<Result<Vec<_>, _>>();
        let handles = handles.map_err(|_| ChannelError::WrongDescriptor)?;
        let fds: Vec<BorrowedFd<'_>> = handles.iter().map(|handle| handle.as_fd()).collect();

        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(ChannelError::TooLarge);
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let bytes = [IoSlice::new(&packet.bytes)];
        let sent = retry_on_intr(|| sendmsg(&*self.socket, &bytes, &mut control, flags));
        sent.map(drop).map_err(refusal)
    }

    fn receive(&self) -> Result<Option<Packet>, ChannelError> {
        self.take(RecvFlags::empty())
    }

    fn peek(&self) -> Result<Option<Packet>, ChannelError> {
        self.take(RecvFlags::PEEK)
    }

    fn discard(&self) {
        // Without room for descriptors, the kernel drops those of the message.
        let mut control = RecvAncillaryBuffer::new(&mut []);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let mut byte = [0];
        // If nothing is there, nothing is to be dropped.
        let _ = retry_on_intr(|| {
            recvmsg(&*self.socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)
        });
    }

    fn receive_within(&self, timeout_ns: Option<u64>) -> Result<Packet, ChannelError> {
        let deadline = timeout_ns.map(|timeout_ns| clock::now().after_ns(timeout_ns));
        loop {
            if let Some(packet) = self.receive()? {
                return Ok(packet);
            }
            let left = deadline.map(clock::until_ns);
            if left == Some(0) {
                return Err(ChannelError::TimedOut);
            }
            let mut sources = [PollFd::new(&*self.socket, PollFlags::IN)];
            // Whatever it returns, the next round finds out.
            let _ = poll(&mut sources, left.map(clock::timespec).as_ref());
        }
    }

    fn is_connected(&self) -> bool {
        let gone = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR;
        let mut sources = [PollFd::new(&*self.socket, PollFlags::RDHUP)];
        let looked = retry_on_intr(|| poll(&mut sources, Some(&clock::timespec(0))));
        looked.is_ok() && !sources.iter().any(|source| source.revents().intersects(gone))
    }

    fn peer(&self) -> Peer {
        self.peer.clone()
    }

    fn source(&self) -> Descriptor {
        Arc::clone(&self.socket) as Descriptor
    }
}

impl LinuxChannel {
    fn take(&self, how: RecvFlags) -> Result<Option<Packet>, ChannelError> {
        let mut bytes = vec![0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let room = if self.takes_descriptors { CONTROL_BYTES } else { 0 };
        let mut control = RecvAncillaryBuffer::new(space.get_mut(..room).unwrap_or_default());
        let flags = how | RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let message = loop {
            let mut into = [IoSliceMut::new(&mut bytes)];
            match recvmsg(&*self.socket, &mut into, &mut control, flags) {
                Ok(message) => break message,
                Err(Errno::AGAIN) => return Ok(None),
                // Told once if the peer went without reading all; what it sent comes after.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(_) => return Err(ChannelError::Closed),
            }
        };
        // Taken before anything is judged, so that all are closed if the message is dropped.
        let descriptors = self.descriptors(&mut control);
        judge(&message, descriptors.len())?;
        bytes.truncate(message.bytes);
        Ok(Some(Packet { bytes, descriptors }))
    }

    fn descriptors(&self, control: &mut RecvAncillaryBuffer<'_>) -> Vec<Descriptor> {
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                let new = fds.map(|fd| Handle::new(fd, self.origin) as Descriptor);
                descriptors.extend(new);
            }
        }
        descriptors
    }
}

/// The channel of a client's socket that an earlier process has kept.
#[must_use]
pub fn client_channel(descriptor: &Descriptor) -> Option<Arc<dyn Channel>> {
    channel_of(descriptor, Origin::Stranger)
}

/// The channel of a socket; what comes by it is from there.
pub(crate) fn channel_of(descriptor: &Descriptor, origin: Origin) -> Option<Arc<dyn Channel>> {
    let socket = as_fd(descriptor)?.try_clone_to_owned().ok()?;
    Some(Arc::new(LinuxChannel::new(socket, origin)))
}

/// Two connected sockets.
pub(crate) fn socket_pair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

fn judge(message: &RecvMsg, descriptors: usize) -> Result<(), ChannelError> {
    let cut = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    if message.flags.intersects(cut) || descriptors > MAX_DESCRIPTORS {
        Err(ChannelError::TooLarge)
    } else if message.bytes == 0 {
        // Also what an empty message looks like, which no honest peer sends.
        Err(ChannelError::Closed)
    } else {
        Ok(())
    }
}

fn refusal(error: Errno) -> ChannelError {
    match error {
        // The last is for descriptors that are on their way, to all peers of this user.
        Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::TOOMANYREFS => ChannelError::Full,
        Errno::MSGSIZE => ChannelError::TooLarge,
        _ => ChannelError::Closed,
    }
}
