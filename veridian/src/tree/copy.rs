//! Copies files and trees from one side to the other.
//!
//! Contents and permissions are copied; owners, times, links and special files are not. What is
//! there already is overwritten, directories are merged. A file that could not be copied whole is
//! removed again.

use super::cursor::{Cursor, Step, Walk};
use super::side::{Entry, FileType, Identity, Side, Status, is_fatal};
use crate::place::Shown;
use anyhow::{Error, Result};
use std::io;

/// Bytes moved at once.
const PART: usize = 256 * 1024;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Regular files.
    pub(crate) files: u64,
    /// Directories, also those that were there already.
    pub(crate) directories: u64,
    /// Contents.
    pub(crate) bytes: u64,
}

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// With the source.
    Reading,
    /// With the destination.
    Writing,
}

/// Why something of the tree is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// The destination has no symbolic links.
    Symlink,
    /// Device, pipe or socket.
    Special,
}

/// Sees a copy at work. Paths are relative to the top. An error ends the copy.
pub(crate) trait Watcher {
    /// About to copy a file.
    fn begins(&mut self, path: &[u8]) -> Result<()>;
    /// These bytes were read and are about to be written.
    fn moves(&mut self, bytes: &[u8]) -> Result<()>;
    /// A file was copied.
    fn ends(&mut self, path: &[u8], bytes: u64) -> Result<()>;
    /// Something is left out.
    fn skips(&mut self, path: &[u8], why: Skip) -> Result<()>;
    /// Something could not be copied, but others may; go on with the next, or end with an error.
    fn fails(&mut self, path: &[u8], doing: Doing, error: io::Error) -> Result<()>;
}

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
    copied: Copied,
    part: Vec<u8>,
}

impl<'a, S: Side, D: Side> Copier<'a, S, D> {
    pub(crate) fn new(
        source: &'a mut S,
        destination: &'a mut D,
        watcher: &'a mut dyn Watcher,
    ) -> Self {
        Self { source, destination, watcher, copied: Copied::default(), part: vec![0; PART] }
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
        let done = self.contents(&file, status, to, name);
        let closed = self.source.close_file(file).map_err(reading);
        match done.and_then(|bytes| closed.map(|()| bytes)) {
            Ok(bytes) => self.watcher.ends(b"", bytes),
            Err(trouble) => self.settle(b"", trouble),
        }
    }

    /// Copies what is in a directory into another one. Both are given back.
    pub(crate) fn tree(&mut self, from: S::Directory, to: D::Directory) -> Result<()> {
        let mut walk = match Walk::new(self.source, from) {
            Ok(walk) => walk,
            Err(error) => {
                self.destination.close_directory(to);
                return self.settle(b"", reading(error));
            }
        };
        let mut cursor = Cursor::new(to);
        let result = match self.destination.directory_status(cursor.here()) {
            Ok(top) => self.everything(&mut walk, &mut cursor, top.identity),
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
    ) -> Result<()> {
        self.copied.directories += 1;
        let mut made = Vec::new();
        while let Going::On = self.step(walk, cursor, &mut made, top)? {}
        Ok(())
    }

    fn step(
        &mut self,
        walk: &mut Walk<S>,
        cursor: &mut Cursor<D>,
        made: &mut Vec<Made>,
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
                    if let Some(Made::Now { permissions }) = made.pop() {
                        finished = destination.finish_directory(directory, permissions);
                    }
                })?;
                if let Err(error) = finished {
                    self.settle(&walk.path_of(&name), writing(error))?;
                }
            }
        }
        Ok(Going::On)
    }

    /// Copies something that is not a directory, if it is a regular file.
    fn leaf(&mut self, walk: &Walk<S>, cursor: &Cursor<D>, entry: &Entry) -> Result<()> {
        let path = walk.path_of(&entry.name);
        match entry.file_type {
            FileType::Symlink => return self.watcher.skips(&path, Skip::Symlink),
            FileType::Special => return self.watcher.skips(&path, Skip::Special),
            FileType::Regular | FileType::Directory => {}
        }
        self.watcher.begins(&path)?;
        let (file, status) = match self.source.open_file(walk.here(), &entry.name) {
            Ok(opened) => opened,
            Err(error) => return self.settle(&path, reading(error)),
        };
        if status.file_type != FileType::Regular {
            self.source.close_file(file)?;
            return self.watcher.skips(&path, Skip::Special);
        }
        let done = self.contents(&file, &status, cursor.here(), &entry.name);
        let closed = self.source.close_file(file).map_err(reading);
        match done.and_then(|bytes| closed.map(|()| bytes)) {
            Ok(bytes) => self.watcher.ends(&path, bytes),
            Err(trouble) => self.settle(&path, trouble),
        }
    }

    /// Goes into a directory on both sides, and makes it at the destination if it is not there.
    fn descend(
        &mut self,
        walk: &mut Walk<S>,
        cursor: &mut Cursor<D>,
        name: Vec<u8>,
        top: Identity,
    ) -> Result<Made, Trouble> {
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
            Ok(made) => Ok(made),
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
        at: &D::Directory,
        name: &[u8],
    ) -> Result<u64, Trouble> {
        if S::WORLD == D::WORLD {
            let there = self.destination.status(at, name);
            if there.is_ok_and(|there| there.identity == status.identity) {
                let error = io::Error::other("source and destination are the same file");
                return Err(writing(error));
            }
        }
        let to = self.destination.create_file(at, name, status.permissions).map_err(writing)?;
        let moved = self.pour(from, &to);
        let finished = match moved {
            Ok(_) => self.destination.finish_file(&to, status.permissions).map_err(writing),
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

/// Whether a directory of the destination is new, and what it shall be.
pub(crate) enum Made {
    /// It was there.
    Before,
    /// It was made, and gets these permissions when it is full.
    Now { permissions: u32 },
}

/// Makes a directory, unless it is there.
pub(crate) fn make<S: Side>(
    side: &mut S,
    at: &S::Directory,
    name: &[u8],
    permissions: u32,
) -> io::Result<Made> {
    match side.make_directory(at, name, permissions) {
        Ok(()) => Ok(Made::Now { permissions }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::Before),
        Err(error) => Err(error),
    }
}
