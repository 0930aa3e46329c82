//! A name as it is kept: a short one in place, so that comparing it looks nowhere else.

use alloc::boxed::Box;

/// Longest name kept in place, bytes: so that a dentry fits a cache line.
const SHORT: usize = 22;

/// A name, 0 to 255 bytes.
pub(crate) enum StoredName {
    /// In place.
    Short { len: u8, bytes: [u8; SHORT] },
    /// Elsewhere.
    Long(Box<[u8]>),
}

impl StoredName {
    pub(crate) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(name);
                Self::Short { len, bytes }
            }
            _ => Self::Long(name.into()),
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(name) => name,
        }
    }
}

impl Default for StoredName {
    fn default() -> Self {
        Self::new(b"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_are_kept() {
        let name: alloc::vec::Vec<u8> = (0..255).collect();
        for len in 0..name.len() {
            assert_eq!(StoredName::new(&name[..len]).as_bytes(), &name[..len]);
        }
    }
}
