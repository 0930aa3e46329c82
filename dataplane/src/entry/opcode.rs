//! The operations.

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $byte:literal,)*) => {
        /// What an entry asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Opcode {
            $($(#[$doc])* $name,)*
            /// A byte with no meaning: answered with -EOPNOTSUPP.
            Unknown(u8),
        }

        impl Opcode {
            /// Every known operation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The meaning of an opcode byte.
            #[must_use]
            #[inline]
            pub fn from_byte(byte: u8) -> Self {
                match byte {
                    $($byte => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }

            /// The opcode byte.
            #[must_use]
            #[inline]
            pub fn to_byte(self) -> u8 {
                match self {
                    $(Self::$name => $byte,)*
                    Self::Unknown(byte) => byte,
                }
            }
        }
    };
}

opcodes! {
    /// Completes at once.
    Nop = 0,
    /// Tells which operations there are.
    Probe = 1,
    /// Cancels requests.
    Cancel = 2,
    /// Completes at a time.
    Timeout = 3,
    /// Gives a held grant back.
    Release = 4,
    /// Opens or creates a file relative to a directory.
    OpenAt = 16,
    /// Closes a handle.
    Close = 17,
    /// Reads into a buffer.
    Read = 18,
    /// Reads without a copy.
    ReadGrant = 19,
    /// Writes from a buffer.
    Write = 20,
    /// Makes contents durable.
    Fsync = 21,
    /// Sets the size of a file.
    Ftruncate = 22,
    /// Reads attributes.
    Statx = 23,
    /// Reads a directory.
    Getdents = 24,
    /// Makes a directory.
    MkdirAt = 25,
    /// Removes a name.
    UnlinkAt = 26,
    /// Renames.
    RenameAt = 27,
    /// Allocates, punches or zeroes a range of a file.
    Fallocate = 28,
    /// Makes a hard link.
    LinkAt = 29,
    /// Makes a symbolic link.
    SymlinkAt = 30,
    /// Reads a symbolic link.
    ReadlinkAt = 31,
    /// Makes a FIFO, socket or device name.
    MknodAt = 32,
    /// Finds data or a hole.
    Lseek = 33,
    /// Copies between files.
    CopyFileRange = 34,
    /// Reads the attributes of a file system.
    Statfs = 35,
    /// Makes a whole file system durable.
    Syncfs = 36,
    /// Sets attributes.
    Setattr = 37,
    /// Reads an extended attribute.
    Getxattr = 38,
    /// Sets an extended attribute.
    Setxattr = 39,
    /// Lists extended attributes.
    Listxattr = 40,
    /// Removes an extended attribute.
    Removexattr = 41,
    /// Takes, tests or drops an advisory lock.
    Lock = 42,
    /// Reports changes.
    Watch = 43,
    /// Appends records to the log.
    Append = 64,
}
