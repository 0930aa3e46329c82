//! Where a walk is in a tree: one open directory, and the way back to the top.

use super::side::{Entry, FileType, Identity, Side};
use std::fmt;
use std::io;

/// The way back up is gone: a directory was moved, or locked, while it was walked. Nothing more
/// can be done from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a directory was moved or locked while it was walked")
    }
}

impl std::error::Error for Lost {}

impl From<Lost> for io::Error {
    fn from(lost: Lost) -> Self {
        Self::other(lost)
    }
}

/// A place in a tree that can be moved down and up.
pub(crate) struct Cursor<S: Side> {
    here: S::Directory,
    above: Vec<Above>,
    /// From the top to here, each name with a slash behind it.
    path: Vec<u8>,
}

struct Above {
    identity: Identity,
    path_len: usize,
}

impl<S: Side> Cursor<S> {
    pub(crate) fn new(top: S::Directory) -> Self {
        Self { here: top, above: Vec::new(), path: Vec::new() }
    }

    pub(crate) fn here(&self) -> &S::Directory {
        &self.here
    }

    /// From the top to a name in this directory.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, name].concat()
    }

    /// Moves into a directory.
    pub(crate) fn enter(&mut self, side: &mut S, name: &[u8]) -> io::Result<()> {
        let identity = side.directory_status(&self.here)?.identity;
        let down = side.open_directory(&self.here, name)?;
        side.close_directory(std::mem::replace(&mut self.here, down));
        self.above.push(Above { identity, path_len: self.path.len() });
        self.path.extend_from_slice(name);
        self.path.push(b'/');
        Ok(())
    }

    /// Moves up again, unless at the top. Fails if the way up is another one by now.
    pub(crate) fn leave(&mut self, side: &mut S) -> io::Result<Moved> {
        self.leave_after(side, |_, _| {})
    }

    /// The same, and does something with the directory when the way up is open already: what is
    /// done may close it.
    pub(crate) fn leave_after(
        &mut self,
        side: &mut S,
        last: impl FnOnce(&mut S, &S::Directory),
    ) -> io::Result<Moved> {
        let Some(above) = self.above.pop() else { return Ok(Moved::AtTop) };
        let up = side.open_directory(&self.here, b"..").map_err(|_| Lost)?;
        last(side, &self.here);
        side.close_directory(std::mem::replace(&mut self.here, up));
        self.path.truncate(above.path_len);
        match side.directory_status(&self.here) {
            Ok(status) if status.identity == above.identity => Ok(Moved::Up),
            _ => Err(Lost.into()),
        }
    }

    /// Gives the open directory back.
    pub(crate) fn close(self, side: &mut S) {
        side.close_directory(self.here);
    }
}

/// What [`Cursor::leave`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It is one level higher.
    Up,
    /// It was at the top and still is.
    AtTop,
}

/// What comes next in a walk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something that is not a directory.
    Leaf(Entry),
    /// A directory: [`Walk::enter`] it or leave it alone.
    Directory(Vec<u8>),
    /// Everything in this directory was seen, and the walk is above it again.
    Left(Vec<u8>),
}

/// A walk over everything below a directory, each directory in the order of its names.
pub(crate) struct Walk<S: Side> {
    cursor: Cursor<S>,
    pending: Vec<Pending>,
}

struct Pending {
    /// What the directory is called; empty for the top.
    name: Vec<u8>,
    entries: std::vec::IntoIter<Entry>,
}

impl<S: Side> Walk<S> {
    /// Begins in a directory, which is given back by [`Walk::close`], or here if this fails.
    pub(crate) fn new(side: &mut S, top: S::Directory) -> io::Result<Self> {
        match sorted(side, &top) {
            Ok(entries) => {
                let pending = vec![Pending { name: Vec::new(), entries }];
                Ok(Self { cursor: Cursor::new(top), pending })
            }
            Err(error) => {
                side.close_directory(top);
                Err(error)
            }
        }
    }

    /// The directory that the last step was in.
    pub(crate) fn here(&self) -> &S::Directory {
        self.cursor.here()
    }

    /// From the top to a name in this directory.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        self.cursor.path_of(name)
    }

    /// The next step; `None` when all was seen.
    pub(crate) fn next(&mut self, side: &mut S) -> io::Result<Option<Step>> {
        let Some(pending) = self.pending.last_mut() else { return Ok(None) };
        if let Some(entry) = pending.entries.next() {
            return Ok(Some(match entry.file_type {
                FileType::Directory => Step::Directory(entry.name),
                _ => Step::Leaf(entry),
            }));
        }
        let left = self.pending.pop().map(|pending| pending.name).unwrap_or_default();
        match self.cursor.leave(side)? {
            Moved::Up => Ok(Some(Step::Left(left))),
            Moved::AtTop => Ok(None),
        }
    }

    /// Goes on inside of a directory that the last step named.
    pub(crate) fn enter(&mut self, side: &mut S, name: Vec<u8>) -> io::Result<()> {
        self.cursor.enter(side, &name)?;
        match sorted(side, self.cursor.here()) {
            Ok(entries) => self.pending.push(Pending { name, entries }),
            Err(error) => {
                self.cursor.leave(side)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Leaves a directory that was entered, and what is in it alone.
    pub(crate) fn skip_rest(&mut self, side: &mut S) -> io::Result<()> {
        self.pending.pop();
        self.cursor.leave(side).map(drop)
    }

    /// Gives the open directory back.
    pub(crate) fn close(self, side: &mut S) {
        self.cursor.close(side);
    }
}

fn sorted<S: Side>(side: &mut S, at: &S::Directory) -> io::Result<std::vec::IntoIter<Entry>> {
    let mut entries = side.entries(at)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries.into_iter())
}
