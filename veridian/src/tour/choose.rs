//! Finds a directory tree worth copying: documentation or sources, large enough to mean
//! something and small enough to be quick.

use crate::tree::{Count, Host, Limit, Side, Size, count};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Fewest files that the default tree has.
const FEWEST_FILES: u64 = 5_000;
/// Most that is copied of it.
const MOST: Limit = Limit { files: 20_000, bytes: 256 << 20 };

/// A tree to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Where it is on the host.
    pub(super) path: PathBuf,
    /// How much of it is copied at most.
    pub(super) limit: Limit,
}

/// The first candidate that is neither too small nor too large; else the first that is too
/// large, of which a part is copied; else the one with the most files. `None` if nothing that
/// could be read has any.
pub(super) fn choose(candidates: impl Iterator<Item = PathBuf>) -> Option<Choice> {
    let mut too_large = None;
    let mut too_small: Option<(u64, PathBuf)> = None;
    for path in candidates {
        let Some(size) = measure(&path) else { continue };
        match size {
            Size::Within(Count { files, .. }) if files >= FEWEST_FILES => {
                return Some(Choice { path, limit: MOST });
            }
            Size::Beyond(Count { files, .. }) if files >= FEWEST_FILES => {
                too_large.get_or_insert(path);
            }
            Size::Within(Count { files, .. }) | Size::Beyond(Count { files, .. }) => {
                if too_small.as_ref().is_none_or(|(most, _)| files > *most) && files > 0 {
                    too_small = Some((files, path));
                }
            }
        }
    }
    let path = too_large.or(too_small.map(|(_, path)| path))?;
    Some(Choice { path, limit: MOST })
}

fn measure(path: &Path) -> Option<Size> {
    let top = Host.directory_at(path.as_os_str().as_bytes()).ok()?;
    count(&mut Host, top, MOST).ok()
}

/// Where documentation and sources usually are, the likeliest first.
pub(super) fn candidates() -> impl Iterator<Item = PathBuf> {
    let home = |variable, below: &str| {
        let named = env::var_os(variable).map(PathBuf::from);
        named.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(below)))
    };
    let rustup = home("RUSTUP_HOME", ".rustup");
    let toolchains = rustup.map(|rustup| children(&rustup.join("toolchains"), "")).into_iter();
    let toolchains = toolchains.flatten().flat_map(|toolchain| {
        ["share/doc/rust/html/std", "share/doc", "lib/rustlib/src"]
            .map(|below| toolchain.join(below))
    });
    let cargo = home("CARGO_HOME", ".cargo").map(|cargo| cargo.join("registry/src"));
    let shared = ["/usr/share/doc", "/usr/include"].map(PathBuf::from);
    let python = children(Path::new("/usr/lib"), "python3");
    let rest = ["/usr/src", "/usr/share", "/usr/lib"].map(PathBuf::from);
    toolchains.chain(cargo).chain(shared).chain(python).chain(rest)
}

/// What is in a directory under a name that begins so, sorted.
fn children(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let named = |name: &OsStr| name.as_bytes().starts_with(prefix.as_bytes());
    let listed = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        listed.filter(|entry| named(&entry.file_name())).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: u64) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for index in 0..files {
            fs::write(directory.path().join(index.to_string()), "x").unwrap();
        }
        directory
    }

    fn chosen(trees: &[&tempfile::TempDir]) -> Option<PathBuf> {
        let paths: Vec<PathBuf> = trees.iter().map(|tree| tree.path().to_owned()).collect();
        choose(paths.into_iter()).map(|choice| choice.path)
    }

    #[test]
    fn the_first_that_fits_else_the_largest_that_there_is() {
        let (small, smaller, fits) = (tree(3), tree(2), tree(FEWEST_FILES));
        assert_eq!(chosen(&[&smaller, &fits, &small]).unwrap(), fits.path());
        assert_eq!(chosen(&[&smaller, &small]).unwrap(), small.path());
        assert_eq!(chosen(&[&tree(0)]), None);
        assert_eq!(choose(std::iter::once(small.path().join("missing"))), None);
    }
}
