//! Who is at the other end of a socket, as the kernel recorded it when the two were connected.
//!
//! Not by rustix, whose process id cannot be 0: that is what the kernel reports for a peer outside
//! of our process namespace.
#![expect(unsafe_code, reason = "socket options that rustix does not have")]

use super::process;
use control::platform::Peer;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ffi::c_int;

/// A pidfd of the peer; not in the `libc` crate.
const SO_PEERPIDFD: c_int = 77;
/// Groups that fit at the first try.
const GROUPS: usize = 32;
/// What is recorded where the kernel does not say: nobody, in no group.
const NOBODY: u32 = u32::MAX;

/// The peer of a connected socket.
pub(crate) fn peer(socket: impl AsFd) -> Peer {
    let socket = socket.as_fd();
    let mut user = [libc::ucred { pid: 0, uid: NOBODY, gid: NOBODY }];
    // A failure leaves nobody in place, and nobody has no rights.
    let _ = option(socket, libc::SO_PEERCRED, &mut user);
    let [user] = user;
    let within = u32::try_from(user.pid).unwrap_or(0);
    Peer {
        // Of another namespace, it has no number in ours, but one for the rest of the machine.
        pid: outer_pid(socket).unwrap_or(within),
        uid: user.uid,
        gid: user.gid,
        groups: groups(socket),
    }
}

/// The peer's number in the machine; Linux 6.5 or later says.
fn outer_pid(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut number = [-1];
    let count = option(socket, SO_PEERPIDFD, &mut number);
    let [number] = number;
    if count != Ok(1) || number < 0 {
        return None;
    }
    // SAFETY: the kernel has made this descriptor for us, so nobody else owns it.
    let process = unsafe { OwnedFd::from_raw_fd(number) };
    process::outer_pid(process.as_fd())
}

fn groups(socket: BorrowedFd<'_>) -> Vec<u32> {
    let mut groups = vec![0; GROUPS];
    let mut count = option(socket, libc::SO_PEERGROUPS, &mut groups);
    if let Err(needed) = count {
        groups.resize(needed, 0);
        count = option(socket, libc::SO_PEERGROUPS, &mut groups);
    }
    groups.truncate(count.unwrap_or(0));
    groups
}

/// A plain type that any bytes are a value of.
trait Plain: Copy {}
impl Plain for c_int {}
impl Plain for u32 {}
impl Plain for libc::ucred {}

/// Reads a socket option made of `T`s, and says how many there were; `Err` if they do not fit, with
/// how many would (0: another error).
fn option<T: Plain>(socket: BorrowedFd<'_>, name: c_int, into: &mut [T]) -> Result<usize, usize> {
    let mut bytes = libc::socklen_t::try_from(size_of_val(into)).unwrap_or(0);
    // SAFETY: the kernel writes at most `bytes` bytes to `into`, which is that long, and any bytes
    // are a `T`.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            into.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    let count = bytes as usize / size_of::<T>();
    if outcome == 0 {
        Ok(count)
    } else if count > into.len() {
        Err(count)
    } else {
        Err(0)
    }
}
