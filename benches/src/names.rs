//! The names of the files whose metadata is measured: 10,000 that stay, and new ones that come and
//! go beside them.

use std::ffi::{CStr, CString};

use anyhow::{Context, Result};

/// Files that stay in the directory.
pub const NAMES: u32 = 10_000;

/// What names of files that stay begin with, and no others.
pub const PREFIX: &[u8] = b"file-";

/// The names of the files that stay.
pub fn names() -> impl Iterator<Item = CString> {
    (0..NAMES).map(|number| numbered("file", number))
}

/// A name of a kind, with a number.
#[must_use]
pub fn numbered(kind: &str, number: u32) -> CString {
    CString::new(format!("{kind}-{number}")).unwrap_or_default()
}

/// Random ones of the files that stay.
#[derive(Debug)]
pub struct RandomNames {
    names: Vec<CString>,
    random: fastrand::Rng,
}

impl RandomNames {
    /// In the order that the seed gives.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { names: names().collect(), random: fastrand::Rng::with_seed(seed) }
    }

    /// Any one.
    pub fn draw(&mut self) -> &CStr {
        self.random.choice(&self.names).map(CString::as_c_str).unwrap_or_default()
    }
}

/// New names, each once in a block.
#[derive(Debug, Default)]
pub struct NewNames {
    names: Vec<CString>,
    used: usize,
}

impl NewNames {
    /// Starts a block of so many steps; returns the names that it will use.
    ///
    /// # Errors
    /// When there are more steps than can be counted here.
    pub fn start(&mut self, steps: u64) -> Result<&[CString]> {
        self.used = 0;
        for number in self.names.len()..usize::try_from(steps)? {
            self.names.push(numbered("new", u32::try_from(number)?));
        }
        Ok(self.names.get(..usize::try_from(steps)?).unwrap_or_default())
    }

    /// Uses the next one.
    ///
    /// # Errors
    /// When the block has more steps than it was started with.
    pub fn take(&mut self) -> Result<&CStr> {
        self.used += 1;
        let name = self.names.get(self.used - 1);
        name.map(CString::as_c_str).context("a block has more steps than it was started with")
    }

    /// Those used since the block was started.
    #[must_use]
    pub fn used(&self) -> &[CString] {
        self.names.get(..self.used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_that_stay_are_distinct_and_told_by_their_prefix() {
        let staying: HashSet<CString> = names().collect();
        assert_eq!(staying.len(), 10_000);
        assert!(staying.iter().all(|name| name.to_bytes().starts_with(PREFIX)));
        let mut random = RandomNames::new(1);
        assert!((0..100).all(|_| staying.contains(random.draw())));
    }

    #[test]
    fn a_block_uses_each_new_name_once() {
        let mut new = NewNames::default();
        assert_eq!(new.start(3).unwrap().len(), 3);
        assert!(new.used().is_empty());
        let used: Vec<CString> = (0..3).map(|_| new.take().unwrap().to_owned()).collect();
        assert_eq!(new.used(), used);
        assert!(used.iter().all(|name| !name.to_bytes().starts_with(PREFIX)));
        assert_eq!(used.iter().collect::<HashSet<_>>().len(), 3);
        assert!(new.take().is_err());
        assert_eq!(new.start(2).unwrap(), &used[..2]);
    }
}
