//! From what a system says of a file to what the model can say of it.

use crate::naive::{Seen, Time};
use crate::operation::Value;
use dataplane::file::FileKind;
use std::collections::HashMap;

/// Times that are set are before this, seconds; those of what happens are not.
const SET_BEFORE: i64 = 1_000_000;

/// What a system says.
pub(crate) struct Status {
    pub(crate) inode: u64,
    pub(crate) mode: u32,
    pub(crate) links: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) modified: Time,
    pub(crate) changed: Time,
}

/// Of what each change is seen, because it gets a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Everything,
    /// A directory gets the time of a file whose name is changed in it.
    NoDirectories,
    Nothing,
}

impl Changes {
    /// Whether those of a file are seen.
    pub(crate) fn show(self, mode: u32) -> bool {
        match self {
            Self::Everything => true,
            Self::NoDirectories => FileKind::from_mode(mode) != Some(FileKind::Directory),
            Self::Nothing => false,
        }
    }
}

/// Looks at files, and remembers when each had changed.
pub(crate) struct Watch {
    changed: HashMap<u64, Time>,
    sees: Changes,
}

impl Watch {
    pub(crate) fn new(sees: Changes) -> Self {
        Self { changed: HashMap::new(), sees }
    }

    pub(crate) fn see(&mut self, status: &Status) -> Value {
        let before = self.changed.insert(status.inode, status.changed);
        let is_directory = FileKind::from_mode(status.mode) == Some(FileKind::Directory);
        Value::Seen(Seen {
            mode: status.mode,
            links: status.links,
            uid: status.uid,
            gid: status.gid,
            size: (!is_directory).then_some(status.size),
            modified: Some(status.modified).filter(|time| time.0 < SET_BEFORE),
            is_changed: self.sees.show(status.mode) && before != Some(status.changed),
        })
    }
}
