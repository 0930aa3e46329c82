//! How much there is in a tree, up to a limit.

use super::cursor::{Step, Walk};
use super::side::{FileType, Side};
use std::io;

/// Regular files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Regular files.
    pub(crate) files: u64,
    /// Their sizes, added up.
    pub(crate) bytes: u64,
}

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Most files.
    pub(crate) files: u64,
    /// Most bytes.
    pub(crate) bytes: u64,
}

impl Limit {
    /// Nothing is too much.
    pub(crate) const NONE: Self = Self { files: u64::MAX, bytes: u64::MAX };

    /// Whether this much is still within.
    pub(crate) fn holds(self, count: Count) -> bool {
        count.files <= self.files && count.bytes <= self.bytes
    }
}

/// How a count ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// This is all.
    Within(Count),
    /// There is more; this much was seen.
    Beyond(Count),
}

/// Counts what is below a directory. What cannot be read counts as nothing.
pub(crate) fn count<S: Side>(side: &mut S, top: S::Directory, limit: Limit) -> io::Result<Size> {
    let mut walk = Walk::new(side, top)?;
    let mut seen = Count::default();
    while let Some(step) = walk.next(side)? {
        match step {
            Step::Directory(name) => match walk.enter(side, name) {
                Ok(()) => {}
                Err(error) if error.raw_os_error().is_some() => {}
                Err(error) => return Err(error),
            },
            Step::Leaf(entry) if entry.file_type == FileType::Regular => {
                let status = side.status(walk.here(), &entry.name);
                seen.files += 1;
                seen.bytes += status.map_or(0, |status| status.bytes);
                if !limit.holds(seen) {
                    walk.close(side);
                    return Ok(Size::Beyond(seen));
                }
            }
            Step::Leaf(_) | Step::Left(_) => {}
        }
    }
    walk.close(side);
    Ok(Size::Within(seen))
}
