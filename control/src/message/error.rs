//! Why bytes are not a message, with what it takes to answer their sender.

use core::fmt;

/// Why bytes were refused as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Too short for a header, or longer than a message may be.
    Size {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The first word is not that of a message.
    Magic {
        /// The word that is there.
        magic: u32,
    },
    /// The sender speaks another version.
    Version {
        /// The sender's.
        version: u16,
    },
    /// A well-formed header of a kind that is unknown, or not for this direction.
    Unknown {
        /// The kind.
        kind: u16,
        /// What a reply must name.
        request: u64,
    },
    /// A message of this version that breaks a rule.
    Malformed {
        /// The kind, known or not.
        kind: u16,
        /// What a reply must name.
        request: u64,
        /// The first rule that is broken.
        fault: Fault,
    },
}

/// The rule that a malformed message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A reserved field is not 0.
    Reserved,
    /// The body is not as long as the header says, or as its kind and counts ask for.
    Length,
    /// Not the number of descriptors that accompany this kind.
    Descriptors {
        /// The number in the header.
        count: u16,
    },
    /// A word that no handle is written as.
    Handle {
        /// The word.
        word: u64,
    },
    /// A right that does not exist.
    Rights {
        /// All bits of the field.
        bits: u64,
    },
    /// A name that is empty, has a character outside `a-z0-9-`, or is not padded with 0.
    Name,
    /// A text that is too long, not UTF-8, or has control characters.
    Text,
    /// A choice that does not exist.
    Choice {
        /// The field.
        value: u16,
    },
    /// A number that is no error number.
    Errno {
        /// The field.
        value: i32,
    },
    /// Layers of confinement that do not exist.
    Layers {
        /// All bits of the field.
        bits: u32,
    },
    /// More or fewer elements than the list may have.
    Count {
        /// The number that the list claims.
        count: u32,
    },
    /// A bucket of a histogram that does not exist, is empty, or is not behind the one before.
    Bucket {
        /// Its number.
        bucket: u16,
    },
}

impl DecodeError {
    /// The request to name in a reply, if the bytes get as far as having one.
    #[must_use]
    pub const fn request(&self) -> Option<u64> {
        match self {
            Self::Unknown { request, .. } | Self::Malformed { request, .. } => Some(*request),
            Self::Size { .. } | Self::Magic { .. } | Self::Version { .. } => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { bytes } => write!(f, "{bytes} bytes are no message"),
            Self::Magic { magic } => write!(f, "{magic:#010x} does not begin a message"),
            Self::Version { version } => write!(f, "version {version} is not spoken here"),
            Self::Unknown { kind, .. } => write!(f, "unknown kind of message {kind:#06x}"),
            Self::Malformed { kind, fault, .. } => {
                write!(f, "malformed message of kind {kind:#06x}: {fault}")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved => f.write_str("a reserved field is not 0"),
            Self::Length => f.write_str("wrong length"),
            Self::Descriptors { count } => write!(f, "wrong number of descriptors, {count}"),
            Self::Handle { word } => write!(f, "{word:#x} is no handle"),
            Self::Rights { bits } => write!(f, "unknown rights in {bits:#x}"),
            Self::Name => f.write_str("invalid name"),
            Self::Text => f.write_str("invalid text"),
            Self::Choice { value } => write!(f, "unknown choice {value}"),
            Self::Errno { value } => write!(f, "{value} is no error number"),
            Self::Layers { bits } => write!(f, "unknown layers in {bits:#x}"),
            Self::Count { count } => write!(f, "{count} is not an allowed number of elements"),
            Self::Bucket { bucket } => write!(f, "bucket {bucket} is empty or out of order"),
        }
    }
}
