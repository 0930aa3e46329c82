//! From a directory and a path to what it names.
//!
//! A walk goes component by component; nothing here recurses. Symbolic links are replaced by the
//! text of their target, at most 40 of them in a walk. `..` stays where it is at the session's
//! root; an absolute path or target starts there. Every directory that a name is looked up in must
//! be searchable.

use crate::binds::{self, Via, is_same_way};
use crate::error::Result;
use crate::inode::{Body, Inode};
use crate::path::{self, Component};
use crate::permission::{self, Want};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use alloc::vec::Vec;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::MAX_NAME;
use dataplane::filesystem::Name;

/// Most symbolic links followed in one walk.
const MAX_LINKS: u32 = 40;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// It is.
    Follow,
    /// The link itself is meant, unless a slash follows.
    Keep,
}

/// Where a walk begins.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The session's root.
    pub(crate) root: &'a Rc<Inode>,
    /// The directory of the handle.
    pub(crate) directory: &'a Rc<Inode>,
    /// How the handle has come to it.
    pub(crate) via: &'a Via,
    /// Who walks.
    pub(crate) who: &'a Credentials,
}

#[derive(Clone)]
enum Text<'a> {
    Path(&'a [u8]),
    Target(Rc<[u8]>),
}

impl Text<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Path(path) => path,
            Self::Target(target) => target,
        }
    }
}

/// The last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last<'a> {
    /// A name in the directory.
    Name(&'a [u8]),
    /// `.`.
    Current,
    /// `..`.
    Parent,
    /// There is none: the path is `/`.
    Root,
}

/// A walk that has come to the last component.
pub(crate) struct Walk<'a> {
    vfs: &'a Vfs,
    origin: Origin<'a>,
    /// The directory reached so far.
    pub(crate) at: Rc<Inode>,
    /// How it has come there.
    pub(crate) via: Via,
    /// How it has come to what was found last.
    pub(crate) found_via: Via,
    text: Text<'a>,
    position: usize,
    /// Texts to go on with, each with at least one component left.
    rest: Vec<(Text<'a>, usize)>,
    links: u32,
    last: LastRange,
    /// Whether a slash follows the last component, here or in a link that was followed last.
    pub(crate) slash: bool,
    /// Whether the attributes of the directory reached were asked for in this walk.
    is_fresh: bool,
}

#[derive(Clone, Copy)]
enum LastRange {
    Name { start: usize, len: usize },
    Current,
    Parent,
    Root,
}

impl<'a> Walk<'a> {
    /// Walks up to the last component, which is not looked up.
    ///
    /// # Errors
    /// ENOENT (also of an empty path), ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EINVAL for a byte 0.
    pub(crate) async fn to_last(
        vfs: &'a Vfs,
        origin: Origin<'a>,
        text: &'a [u8],
    ) -> Result<Walk<'a>> {
        path::check(text)?;
        let first = text.first().ok_or(Errno::ENOENT)?;
        let (at, via) = match *first {
            b'/' => (origin.root, None),
            _ => (origin.directory, origin.via.clone()),
        };
        let mut walk = Self {
            vfs,
            origin,
            at: Rc::clone(at),
            via,
            found_via: None,
            text: Text::Path(text),
            position: 0,
            rest: Vec::new(),
            links: 0,
            last: LastRange::Root,
            slash: false,
            is_fresh: false,
        };
        walk.advance().await?;
        Ok(walk)
    }

    /// Walks all of a path.
    ///
    /// # Errors
    /// As for [`Walk::to_last`].
    pub(crate) async fn all(
        vfs: &'a Vfs,
        origin: Origin<'a>,
        text: &'a [u8],
        links: Links,
    ) -> Result<Rc<Inode>> {
        Ok(Self::all_the_way(vfs, origin, text, links).await?.0)
    }

    /// Walks all of a path; also says how it has come there.
    ///
    /// # Errors
    /// As for [`Walk::to_last`].
    pub(crate) async fn all_the_way(
        vfs: &'a Vfs,
        origin: Origin<'a>,
        text: &'a [u8],
        links: Links,
    ) -> Result<(Rc<Inode>, Via)> {
        let mut walk = Self::to_last(vfs, origin, text).await?;
        loop {
            if let Some(found) = walk.take_last(links).await? {
                return Ok((found.ok_or(Errno::ENOENT)?, walk.found_via));
            }
        }
    }

    /// Walks a path from the root of everything, as user 0.
    ///
    /// # Errors
    /// As for [`Walk::to_last`].
    pub(crate) async fn from_root(vfs: &Vfs, text: &[u8]) -> Result<(Rc<Inode>, Via)> {
        let root = vfs.root()?;
        let who = Credentials { uid: 0, gid: 0, groups: Vec::new() };
        let origin = Origin { root: &root, directory: &root, via: &None, who: &who };
        Walk::all_the_way(vfs, origin, text, Links::Follow).await
    }

    /// What the last component is.
    pub(crate) fn last(&self) -> Last<'_> {
        match self.last {
            LastRange::Name { start, len } => {
                let name = self.text.bytes().get(start..start + len);
                Last::Name(name.unwrap_or_default())
            }
            LastRange::Current => Last::Current,
            LastRange::Parent => Last::Parent,
            LastRange::Root => Last::Root,
        }
    }

    /// Looks the last component up: `Some` of what it names, if it names anything. `None` if it is
    /// a link that was followed: the walk is at the last component of its target now.
    ///
    /// # Errors
    /// As for [`Walk::to_last`].
    #[inline]
    pub(crate) async fn take_last(&mut self, links: Links) -> Result<Option<Option<Rc<Inode>>>> {
        let found = match self.last() {
            Last::Current | Last::Root => Some((Rc::clone(&self.at), self.via.clone())),
            Last::Parent => Some(self.above()),
            Last::Name(name) => self.child(name).await?,
        };
        let Some((found, via)) = found else {
            return Ok(Some(None));
        };
        self.found_via = via;
        if let Body::Symlink(_) = &found.body {
            if links == Links::Keep && !self.slash {
                return Ok(Some(Some(found)));
            }
            let slash = self.slash;
            self.follow(&found).await?;
            self.advance().await?;
            self.slash |= slash;
            return Ok(None);
        }
        if self.slash {
            found.directory()?;
        }
        Ok(Some(Some(found)))
    }

    /// Whether what was found last is the root of a bind, and the name that of what it covers.
    pub(crate) fn has_crossed(&self) -> bool {
        !is_same_way(&self.via, &self.found_via)
    }

    /// Whether the directory that the walk is at may be changed.
    ///
    /// # Errors
    /// EROFS.
    pub(crate) fn check_writable(&self) -> Result<()> {
        binds::check_changeable(&self.at, &self.via)
    }

    /// Whether components may be looked up in the present directory, `.` and `..` too.
    ///
    /// # Errors
    /// ENOTDIR, EACCES.
    #[inline]
    async fn check_search(&self) -> Result<()> {
        self.at.directory()?;
        if self.at.mount.is_momentary() && !self.is_fresh {
            self.at.dispel_doubt().await?;
        }
        permission::check(&self.at.attributes(), self.origin.who, Want::SEARCH)
    }

    /// What a name in the present directory is.
    ///
    /// # Errors
    /// ENOENT if the directory has been removed, ENAMETOOLONG, or what the file system says.
    #[inline]
    async fn child(&self, name: &[u8]) -> Result<Option<(Rc<Inode>, Via)>> {
        if self.at.is_removed() {
            return Err(Errno::ENOENT);
        }
        if name.len() > MAX_NAME {
            return Err(Errno::ENAMETOOLONG);
        }
        let found = self.vfs.lookup(&self.at, name).await?;
        Ok(found.map(|found| found.visible(&self.via)))
    }

    /// The directory above, or this one at the session's root.
    fn above(&self) -> (Rc<Inode>, Via) {
        let (mut at, mut via) = (Rc::clone(&self.at), self.via.clone());
        loop {
            if let Some(bind) = via.clone().filter(|bind| Rc::ptr_eq(&bind.root, &at)) {
                (at, via) = (Rc::clone(&bind.covers), bind.outer.clone());
                continue;
            }
            if Rc::ptr_eq(&at, self.origin.root) {
                return (at, None);
            }
            if let Some(parent) = at.parent() {
                // What is mounted on the parent hides it, and this one with it: only a handle
                // from before leads here, and on from here.
                return (parent, via);
            }
            let covered = at.directory().ok().and_then(|d| d.covers.borrow().clone());
            match covered {
                Some(below) => at = below,
                None => return (at, via),
            }
        }
    }

    async fn advance(&mut self) -> Result<()> {
        loop {
            let text = self.text.clone();
            let Some(step) = path::step(text.bytes(), self.position) else {
                self.last = LastRange::Root;
                return Ok(());
            };
            self.check_search().await?;
            if step.is_last && self.rest.is_empty() {
                self.slash = step.slash;
                self.last = match step.component {
                    Component::Current => LastRange::Current,
                    Component::Parent => LastRange::Parent,
                    Component::Name(name) => LastRange::Name {
                        start: step.next - step.trailing - name.len(),
                        len: name.len(),
                    },
                };
                return Ok(());
            }
            self.position = step.next;
            match step.component {
                Component::Current => {}
                Component::Parent => {
                    (self.at, self.via) = self.above();
                    self.is_fresh = false;
                }
                Component::Name(name) => {
                    let (child, via) = self.child(name).await?.ok_or(Errno::ENOENT)?;
                    if let Body::Symlink(_) = &child.body {
                        if !step.is_last {
                            self.rest.push((text, self.position));
                        }
                        self.follow(&child).await?;
                        continue;
                    }
                    child.directory()?;
                    // A root that is mounted here was not looked up.
                    self.is_fresh = Rc::ptr_eq(&child.mount, &self.at.mount);
                    (self.at, self.via) = (child, via);
                }
            }
            if step.is_last {
                self.resume();
            }
        }
    }

    /// Goes on with the text that a link interrupted.
    fn resume(&mut self) {
        if let Some((text, position)) = self.rest.pop() {
            (self.text, self.position) = (text, position);
        }
    }

    /// Goes on with a link's target.
    async fn follow(&mut self, link: &Rc<Inode>) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        let target = self.vfs.link_target(link).await?;
        path::check(&target)?;
        let first = target.first().ok_or(Errno::ENOENT)?;
        if *first == b'/' {
            self.at = Rc::clone(self.origin.root);
            self.via = None;
            self.is_fresh = false;
        }
        if path::step(&target, 0).is_none() && !self.rest.is_empty() {
            // The target is `/`, and more follows.
            self.resume();
            return Ok(());
        }
        (self.text, self.position) = (Text::Target(target), 0);
        Ok(())
    }
}

impl Vfs {
    /// What a name in a directory is, of the cache or of the file system. Mounts are not crossed.
    ///
    /// # Errors
    /// ENOTDIR, or what the file system says.
    #[inline]
    pub(crate) async fn lookup(
        &self,
        directory: &Rc<Inode>,
        name: &[u8],
    ) -> Result<Option<Rc<Inode>>> {
        if directory.mount.is_momentary() {
            return self.fetch(directory, name).await;
        }
        match self.dentries.find(directory.id, name) {
            Some(target) => {
                if let Some(file) = &target {
                    file.found_again(directory, name);
                }
                Ok(target)
            }
            None => self.fetch(directory, name).await,
        }
    }

    async fn fetch(&self, directory: &Rc<Inode>, name: &[u8]) -> Result<Option<Rc<Inode>>> {
        let mount = &directory.mount;
        loop {
            let version = directory.directory()?.version();
            let at = Name { directory: directory.number, name };
            let node = match mount.filesystem.lookup(at).await {
                Ok(node) => Some(node),
                Err(Errno::ENOENT) => None,
                Err(error) => return Err(error),
            };
            if version != directory.directory()?.version() {
                // Names changed meanwhile: this may not be so any more.
                if let Some(node) = node {
                    mount.filesystem.forget(node.inode, 1);
                }
                continue;
            }
            let target = node.map(|node| self.adopt(mount, directory, &node));
            if let Some(file) = &target {
                file.place.set(directory.number.0, name);
            }
            self.remember(directory, name, target.clone());
            return Ok(target);
        }
    }

    /// Notes what a name is, if that is so until it is changed here.
    pub(crate) fn remember(&self, directory: &Rc<Inode>, name: &[u8], target: Option<Rc<Inode>>) {
        if !directory.mount.is_momentary() {
            self.dentries.insert(directory, name, target);
        }
    }

    /// Where a symbolic link points to.
    pub(crate) async fn link_target(&self, link: &Rc<Inode>) -> Result<Rc<[u8]>> {
        let Body::Symlink(target) = &link.body else {
            return Err(Errno::EINVAL);
        };
        if let Some(target) = target.get() {
            return Ok(Rc::clone(target));
        }
        let filesystem = &link.mount.filesystem;
        let read: Rc<[u8]> = filesystem.read_symlink(link.number).await?.into();
        Ok(Rc::clone(target.get_or_init(|| read)))
    }
}
