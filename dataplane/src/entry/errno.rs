//! Why a request failed, in the numbers of Linux, which clients of every platform see.

use core::fmt;

/// The outcome of a request as a completion carries it: ≥ 0 is a count, < 0 a negated errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// Success with nothing to count.
    pub const OK: Self = Self(0);

    /// Success with a count, which is at most `i32::MAX`.
    #[must_use]
    #[inline]
    pub fn count(count: u32) -> Self {
        Self(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// The count, or the error.
    ///
    /// # Errors
    /// What the service answered.
    #[inline]
    pub fn result(self) -> Result<u32, Errno> {
        u32::try_from(self.0).map_err(|_| Errno(self.0.checked_neg().unwrap_or(Errno::EIO.0)))
    }
}

impl From<Errno> for Status {
    fn from(errno: Errno) -> Self {
        Self(-errno.0)
    }
}

/// An error number, > 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Self = Self($number);)*

            /// The symbolic name, if it is one that a service of ours answers with.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(stringify!($name)),)* _ => None }
            }

            /// What it means, in a few words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self.0 { $($number => $text,)* _ => "unknown error" }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    EINTR = 4, "interrupted";
    EIO = 5, "input/output error";
    ENXIO = 6, "no such device or address";
    E2BIG = 7, "too long";
    EBADF = 9, "no such handle, or not open for this";
    EAGAIN = 11, "try again";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "permission denied";
    EFAULT = 14, "range outside the buffer";
    EBUSY = 16, "busy";
    EEXIST = 17, "exists already";
    EXDEV = 18, "on another file system";
    ENODEV = 19, "no such device";
    ENOTDIR = 20, "not a directory";
    EISDIR = 21, "is a directory";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "too many open files in the system";
    EMFILE = 24, "too many open handles in the session";
    EFBIG = 27, "file too large";
    ENOSPC = 28, "no space left";
    ESPIPE = 29, "cannot seek";
    EROFS = 30, "read-only file system";
    EMLINK = 31, "too many links";
    ERANGE = 34, "result too large";
    EDEADLK = 35, "would deadlock";
    ENAMETOOLONG = 36, "name too long";
    ENOTEMPTY = 39, "directory not empty";
    ELOOP = 40, "too many symbolic links";
    ENODATA = 61, "no data";
    ETIME = 62, "time is over";
    EPROTO = 71, "protocol error";
    EOVERFLOW = 75, "value too large";
    EOPNOTSUPP = 95, "operation not supported";
    ENOTCONN = 107, "not connected: the service or the system has gone";
    ETIMEDOUT = 110, "timed out";
    EALREADY = 114, "cannot be cancelled any more";
    ESTALE = 116, "stale";
    EDQUOT = 122, "quota of the session exceeded";
    ECANCELED = 125, "cancelled";
    EKEYREVOKED = 128, "capability revoked";
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self:?})", self.text())
    }
}

impl core::error::Error for Errno {}
