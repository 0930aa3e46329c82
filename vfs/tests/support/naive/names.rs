//! Making, linking, listing and removing names.

use super::walk::{Last, Place, Walk};
use super::{Body, Bytes, Naive, Opened, Outcome};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, MAX_PATH, UnlinkKind};

/// Mode bits beside the kind.
const PERMISSIONS: u32 = 0o7777;

impl Naive {
    /// The directory and the name of what is to be made there; only directories may have a slash
    /// behind their name.
    fn vacant(
        &self,
        who: &Credentials,
        place: Place<'_>,
        is_directory: bool,
    ) -> Outcome<(usize, String)> {
        let walk = Walk::to_last(self, who, place)?;
        let Last::Name(name) = &walk.last else {
            return Err(Errno::EEXIST);
        };
        match walk.look(self)? {
            Some(_) => Err(Errno::EEXIST),
            None if walk.slash && !is_directory => Err(Errno::ENOENT),
            None => Ok((walk.at, name.clone())),
        }
    }

    pub(crate) fn mkdir(&mut self, who: &Credentials, place: Place<'_>, mode: u32) -> Outcome<()> {
        let (directory, name) = self.vacant(who, place, true)?;
        let body = Self::empty_directory(directory);
        self.make(who, (directory, &name), body, mode).map(drop)
    }

    /// Makes a regular file, a FIFO or a socket.
    pub(crate) fn make_node(
        &mut self,
        who: &Credentials,
        place: Place<'_>,
        mode: u32,
    ) -> Outcome<()> {
        let (directory, name) = self.vacant(who, place, false)?;
        let body = match FileKind::from_mode(mode & FileKind::MASK) {
            None | Some(FileKind::Regular) => Body::Regular(Bytes::default()),
            Some(kind) => Body::Special(kind),
        };
        self.make(who, (directory, &name), body, mode & PERMISSIONS).map(drop)
    }

    pub(crate) fn symlink(
        &mut self,
        who: &Credentials,
        target: &str,
        place: Place<'_>,
    ) -> Outcome<()> {
        match target.len() {
            0 => return Err(Errno::ENOENT),
            MAX_PATH.. => return Err(Errno::ENAMETOOLONG),
            _ => {}
        }
        let (directory, name) = self.vacant(who, place, false)?;
        let body = Body::Symlink(target.to_owned());
        self.make(who, (directory, &name), body, 0o777).map(drop)
    }

    pub(crate) fn read_link(&self, who: &Credentials, place: Place<'_>) -> Outcome<String> {
        let found = self.find(who, place, false)?;
        match &self.nodes[found].body {
            Body::Symlink(target) => Ok(target.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Gives a file another name.
    pub(crate) fn link(&mut self, who: &Credentials, file: usize, new: Place<'_>) -> Outcome<()> {
        let (directory, name) = self.vacant(who, new, false)?;
        self.may_change(directory, who)?;
        let node = &mut self.nodes[file];
        let is_unnamed = match &mut node.body {
            Body::Directory { .. } => return Err(Errno::EPERM),
            Body::Regular(bytes) => std::mem::take(&mut bytes.is_unnamed),
            _ => false,
        };
        if node.links == 0 && !is_unnamed {
            return Err(Errno::ENOENT);
        }
        node.links += 1;
        node.touch();
        self.nodes[directory].touch_contents();
        self.children(directory).insert(name, file);
        Ok(())
    }

    pub(crate) fn remove(
        &mut self,
        who: &Credentials,
        place: Place<'_>,
        kind: UnlinkKind,
    ) -> Outcome<()> {
        let rmdir = kind == UnlinkKind::Directory;
        let walk = Walk::to_last(self, who, place)?;
        let name = match &walk.last {
            Last::Name(name) => name,
            _ if !rmdir => return Err(Errno::EISDIR),
            Last::Current => return Err(Errno::EINVAL),
            Last::Parent => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        };
        let victim = walk.look(self)?.ok_or(Errno::ENOENT)?;
        let is_directory = self.is_directory(victim);
        let wrong_kind = match (rmdir, is_directory) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            (false, false) if walk.slash => Err(Errno::ENOTDIR),
            _ => Ok(()),
        };
        if walk.slash && !rmdir {
            // What ends in a slash is never a name of a file.
            wrong_kind?;
        }
        self.may_remove(walk.at, victim, who)?;
        wrong_kind?;
        if rmdir && !self.children(victim).is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.drop_name(victim);
        let directory = &mut self.nodes[walk.at];
        directory.links -= u32::from(rmdir);
        directory.touch_contents();
        self.children(walk.at).remove(name);
        Ok(())
    }

    /// A file has one name less; a directory has only one.
    pub(super) fn drop_name(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.links = if node.is_directory() { 0 } else { node.links - 1 };
        node.touch();
    }

    /// The names in an open directory, sorted, and what they are.
    pub(crate) fn list(&self, file: Opened) -> Outcome<Vec<(String, FileKind)>> {
        file.require()?;
        let node = &self.nodes[file.node];
        let Body::Directory { children, .. } = &node.body else {
            return Err(Errno::ENOTDIR);
        };
        if node.links == 0 {
            return Err(Errno::ENOENT);
        }
        Ok(children.iter().map(|(name, child)| (name.clone(), self.nodes[*child].kind())).collect())
    }
}
