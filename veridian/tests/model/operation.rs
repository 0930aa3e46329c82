//! What clients do, and what comes of it, in words that each executor understands.

use crate::naive::{Seen, TimeChange};
use dataplane::entry::Errno;
use dataplane::file::{
    AllocateMode, FileKind, OpenFlags, RenameFlags, UnlinkKind, Whence, XattrMode,
};
use std::fmt;

/// Clients, each with open files of its own.
pub(crate) const CLIENTS: usize = 8;
/// Open files of a client.
pub(crate) const SLOTS: usize = 4;

/// A path, from the root or from the directory that is open in a slot.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) base: Option<usize>,
    pub(crate) path: String,
}

/// A file: what a path names, or what is open in a slot.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// A symbolic link at the end of the path is followed.
    Followed(At),
    /// It is what is meant.
    Link(At),
    Slot(usize),
}

/// A place in the file that is open in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) slot: usize,
    pub(crate) offset: u64,
}

/// Bytes that count up from one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) len: usize,
    pub(crate) byte: u8,
}

impl Fill {
    pub(crate) fn bytes(self) -> Vec<u8> {
        (0..self.len).map(|n| self.byte.wrapping_add(n as u8)).collect()
    }
}

/// What a client does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// What was open in the slot is closed if this succeeds.
    Open {
        slot: usize,
        at: At,
        flags: OpenFlags,
        mode: u32,
    },
    Close(usize),
    Read {
        from: Position,
        len: usize,
    },
    Write {
        to: Position,
        bytes: Fill,
    },
    Truncate {
        slot: usize,
        size: u64,
    },
    Allocate {
        at: Position,
        len: u64,
        mode: AllocateMode,
    },
    Seek {
        from: Position,
        whence: Whence,
    },
    Copy {
        from: Position,
        to: Position,
        len: u32,
    },
    Sync(usize),
    Stat(Object),
    List(usize),
    Mkdir {
        at: At,
        mode: u32,
    },
    /// The mode has the kind.
    MakeNode {
        at: At,
        mode: u32,
    },
    Symlink {
        target: String,
        at: At,
    },
    ReadLink(At),
    Link {
        from: Object,
        to: At,
    },
    Remove {
        at: At,
        kind: UnlinkKind,
    },
    Rename {
        old: At,
        new: At,
        flags: RenameFlags,
    },
    ChangeMode {
        of: Object,
        mode: u32,
    },
    ChangeOwner {
        of: Object,
        uid: Option<u32>,
        gid: Option<u32>,
    },
    ChangeTimes {
        of: Object,
        accessed: TimeChange,
        modified: TimeChange,
    },
    SetXattr {
        of: Object,
        name: String,
        value: Fill,
        mode: XattrMode,
    },
    Xattr {
        of: Object,
        name: String,
    },
    XattrNames(Object),
    RemoveXattr {
        of: Object,
        name: String,
    },
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Done,
    Count(u64),
    Bytes(Vec<u8>),
    Text(String),
    Seen(Seen),
    /// Sorted.
    Entries(Vec<(String, FileKind)>),
    /// Sorted.
    Names(Vec<String>),
}

pub(crate) type Outcome = Result<Value, Errno>;

impl fmt::Debug for Value {
    /// Of many bytes, where they are not all the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Bytes(bytes) => {
                write!(f, "{} bytes:", bytes.len())?;
                let (mut start, most) = (0, 16);
                for run in bytes.chunk_by(|a, b| *b == a.wrapping_add(1) || a == b).take(most) {
                    write!(f, " {start}..{} {}", start + run.len(), run[0])?;
                    start += run.len();
                }
                if start < bytes.len() { f.write_str(" …") } else { Ok(()) }
            }
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Seen(seen) => write!(f, "{seen:?} (mode {:o})", seen.mode),
            Self::Entries(entries) => write!(f, "{entries:?}"),
            Self::Names(names) => write!(f, "{names:?}"),
        }
    }
}

impl Value {
    /// Of names that each have a byte 0 behind them; those that users give alone.
    pub(crate) fn names(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let own = text.split_terminator('\0').filter(|name| name.starts_with("user."));
        let mut names: Vec<String> = own.map(str::to_owned).collect();
        names.sort();
        Self::Names(names)
    }
}

impl Operation {
    /// The paths that it names, and whether it follows a link at their end.
    pub(crate) fn paths(&self) -> Vec<(&At, bool)> {
        match self {
            Self::Open { at, flags, .. } => {
                let exclusive = flags.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE);
                vec![(at, !exclusive && !flags.contains(OpenFlags::NO_FOLLOW))]
            }
            Self::Mkdir { at, .. }
            | Self::MakeNode { at, .. }
            | Self::Symlink { at, .. }
            | Self::ReadLink(at)
            | Self::Remove { at, .. } => vec![(at, false)],
            Self::Rename { old, new, .. } => vec![(old, false), (new, false)],
            Self::Link { from, to } => from.path().into_iter().chain([(to, false)]).collect(),
            _ => self.object().and_then(Object::path).into_iter().collect(),
        }
    }

    /// The file that it is done to, if it takes one however it is named.
    pub(crate) fn object(&self) -> Option<&Object> {
        match self {
            Self::Stat(of)
            | Self::XattrNames(of)
            | Self::Link { from: of, .. }
            | Self::ChangeMode { of, .. }
            | Self::ChangeOwner { of, .. }
            | Self::ChangeTimes { of, .. }
            | Self::SetXattr { of, .. }
            | Self::Xattr { of, .. }
            | Self::RemoveXattr { of, .. } => Some(of),
            _ => None,
        }
    }

    /// The slots whose files it uses.
    pub(crate) fn slots(&self) -> Vec<usize> {
        let bases = self.paths().into_iter().filter_map(|(at, _)| at.base);
        let own = match self {
            Self::Close(slot) | Self::Sync(slot) | Self::List(slot) => vec![*slot],
            Self::Truncate { slot, .. } | Self::Open { slot, .. } => vec![*slot],
            Self::Read { from, .. } | Self::Seek { from, .. } => vec![from.slot],
            Self::Write { to: at, .. } | Self::Allocate { at, .. } => vec![at.slot],
            Self::Copy { from, to, .. } => vec![from.slot, to.slot],
            _ => match self.object() {
                Some(Object::Slot(slot)) => vec![*slot],
                _ => vec![],
            },
        };
        bases.chain(own).collect()
    }
}

impl Object {
    /// Its path, and whether a link at its end is followed.
    pub(crate) fn path(&self) -> Option<(&At, bool)> {
        match self {
            Self::Followed(at) => Some((at, true)),
            Self::Link(at) => Some((at, false)),
            Self::Slot(_) => None,
        }
    }
}

/// What the clients have open.
pub(crate) struct Tables<T>([[Option<T>; SLOTS]; CLIENTS]);

impl<T> Tables<T> {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| None)))
    }

    /// What is open in a slot.
    pub(crate) fn find(&self, client: usize, slot: usize) -> Result<&T, Errno> {
        self.0[client][slot].as_ref().ok_or(Errno::EBADF)
    }

    /// Puts what was opened into a slot; returns what has to be closed.
    pub(crate) fn put(&mut self, client: usize, slot: usize, opened: T) -> Option<T> {
        self.0[client][slot].replace(opened)
    }

    /// Empties a slot.
    pub(crate) fn take(&mut self, client: usize, slot: usize) -> Result<T, Errno> {
        self.0[client][slot].take().ok_or(Errno::EBADF)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten().flatten()
    }
}
