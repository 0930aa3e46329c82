//! Where clients reach the system: a socket under an address.
//!
//! | address | what it is |
//! |---|---|
//! | `@name` | an abstract name: no file, gone with the process, any user may connect |
//! | anything else | a path; any user that reaches it may connect, and is known by `SO_PEERCRED` |
//!
//! A socket file that was left behind is replaced if nothing listens on it; a listener that ends
//! in order removes its own.

use super::channel::LinuxChannel;
use super::handle::{Handle, Origin};
use crate::address::{ConnectError, ListenError};
use control::platform::{Channel, Listener};
use dataplane::Descriptor;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    socket_with,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// A listening socket.
pub(crate) struct LinuxListener {
    socket: Arc<Handle>,
    /// The socket file to remove at the end.
    path: Option<String>,
    /// Given up for a moment to turn clients away when there is no descriptor left; otherwise they
    /// would wait for an answer that never comes.
    spare: Mutex<Option<OwnedFd>>,
}

impl LinuxListener {
    pub(crate) fn open(address: &str) -> Result<Self, ListenError> {
        let name = parse(address).map_err(|_| ListenError::BadAddress)?;
        let path = (!address.starts_with('@')).then(|| address.to_owned());
        let socket = new_socket(SocketFlags::NONBLOCK).map_err(refusal)?;
        match (bind(&socket, &name), &path) {
            (Err(Errno::ADDRINUSE), Some(path)) => {
                remove_stale(path, &name)?;
                bind(&socket, &name).map_err(refusal)?;
            }
            (bound, _) => bound.map_err(refusal)?,
        }
        let spare = new_socket(SocketFlags::empty()).map_err(refusal)?;
        let listener = Self {
            socket: Handle::new(socket, Origin::System),
            path,
            spare: Mutex::new(Some(spare)),
        };
        if let Some(path) = &listener.path {
            rustix::fs::chmod(path, Mode::from_raw_mode(0o666)).map_err(refusal)?;
        }
        listen(&*listener.socket, BACKLOG).map_err(refusal)?;
        Ok(listener)
    }
}

impl LinuxListener {
    /// A listener that another process has made, and whose socket file is that one's to remove.
    pub(crate) fn of(socket: OwnedFd) -> Result<Self, ListenError> {
        let spare = new_socket(SocketFlags::empty()).map_err(refusal)?;
        let socket = Handle::new(socket, Origin::System);
        Ok(Self { socket, path: None, spare: Mutex::new(Some(spare)) })
    }
}

impl Listener for LinuxListener {
    fn accept(&self) -> Option<Arc<dyn Channel>> {
        loop {
            match accept_with(&*self.socket, SocketFlags::CLOEXEC) {
                Ok(socket) => {
                    let channel = LinuxChannel::new(socket, Origin::Stranger);
                    return Some(Arc::new(channel));
                }
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::MFILE | Errno::NFILE) if self.turn_away() => {}
                Err(_) => return None,
            }
        }
    }

    fn source(&self) -> Descriptor {
        Arc::clone(&self.socket) as Descriptor
    }
}

impl LinuxListener {
    /// Takes a connection and closes it; whether there was one.
    fn turn_away(&self) -> bool {
        // The slot is whole whatever panicked while it was locked.
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        drop(spare.take());
        let turned_away = accept_with(&*self.socket, SocketFlags::CLOEXEC).is_ok();
        *spare = new_socket(SocketFlags::empty()).ok();
        turned_away
    }
}

impl Drop for LinuxListener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Already gone is as good.
            let _ = rustix::fs::unlink(path);
        }
    }
}

/// Connects to a listener, and waits for at most `timeout` if its queue is full.
pub(crate) fn connect_to(address: &str, timeout: Duration) -> Result<LinuxChannel, ConnectError> {
    let name = parse(address).map_err(|_| ConnectError::BadAddress)?;
    let socket = new_socket(SocketFlags::empty()).map_err(|_| ConnectError::Exhausted)?;
    // Connecting to a socket of this kind waits as long as sending would. 0 would mean forever.
    let timeout = timeout.max(Duration::from_millis(1));
    set_socket_timeout(&socket, Timeout::Send, Some(timeout))
        .map_err(|_| ConnectError::Exhausted)?;
    retry_on_intr(|| connect(&socket, &name)).map_err(|error| match error {
        Errno::NOENT | Errno::CONNREFUSED => ConnectError::NotListening,
        Errno::ACCESS | Errno::PERM => ConnectError::Denied,
        Errno::AGAIN | Errno::TIMEDOUT => ConnectError::TimedOut,
        Errno::NOMEM | Errno::NOBUFS => ConnectError::Exhausted,
        _ => ConnectError::BadAddress,
    })?;
    Ok(LinuxChannel::new(socket, Origin::System))
}

fn parse(address: &str) -> rustix::io::Result<SocketAddrUnix> {
    match address.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        None => SocketAddrUnix::new(address),
    }
}

fn new_socket(flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// Removes a socket file that has nobody behind it.
fn remove_stale(path: &str, name: &SocketAddrUnix) -> Result<(), ListenError> {
    let stat = rustix::fs::lstat(path).map_err(refusal)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(ListenError::BadAddress);
    }
    let probe = new_socket(SocketFlags::NONBLOCK).map_err(refusal)?;
    match retry_on_intr(|| connect(&probe, name)) {
        Err(Errno::CONNREFUSED) => rustix::fs::unlink(path).map_err(refusal),
        // Also one of another kind: somebody listens.
        _ => Err(ListenError::InUse),
    }
}

fn refusal(error: Errno) -> ListenError {
    match error {
        Errno::ADDRINUSE => ListenError::InUse,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => ListenError::Denied,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => ListenError::Exhausted,
        _ => ListenError::BadAddress,
    }
}
