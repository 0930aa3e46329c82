//! Hard and symbolic links, and names of what is no file.

use super::open::What;
use crate::binds;
use crate::error::Result;
use crate::inode::{Body, Inode};
use crate::permission::{self, Want};
use crate::session::{OpenFile, Session};
use crate::vfs::Vfs;
use crate::walk::{Last, Links, Walk};
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, LinkFlags, MAX_PATH, WatchEvents};
use dataplane::filesystem::Name;
use dataplane::{Credentials, SessionRights};

/// Permissions of symbolic links, which nobody looks at.
const LINK_PERMISSIONS: u32 = 0o777;
/// Mode bits beside the kind.
const PERMISSIONS: u32 = 0o7777;

impl Vfs {
    /// Gives a file another name.
    ///
    /// # Errors
    /// Those of linkat(2), EPERM for a right that a handle does not have.
    pub(crate) async fn link(
        &self,
        session: &Session,
        who: &Credentials,
        (from, old): (&OpenFile, &[u8]),
        (to, new): (&OpenFile, &[u8]),
        flags: LinkFlags,
    ) -> Result<()> {
        if old.is_empty() && !flags.contains(LinkFlags::EMPTY_PATH) {
            return Err(Errno::ENOENT);
        }
        let follow = flags.contains(LinkFlags::FOLLOW);
        let links = if follow { Links::Follow } else { Links::Keep };
        let found = self.target_and_way(session, who, (from, old), links, SessionRights::READ);
        let (file, via) = found.await?;
        let walk = self.vacant(session, who, to, new).await?;
        let (directory, Last::Name(name)) = (&walk.at, walk.last()) else {
            return Err(Errno::EEXIST);
        };
        if !Rc::ptr_eq(&file.mount, &directory.mount) {
            return Err(Errno::EXDEV);
        }
        // By its new name it could be changed.
        binds::check_writable(&via)?;
        permission::check(&directory.attributes(), who, Want::WRITE | Want::SEARCH)?;
        if file.kind == FileKind::Directory {
            return Err(Errno::EPERM);
        }
        let mut change = self.change_names(&walk, name, Some(&file))?;
        let changing = self.watches.changing(&file, WatchEvents::ATTRIBUTES);
        let at = Name { directory: directory.number, name };
        let linked = directory.mount.filesystem.link(file.number, at, self.time()).await;
        let linked = changing.answered(change.answered(linked))?;
        directory.merge(&linked.directory);
        file.merge(&linked.node.attributes);
        if file.kind == FileKind::Regular && file.is_cache_only() {
            // It may have had no name before.
            file.mount.anchor(&file);
        }
        change.done(Some(Rc::clone(&file)));
        Ok(())
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// Those of symlinkat(2), EPERM for a right that the handle does not have.
    pub(crate) async fn symlink(
        &self,
        session: &Session,
        who: &Credentials,
        (from, path): (&OpenFile, &[u8]),
        target: &[u8],
    ) -> Result<()> {
        match target.len() {
            0 => return Err(Errno::ENOENT),
            MAX_PATH.. => return Err(Errno::ENAMETOOLONG),
            _ if target.contains(&0) => return Err(Errno::EINVAL),
            _ => {}
        }
        let walk = self.vacant(session, who, from, path).await?;
        let link = What { target, ..What::plain(FileKind::Symlink) };
        self.make(&walk, who, link, LINK_PERMISSIONS).await.map(drop)
    }

    /// Makes a name for a regular file, FIFO, socket or device.
    ///
    /// # Errors
    /// Those of mknodat(2), EPERM for a right that the handle does not have.
    pub(crate) async fn make_node(
        &self,
        session: &Session,
        who: &Credentials,
        (from, path): (&OpenFile, &[u8]),
        mode: u32,
        device: u64,
    ) -> Result<()> {
        let kind = match mode & FileKind::MASK {
            0 => FileKind::Regular,
            kind => FileKind::from_mode(kind).ok_or(Errno::EINVAL)?,
        };
        if mode & !(FileKind::MASK | PERMISSIONS) != 0 {
            return Err(Errno::EINVAL);
        }
        let is_device = matches!(kind, FileKind::CharacterDevice | FileKind::BlockDevice);
        match kind {
            FileKind::Directory => return Err(Errno::EPERM),
            FileKind::Symlink => return Err(Errno::EINVAL),
            _ if is_device && who.uid != 0 => return Err(Errno::EPERM),
            _ if !is_device && device != 0 => return Err(Errno::EINVAL),
            _ => {}
        }
        let walk = self.vacant(session, who, from, path).await?;
        let node = What { device, ..What::plain(kind) };
        self.make(&walk, who, node, mode & PERMISSIONS).await.map(drop)
    }

    /// A walk to a name that nothing has yet.
    ///
    /// # Errors
    /// EEXIST, ENOENT if a slash is behind the name: only directories can have one.
    async fn vacant<'a>(
        &'a self,
        session: &'a Session,
        who: &'a Credentials,
        from: &'a OpenFile,
        path: &'a [u8],
    ) -> Result<Walk<'a>> {
        let mut walk = Walk::to_last(self, session.origin(from, who), path).await?;
        let slash = core::mem::take(&mut walk.slash);
        match walk.take_last(Links::Keep).await? {
            Some(None) if slash => return Err(Errno::ENOENT),
            Some(None) => {}
            _ => return Err(Errno::EEXIST),
        }
        from.allow(SessionRights::CREATE)?;
        Ok(walk)
    }

    /// Where a symbolic link points to: the handle's, or, unless the path is empty, the one that
    /// it names.
    ///
    /// # Errors
    /// Those of readlinkat(2), EPERM for a right that the handle does not have.
    pub(crate) async fn read_link(
        &self,
        session: &Session,
        who: &Credentials,
        at: (&OpenFile, &[u8]),
    ) -> Result<Rc<[u8]>> {
        let link = self.target(session, who, at, Links::Keep, SessionRights::READ).await?;
        self.read_target(&link).await
    }

    async fn read_target(&self, link: &Rc<Inode>) -> Result<Rc<[u8]>> {
        if !matches!(link.body, Body::Symlink(_)) {
            return Err(Errno::EINVAL);
        }
        self.note_access(link);
        self.link_target(link).await
    }
}
