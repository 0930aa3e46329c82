//! The names of services.
//!
//! | offset | size | meaning                                            |
//! |--------|------|----------------------------------------------------|
//! | 0      | 64   | 1 to 64 characters of `a-z0-9-`, then 0 to the end |

use core::fmt;
use core::str::{self, FromStr};

use super::error::Fault;
use super::field::Field;

/// What names a service: 1 to 64 characters of `a-z0-9-`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; Name::MAX_BYTES]);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName;

impl Name {
    /// The longest name.
    pub const MAX_BYTES: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_BYTES);
        // A name is ASCII, so the fall-back is never taken.
        self.0.get(..end).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = [0; Self::MAX_BYTES];
        let start = bytes.get_mut(..text.len()).ok_or(InvalidName)?;
        start.copy_from_slice(text.as_bytes());
        let name = Self::from_layout(bytes).map_err(|_| InvalidName)?;
        // A 0 in the text would pass for padding.
        if name.as_str() == text { Ok(name) } else { Err(InvalidName) }
    }
}

impl Field for Name {
    type Layout = [u8; Self::MAX_BYTES];

    fn to_layout(&self) -> Self::Layout {
        self.0
    }

    fn from_layout(bytes: Self::Layout) -> Result<Self, Fault> {
        let is_padding = |byte: &u8| *byte == 0;
        let mut text = bytes.iter().take_while(|byte| !is_padding(byte)).peekable();
        let named = text.peek().is_some()
            && text.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && bytes.iter().skip_while(|byte| !is_padding(byte)).all(is_padding);
        if named { Ok(Self(bytes)) } else { Err(Fault::Name) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name is 1 to {} characters of a-z, 0-9 and -", Name::MAX_BYTES)
    }
}

impl core::error::Error for InvalidName {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_keep_their_text() {
        for text in ["a", "vfs", "net-0", &"x".repeat(Name::MAX_BYTES)] {
            assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in ["", "A", "a b", "a/b", "..", "é", "a\0", "\0", &"x".repeat(65)] {
            assert_eq!(text.parse::<Name>(), Err(InvalidName), "{text:?}");
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut bytes = "vfs".parse::<Name>().unwrap().to_layout();
        bytes[10] = b'x';
        assert_eq!(Name::from_layout(bytes), Err(Fault::Name));
        assert_eq!(Name::from_layout([0; 64]), Err(Fault::Name));
    }
}
