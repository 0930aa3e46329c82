//! What changes, and the name that it was found by.

use crate::name::StoredName;
use core::cell::Cell;

/// A file, by numbers that stay its own while it has a name or a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    /// Its mount, as in its status.
    pub(crate) device: u64,
    /// Its inode number.
    pub(crate) inode: u64,
}

/// The directory and name that a file was found by last: who watches that directory is told of
/// changes of the file.
#[derive(Default)]
pub(crate) struct Place {
    /// Inode number of the directory; 0 where there is none.
    directory: Cell<u64>,
    /// Name within it.
    name: Cell<StoredName>,
}

impl Place {
    /// Whether it is not known.
    #[inline]
    pub(crate) fn is_unknown(&self) -> bool {
        self.directory.get() == 0
    }

    /// The file was found by this name.
    pub(crate) fn set(&self, directory: u64, name: &[u8]) {
        self.directory.set(directory);
        self.name.set(StoredName::new(name));
    }

    /// The file no longer has this name.
    pub(crate) fn leave(&self, directory: u64, name: &[u8]) {
        let is_it = self.look(|at, known| at == directory && known == name);
        if is_it == Some(true) {
            self.directory.set(0);
        }
    }

    /// Looks at directory and name, if they are known.
    pub(crate) fn look<T>(&self, look: impl FnOnce(u64, &[u8]) -> T) -> Option<T> {
        if self.is_unknown() {
            return None;
        }
        let name = self.name.take();
        let seen = look(self.directory.get(), name.as_bytes());
        self.name.set(name);
        Some(seen)
    }
}
