//! The text that says why something failed, for people.
//!
//! | offset | size | field | meaning                                  |
//! |--------|------|-------|------------------------------------------|
//! | 0      | 2    | bytes | length of the text, at most 256          |
//! | 2      |      | text  | UTF-8 without control characters         |

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str;

use super::error::Fault;
use super::field::{Body, Input};

/// At most 256 bytes of text without control characters, so that it can be shown as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The longest text.
    pub const MAX_BYTES: usize = 256;

    /// As much of `text` as fits, with spaces for control characters.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut kept = String::new();
        for character in text.chars() {
            if kept.len() + character.len_utf8() > Self::MAX_BYTES {
                break;
            }
            kept.push(if character.is_control() { ' ' } else { character });
        }
        Self(kept)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Body for Reason {
    const MAX_BYTES: usize = u16::MAX_BYTES + Self::MAX_BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        // At most 256 by construction.
        u16::try_from(self.0.len()).unwrap_or(u16::MAX).write(out);
        out.extend_from_slice(self.0.as_bytes());
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let count = usize::from(u16::read(input)?);
        if count > Self::MAX_BYTES {
            return Err(Fault::Text);
        }
        let text = str::from_utf8(input.take_bytes(count)?).map_err(|_| Fault::Text)?;
        if text.chars().any(char::is_control) {
            return Err(Fault::Text);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_at_a_character() {
        let text = "é".repeat(200);
        assert_eq!(Reason::new(&text).as_str(), "é".repeat(128));
        assert_eq!(Reason::new(&"x".repeat(300)).as_str().len(), Reason::MAX_BYTES);
        let odd = "x".to_owned() + &text;
        assert_eq!(Reason::new(&odd).as_str().len(), 255);
    }

    #[test]
    fn terminals_are_not_controlled() {
        assert_eq!(Reason::new("a\x1b[31mb\n").as_str(), "a [31mb ");
        let mut out = Vec::new();
        Reason("a\x1b".to_owned()).write(&mut out);
        assert_eq!(Reason::read(&mut Input::new(&out)), Err(Fault::Text));
    }
}
