//! Copies files and trees from one side to the other.
//!
//! Contents and permissions are copied, and what else is asked for ([`Kept`]); hard links become
//! files of their own, and special files are left out. What is there already is overwritten,
//! directories are merged. A file that could not be copied whole is removed again. No symbolic
//! link is followed: one at the destination is replaced by a link, and is in the way of a file.

use super::attributes::{Attributes, Kept};
use super::cursor::{Cursor, Step, Walk};
use super::side::{Entry, FileType, Identity, Opened, Side, Status, is_fatal};
use super::watcher::{Copied, Doing, Skip, Watcher};
use crate::place::Shown;
use anyhow::{Error, Result};
use std::io;

/// Bytes moved at once.
const PART: usize = 256 * 1024;

/// What stops the copy of one thing.
enum Trouble {
    /// This one cannot be copied.
    Here(Doing, io::Error),
    /// The watcher wants an end.
    End(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::End(error)
    }
}

fn reading(error: io::Error) -> Trouble {
    Trouble::Here(Doing::Reading, error)
}

fn writing(error: io::Error) -> Trouble {
    Trouble::Here(Doing::Writing, error)
}

/// Copies from one side to the other.
pub(crate) struct Copier<'a, S: Side, D: Side> {
    source: &'a mut S,
    destination: &'a mut D,
    watcher: &'a mut dyn Watcher,
    kept: Kept,
    copied: Copied,
    part: Vec<u8>,
}

impl<'a, S: Side, D: Side> Copier<'a, S, D> {
    pub(crate) fn new(
        source: &'a mut S,
        destination: &'a mut D,
        watcher: &'a mut dyn Watcher,
        kept: Kept,
    ) -> Self {
        let (copied, part) = (Copied::default(), vec![0; PART]);
        Self { source, destination, watcher, kept, copied, part }
    }

    /// What was copied until now.
    pub(crate) fn copied(&self) -> Copied {
        self.copied
    }

    /// Copies an open file to a name.
    pub(crate) fn file(
        &mut self,
        file: S::File,
        status: &Status,
        to: &D::Directory,
        name: &[u8],
    ) -> Result<()> {
        self.watcher.begins(b"")?;
        self.opened_file(file, status, (to, name), b"")
    }

    /// Copies what is in a directory into another one, and then gives that the attributes of
    /// `complete`. Both are given back.
    pub(crate) fn tree(
        &mut self,
        from: S::Directory,
        to: D::Directory,
        complete: Option<Attributes>,
    ) -> Result<()> {
        let mut walk = match Walk::new(self.source, from) {
            Ok(walk) => walk,
            Err(error) => {
                self.destination.close_directory(to);
                return self.settle(b"", reading(error));
            }
        };
        let mut cursor = Cursor::new(to);
        let result = match self.destination.directory_status(cursor.here()) {
            Ok(top) => self.everything(&mut walk, &mut cursor, top.identity, complete),
            Err(error) => self.settle(b"", writing(error)),
        };
        walk.close(self.source);
        cursor.close(self.destination);
        result
    }

    fn everything(
        &mut self,
        walk: &mut Walk<S>,
        cursor: &mut Cursor<D>,
        top: Identity,
        complete: Option<Attributes>,
    ) -> Result<()> {
        self.copied.directories += 1;
        self.xattrs(Opened::Directory(walk.here()), Opened::Directory(cursor.here()), b"")?;
        let mut made = Vec::new();
        while let Going::On = self.step(walk, cursor, &mut made, top)? {}
        let finished = complete.map_or(Ok(()), |attributes| {
            self.destination.finish(Opened::Directory(cursor.here()), &attributes)
        });
        finished.or_else(|error| self.settle(b"", writing(error)))
    }

    fn step(
        &mut self,
        walk: &mut Walk<S>,
        cursor: &mut Cursor<D>,
        made: &mut Vec<Option<Attributes>>,
        top: Identity,
    ) -> Result<Going> {
        let Some(step) = walk.next(self.source)? else { return Ok(Going::Ended) };
        match step {
            Step::Leaf(entry) => self.leaf(walk, cursor, &entry)?,
            Step::Directory(name) => match self.descend(walk, cursor, name.clone(), top) {
                Ok(new) => made.push(new),
                Err(trouble) => self.settle(&walk.path_of(&name), trouble)?,
            },
            Step::Left(name) => {
                let mut finished = Ok(());
                cursor.leave_after(self.destination, |destination, directory| {
                    if let Some(attributes) = made.pop().flatten() {
                        finished = destination.finish(Opened::Directory(directory), &attributes);
                    }
                })?;
                if let Err(error) = finished {
                    self.settle(&walk.path_of(&name), writing(error))?;
                }
            }
        }
        Ok(Going::On)
    }

    /// Copies something that is not a directory, if it is a file or a link.
    fn leaf(&mut self, walk: &Walk<S>, cursor: &Cursor<D>, entry: &Entry) -> Result<()> {
        let path = walk.path_of(&entry.name);
        match entry.file_type {
            FileType::Symlink if self.kept >= Kept::Links => {
                let linked = self.link(walk.here(), cursor.here(), &entry.name);
                return linked.or_else(|trouble| self.settle(&path, trouble));
            }
            FileType::Regular | FileType::Directory => {}
            other => return self.watcher.skips(&path, Skip::of(other)),
        }
        self.watcher.begins(&path)?;
        let (file, status) = match self.source.open_file(walk.here(), &entry.name) {
            Ok(opened) => opened,
            Err(error) => return self.settle(&path, reading(error)),
        };
        if status.file_type != FileType::Regular {
            self.source.close_file(file)?;
            return self.watcher.skips(&path, Skip::of(status.file_type));
        }
        self.opened_file(file, &status, (cursor.here(), &entry.name), &path)
    }

    /// Copies an open file, which is given back, to a name.
    fn opened_file(
        &mut self,
        file: S::File,
        status: &Status,
        to: (&D::Directory, &[u8]),
        path: &[u8],
    ) -> Result<()> {
        let done = self.contents(&file, status, to, path);
        let closed = self.source.close_file(file).map_err(reading);
        match done.and_then(|bytes| closed.map(|()| bytes)) {
            Ok(bytes) => self.watcher.ends(path, bytes),
            Err(trouble) => self.settle(path, trouble),
        }
    }

    /// Copies a symbolic link as it is, over what is there unless that is a directory.
    fn link(&mut self, from: &S::Directory, to: &D::Directory, name: &[u8]) -> Result<(), Trouble> {
        let status = self.source.status(from, name).map_err(reading)?;
        let text = self.source.read_link(from, name).map_err(reading)?;
        self.check_other(&status, to, name)?;
        let made = match self.destination.make_link(to, name, &text) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.destination.remove_file(to, name).map_err(writing)?;
                self.destination.make_link(to, name, &text)
            }
            made => made,
        };
        made.map_err(writing)?;
        match self.kept.attributes(&status).preserved {
            Some(preserved) => self.destination.finish_link(to, name, &preserved).map_err(writing),
            None => Ok(()),
        }
    }

    /// The copy of something must not take its own place.
    fn check_other(
        &mut self,
        source: &Status,
        at: &D::Directory,
        name: &[u8],
    ) -> Result<(), Trouble> {
        if S::WORLD == D::WORLD {
            let there = self.destination.status(at, name);
            if there.is_ok_and(|there| there.identity == source.identity) {
                let error = io::Error::other("source and destination are the same file");
                return Err(writing(error));
            }
        }
        Ok(())
    }

    /// Copies extended attributes, if they are kept. What the destination does not take is told,
    /// and no reason to give up.
    fn xattrs(&mut self, from: Opened<'_, S>, to: Opened<'_, D>, path: &[u8]) -> Result<()> {
        if self.kept < Kept::Attributes {
            return Ok(());
        }
        let xattrs = match self.source.xattrs(from) {
            Ok(xattrs) => xattrs,
            Err(error) => return self.settle(path, reading(error)),
        };
        for xattr in xattrs {
            match self.destination.set_xattr(to, &xattr) {
                Ok(()) => {}
                Err(error) if is_fatal(&error) => return self.settle(path, writing(error)),
                Err(_) => return self.watcher.skips(path, Skip::Xattrs),
            }
        }
        Ok(())
    }

    /// Goes into a directory on both sides, and makes it at the destination if it is not there.
    fn descend(
        &mut self,
        walk: &mut Walk<S>,
        cursor: &mut Cursor<D>,
        name: Vec<u8>,
        top: Identity,
    ) -> Result<Option<Attributes>, Trouble> {
        let status = self.source.status(walk.here(), &name).map_err(reading)?;
        if status.identity == top {
            let error = io::Error::other("a directory cannot be copied into itself");
            return Err(reading(error));
        }
        walk.enter(self.source, name.clone()).map_err(reading)?;
        let made = make(self.destination, cursor.here(), &name, status.permissions);
        let entered = made.and_then(|made| cursor.enter(self.destination, &name).map(|()| made));
        self.copied.directories += 1;
        match entered {
            Ok(made) => {
                let path = walk.path_of(b"");
                self.xattrs(
                    Opened::Directory(walk.here()),
                    Opened::Directory(cursor.here()),
                    &path,
                )?;
                Ok(made.completed_as(&status, self.kept))
            }
            Err(error) => {
                walk.skip_rest(self.source).map_err(reading)?;
                Err(writing(error))
            }
        }
    }

    /// Copies an open file to a name; returns the number of bytes.
    fn contents(
        &mut self,
        from: &S::File,
        status: &Status,
        (at, name): (&D::Directory, &[u8]),
        path: &[u8],
    ) -> Result<u64, Trouble> {
        self.check_other(status, at, name)?;
        let to = self.destination.create_file(at, name, status.permissions).map_err(writing)?;
        let moved = self.pour(from, &to);
        let finished = match moved {
            Ok(_) => self.complete(from, status, &to, path),
            Err(_) => Ok(()),
        };
        let closed = self.destination.close_file(to).map_err(writing);
        let result = moved.and_then(|bytes| finished.and(closed).map(|()| bytes));
        match result {
            Ok(bytes) => {
                self.copied.files += 1;
                self.copied.bytes += bytes;
            }
            // The first error counts, not that what is there cannot be removed either.
            Err(_) => drop(self.destination.remove_file(at, name)),
        }
        result
    }

    /// Gives a file that was written what else it gets.
    fn complete(
        &mut self,
        from: &S::File,
        status: &Status,
        to: &D::File,
        path: &[u8],
    ) -> Result<(), Trouble> {
        self.xattrs(Opened::File(from), Opened::File(to), path)?;
        let attributes = self.kept.attributes(status);
        self.destination.finish(Opened::File(to), &attributes).map_err(writing)
    }

    fn pour(&mut self, from: &S::File, to: &D::File) -> Result<u64, Trouble> {
        let mut offset = 0;
        loop {
            let count = self.source.read(from, offset, &mut self.part).map_err(reading)?;
            let bytes = self.part.get(..count).unwrap_or_default();
            if !bytes.is_empty() {
                self.watcher.moves(bytes)?;
                self.destination.write(to, offset, bytes).map_err(writing)?;
                offset += count as u64;
            }
            if count < self.part.len() {
                return Ok(offset);
            }
        }
    }

    fn settle(&mut self, path: &[u8], trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Here(_, error) if is_fatal(&error) => {
                Err(Error::new(error).context(Shown(path).to_string()))
            }
            Trouble::Here(doing, error) => self.watcher.fails(path, doing, error),
            Trouble::End(error) => Err(error),
        }
    }
}

enum Going {
    On,
    Ended,
}

/// Whether a directory of the destination is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was there.
    Before,
    /// It was made.
    Now,
}

impl Made {
    /// What it gets when everything is in it. One that was there before stays as it is, unless
    /// attributes are kept.
    pub(crate) fn completed_as(self, source: &Status, kept: Kept) -> Option<Attributes> {
        (self == Self::Now || kept == Kept::Attributes).then(|| kept.attributes(source))
    }
}

/// Makes a directory, unless it is there.
pub(crate) fn make<S: Side>(
    side: &mut S,
    at: &S::Directory,
    name: &[u8],
    permissions: u32,
) -> io::Result<Made> {
    match side.make_directory(at, name, permissions) {
        Ok(()) => Ok(Made::Now),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::Before),
        Err(error) => Err(error),
    }
}
