//! Checksums of files, and of a tree: of every path, size and file's checksum, in order.

use std::collections::BTreeMap;
use twox_hash::xxhash3_128::Hasher;

/// Adds up a file's contents.
pub(super) struct FileSum {
    hasher: Hasher,
    bytes: u64,
}

impl FileSum {
    pub(super) fn new() -> Self {
        Self { hasher: Hasher::new(), bytes: 0 }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(super) fn finish(&self) -> Sum {
        Sum { bytes: self.bytes, checksum: self.hasher.finish_128() }
    }
}

/// Size and checksum of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    bytes: u64,
    checksum: u128,
}

/// The files of a tree by their paths from its top.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TreeSums {
    files: BTreeMap<Vec<u8>, Sum>,
}

impl TreeSums {
    /// Adds a file.
    pub(super) fn add(&mut self, path: &[u8], file: Sum) {
        self.files.insert(path.to_vec(), file);
    }

    /// How many files.
    pub(super) fn files(&self) -> u64 {
        self.files.len() as u64
    }

    /// Their sizes, added up.
    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|sum| sum.bytes).sum()
    }

    /// One checksum for all, in hexadecimal digits.
    pub(super) fn checksum(&self) -> String {
        let mut hasher = Hasher::new();
        for (path, sum) in &self.files {
            hasher.write(&(path.len() as u64).to_le_bytes());
            hasher.write(path);
            hasher.write(&sum.bytes.to_le_bytes());
            hasher.write(&sum.checksum.to_le_bytes());
        }
        format!("{:032x}", hasher.finish_128())
    }

    /// The first path at which two trees differ.
    pub(super) fn first_difference<'a>(&'a self, other: &'a Self) -> Option<&'a [u8]> {
        let differs = |(path, sum): &(&'a Vec<u8>, &Sum)| other.files.get(*path) != Some(*sum);
        let missing = |path: &&'a Vec<u8>| !self.files.contains_key(*path);
        let changed = self.files.iter().find(differs).map(|(path, _)| path);
        changed.or_else(|| other.files.keys().find(missing)).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> TreeSums {
        let mut sums = TreeSums::default();
        for (path, contents) in files {
            let mut sum = FileSum::new();
            contents.as_bytes().chunks(3).for_each(|part| sum.add(part));
            sums.add(path.as_bytes(), sum.finish());
        }
        sums
    }

    #[test]
    fn equal_trees_have_equal_sums_in_any_order() {
        let a = tree(&[("a", "contents"), ("b/c", "")]);
        let b = tree(&[("b/c", ""), ("a", "contents")]);
        assert_eq!((a.checksum(), a.first_difference(&b)), (b.checksum(), None));
        assert_eq!((a.files(), a.bytes()), (2, 8));
    }

    #[test]
    fn every_difference_shows() {
        let tree_a = tree(&[("a", "contents"), ("b/c", "")]);
        for (other, path) in [
            (tree(&[("a", "contentz"), ("b/c", "")]), "a"),
            (tree(&[("a", "contents"), ("b/d", "")]), "b/c"),
            (tree(&[("a", "contents")]), "b/c"),
            (tree(&[("a", "contents"), ("b/c", ""), ("d", "")]), "d"),
            (tree(&[("a", "contents"), ("b/c", "\0")]), "b/c"),
        ] {
            assert_ne!(tree_a.checksum(), other.checksum());
            assert_eq!(tree_a.first_difference(&other), Some(path.as_bytes()));
        }
    }
}
