//! Why an address cannot be listened on or connected to; the same for both platforms.

/// Why an address cannot be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Somebody listens there.
    InUse,
    /// No right to make the socket file.
    Denied,
    /// Too long, or a path whose directory does not exist, or a file that is no socket.
    BadAddress,
    /// No descriptor or memory to be had.
    Exhausted,
}

/// Why the system cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody listens there.
    NotListening,
    /// No right to reach the socket file.
    Denied,
    /// Somebody listens, but does not accept in time.
    TimedOut,
    /// Too long, or no such kind of socket.
    BadAddress,
    /// No descriptor or memory to be had.
    Exhausted,
}
