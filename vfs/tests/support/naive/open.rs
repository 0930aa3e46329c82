//! Opening and making files.

use super::permission::{READ, WRITE};
use super::walk::{Last, Place, Walk};
use super::{Body, Bytes, Naive, Outcome};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, OpenFlags};
use std::collections::BTreeMap;

/// An open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) node: usize,
    pub(crate) flags: OpenFlags,
}

impl Opened {
    /// A handle that stands for more than a name.
    pub(super) fn require(&self) -> Outcome<()> {
        if self.flags.contains(OpenFlags::PATH) { Err(Errno::EBADF) } else { Ok(()) }
    }
}

impl Naive {
    pub(crate) fn open(
        &mut self,
        who: &Credentials,
        place: Place<'_>,
        flags: OpenFlags,
        mode: u32,
    ) -> Outcome<Opened> {
        // A name is opened only where it is, and as what it is.
        let kept = OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NO_FOLLOW;
        let flags = if flags.contains(OpenFlags::PATH) { flags & kept } else { flags };
        let creates = flags.contains(OpenFlags::CREATE);
        if flags.contains(OpenFlags::TEMPORARY) {
            let is_sound = flags.writes() && !creates;
            return if is_sound {
                self.unnamed(who, place, flags, mode)
            } else {
                Err(Errno::EINVAL)
            };
        }
        if creates && flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let exclusive = creates && flags.contains(OpenFlags::EXCLUSIVE);
        let follow = !exclusive && !flags.contains(OpenFlags::NO_FOLLOW);
        let mut walk = Walk::to_last(self, who, place)?;
        loop {
            if creates && walk.slash && matches!(walk.last, Last::Name(_)) {
                return Err(Errno::EISDIR);
            }
            match (walk.look(self)?, &walk.last) {
                (Some(found), _) => {
                    if walk.follow_last(self, who, found, follow)? {
                        continue;
                    }
                    if exclusive {
                        return Err(Errno::EEXIST);
                    }
                    return self.open_found(who, found, flags, walk.slash);
                }
                (None, Last::Name(name)) if creates => {
                    let body = Body::Regular(Bytes::default());
                    let node = self.make(who, (walk.at, name), body, mode)?;
                    return Ok(Opened { node, flags });
                }
                _ => return Err(Errno::ENOENT),
            }
        }
    }

    fn open_found(
        &mut self,
        who: &Credentials,
        node: usize,
        flags: OpenFlags,
        slash: bool,
    ) -> Outcome<Opened> {
        let kind = self.nodes[node].kind();
        let is_directory = kind == FileKind::Directory;
        if is_directory && flags.contains(OpenFlags::CREATE) {
            return Err(Errno::EISDIR);
        }
        if !is_directory && (slash || flags.contains(OpenFlags::DIRECTORY)) {
            return Err(Errno::ENOTDIR);
        }
        let opened = Opened { node, flags };
        if flags.contains(OpenFlags::PATH) {
            return Ok(opened);
        }
        let truncates = flags.contains(OpenFlags::TRUNCATE);
        match kind {
            FileKind::Symlink => return Err(Errno::ELOOP),
            FileKind::Directory if flags.writes() || truncates => return Err(Errno::EISDIR),
            FileKind::Directory | FileKind::Regular => {}
            _ => return Err(Errno::ENXIO),
        }
        let mut want = if flags.reads() { READ } else { 0 };
        if flags.writes() || truncates {
            want |= WRITE;
        }
        self.may(node, who, want)?;
        if truncates {
            self.set_size(who, node, 0);
        }
        Ok(opened)
    }

    /// A file without a name.
    fn unnamed(
        &mut self,
        who: &Credentials,
        place: Place<'_>,
        flags: OpenFlags,
        mode: u32,
    ) -> Outcome<Opened> {
        let directory = self.find(who, place, !flags.contains(OpenFlags::NO_FOLLOW))?;
        if !self.is_directory(directory) {
            return Err(Errno::ENOTDIR);
        }
        self.may_change(directory, who)?;
        let (mode, gid) = self.nodes[directory].pass_on(who, false, mode);
        let bytes = Bytes::unnamed();
        let node = self.add(Body::Regular(bytes), mode, who.uid, gid);
        self.nodes[node].links = 0;
        Ok(Opened { node, flags })
    }

    /// Makes what has no name in a directory yet.
    pub(super) fn make(
        &mut self,
        who: &Credentials,
        (directory, name): (usize, &str),
        body: Body,
        mode: u32,
    ) -> Outcome<usize> {
        self.may_change(directory, who)?;
        let is_directory = matches!(body, Body::Directory { .. });
        let (mode, gid) = self.nodes[directory].pass_on(who, is_directory, mode);
        let made = self.add(body, mode, who.uid, gid);
        self.nodes[directory].links += u32::from(is_directory);
        self.nodes[directory].touch_contents();
        self.children(directory).insert(name.to_owned(), made);
        Ok(made)
    }

    /// The body of an empty directory.
    pub(super) fn empty_directory(parent: usize) -> Body {
        Body::Directory { children: BTreeMap::new(), parent }
    }
}
