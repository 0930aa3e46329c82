//! Opening and creating files, and making directories.

use crate::binds::{self, Via};
use crate::error::Result;
use crate::inode::Inode;
use crate::permission::{self, Want};
use crate::session::{OpenFile, OpenMode, Session};
use crate::vfs::Vfs;
use crate::walk::{Last, Links, Walk};
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{FileKind, OpenFlags};
use dataplane::filesystem::{Name, NewNode};
use dataplane::{Credentials, SessionRights};

/// How to open a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// What for.
    pub(crate) flags: OpenFlags,
    /// Permissions of a file that is made.
    pub(crate) mode: u32,
}

/// What is to be made.
#[derive(Clone, Copy)]
pub(super) struct What<'a> {
    pub(super) kind: FileKind,
    /// Of a symbolic link.
    pub(super) target: &'a [u8],
    /// Of a device file.
    pub(super) device: u64,
}

impl What<'_> {
    /// Something that is only what its kind says.
    pub(super) fn plain(kind: FileKind) -> Self {
        Self { kind, target: &[], device: 0 }
    }
}

/// A file that was found or made.
struct Opened {
    inode: Rc<Inode>,
    via: Via,
    is_new: bool,
}

impl How {
    fn check(&self) -> Result<()> {
        let flags = self.flags;
        let names_nothing = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::REOPEN;
        if flags.contains(OpenFlags::TEMPORARY)
            && (!flags.writes() || flags.intersects(names_nothing))
        {
            return Err(Errno::EINVAL);
        }
        let both = OpenFlags::WRITE_ONLY | OpenFlags::READ_WRITE;
        let reopens_new = OpenFlags::CREATE | OpenFlags::REOPEN;
        let creates_directory = self.creates() && flags.contains(OpenFlags::DIRECTORY);
        if flags.contains(both) || flags.contains(reopens_new) || creates_directory {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn is_path(&self) -> bool {
        self.flags.contains(OpenFlags::PATH)
    }

    fn creates(&self) -> bool {
        self.flags.contains(OpenFlags::CREATE) && !self.is_path()
    }

    fn truncates(&self) -> bool {
        self.flags.contains(OpenFlags::TRUNCATE) && !self.is_path()
    }

    fn links(&self) -> Links {
        let exclusive = self.creates() && self.flags.contains(OpenFlags::EXCLUSIVE);
        if exclusive || self.flags.contains(OpenFlags::NO_FOLLOW) {
            Links::Keep
        } else {
            Links::Follow
        }
    }

    fn rights(&self) -> SessionRights {
        let mut rights = SessionRights::empty();
        if self.flags.reads() {
            rights |= SessionRights::READ;
        }
        if self.flags.writes() || self.truncates() {
            rights |= SessionRights::WRITE;
        }
        rights
    }

    fn mode(&self) -> OpenMode {
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, self.flags.reads());
        mode.set(OpenMode::WRITE, self.flags.writes());
        mode.set(OpenMode::APPEND, self.flags.contains(OpenFlags::APPEND));
        mode
    }
}

impl Vfs {
    /// Opens what a path names, relative to a directory's handle, and makes it if asked to.
    ///
    /// # Errors
    /// Those of openat(2), EPERM for a right that the handle does not have, EMFILE.
    pub(crate) async fn open(
        &self,
        session: &Session,
        who: &Credentials,
        from: &OpenFile,
        path: &[u8],
        how: How,
    ) -> Result<Handle> {
        how.check()?;
        session.check_room()?;
        from.grants(how.rights())?;
        let opened = if how.flags.contains(OpenFlags::REOPEN) {
            if !path.is_empty() {
                return Err(Errno::EINVAL);
            }
            // Its permissions may be others by now.
            from.inode.dispel_doubt().await?;
            Opened { inode: Rc::clone(&from.inode), via: from.via.clone(), is_new: false }
        } else if how.flags.contains(OpenFlags::TEMPORARY) {
            self.make_unnamed(session, who, (from, path), how).await?
        } else {
            self.find_or_create(session, who, from, path, how).await?
        };
        self.check_opened(&opened, who, how)?;
        if how.truncates() && !opened.is_new && opened.inode.kind == FileKind::Regular {
            self.set_size(&opened.inode, who, 0).await?;
        }
        session.add(OpenFile {
            has_locked: Cell::new(false),
            has_watched: Cell::new(false),
            rights: from.rights,
            inode: opened.inode,
            via: opened.via,
            mode: how.mode(),
            grant: RefCell::default(),
        })
    }

    /// Makes a file without a name, in the file system of the directory that a path names.
    async fn make_unnamed(
        &self,
        session: &Session,
        who: &Credentials,
        at: (&OpenFile, &[u8]),
        how: How,
    ) -> Result<Opened> {
        if at.1.is_empty() {
            return Err(Errno::ENOENT);
        }
        let rights = SessionRights::CREATE;
        let (directory, via) = self.target_and_way(session, who, at, how.links(), rights).await?;
        directory.directory()?;
        binds::check_changeable(&directory, &via)?;
        let new = self.new_node(&directory, who, What::plain(FileKind::Regular), how.mode)?;
        let filesystem = &directory.mount.filesystem;
        let node = filesystem.create_unnamed(directory.number, &new).await?;
        let inode = self.adopt(&directory.mount, &directory, &node);
        Ok(Opened { inode, via, is_new: true })
    }

    /// What `who` may make in a directory.
    fn new_node<'a>(
        &self,
        directory: &Inode,
        who: &Credentials,
        what: What<'a>,
        mode: u32,
    ) -> Result<NewNode<'a>> {
        let attributes = directory.attributes();
        permission::check(&attributes, who, Want::WRITE | Want::SEARCH)?;
        let (permissions, gid) = permission::inherit(&attributes, who, what.kind, mode);
        Ok(NewNode {
            kind: what.kind,
            permissions,
            uid: who.uid,
            gid,
            special_device: what.device,
            target: what.target,
            time: self.time(),
        })
    }

    async fn find_or_create(
        &self,
        session: &Session,
        who: &Credentials,
        from: &OpenFile,
        path: &[u8],
        how: How,
    ) -> Result<Opened> {
        let mut walk = Walk::to_last(self, session.origin(from, who), path).await?;
        from.inode.directory()?;
        loop {
            if how.creates() && walk.slash && matches!(walk.last(), Last::Name(_)) {
                return Err(Errno::EISDIR);
            }
            match walk.take_last(how.links()).await? {
                Some(Some(_)) if how.creates() && how.flags.contains(OpenFlags::EXCLUSIVE) => {
                    return Err(Errno::EEXIST);
                }
                Some(Some(inode)) => {
                    let (via, is_new) = (walk.found_via, false);
                    return Ok(Opened { inode, via, is_new });
                }
                Some(None) if !how.creates() => return Err(Errno::ENOENT),
                Some(None) => {
                    from.allow(SessionRights::CREATE)?;
                    let made =
                        self.make(&walk, who, What::plain(FileKind::Regular), how.mode).await;
                    match made {
                        // Somebody else was faster: it is there now.
                        Err(Errno::EEXIST) if !how.flags.contains(OpenFlags::EXCLUSIVE) => {}
                        made => {
                            let (inode, via, is_new) = (made?, walk.via, true);
                            return Ok(Opened { inode, via, is_new });
                        }
                    }
                }
                None => {}
            }
        }
    }

    fn check_opened(&self, opened: &Opened, who: &Credentials, how: How) -> Result<()> {
        if opened.is_new {
            return Ok(());
        }
        let inode = &opened.inode;
        let is_directory = inode.kind == FileKind::Directory;
        if how.flags.contains(OpenFlags::DIRECTORY) && !is_directory {
            return Err(Errno::ENOTDIR);
        }
        if how.is_path() {
            return Ok(());
        }
        if is_directory && (how.flags.writes() || how.truncates() || how.creates()) {
            return Err(Errno::EISDIR);
        }
        if inode.kind == FileKind::Regular && (how.flags.writes() || how.truncates()) {
            binds::check_changeable(inode, &opened.via)?;
        }
        let mut want = Want::empty();
        want.set(Want::READ, how.flags.reads());
        want.set(Want::WRITE, how.flags.writes() || how.truncates());
        match inode.kind {
            FileKind::Symlink => Err(Errno::ELOOP),
            FileKind::Regular | FileKind::Directory => {
                permission::check(&inode.attributes(), who, want)
            }
            _ => Err(Errno::ENXIO),
        }
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of mkdirat(2), EPERM for a right that the handle does not have.
    pub(crate) async fn make_directory(
        &self,
        session: &Session,
        who: &Credentials,
        from: &OpenFile,
        path: &[u8],
        mode: u32,
    ) -> Result<()> {
        let mut walk = Walk::to_last(self, session.origin(from, who), path).await?;
        // A slash behind the name of a directory to be made says nothing new.
        walk.slash = false;
        match walk.take_last(Links::Keep).await? {
            Some(None) => {}
            _ => return Err(Errno::EEXIST),
        }
        from.allow(SessionRights::CREATE)?;
        self.make(&walk, who, What::plain(FileKind::Directory), mode).await?;
        Ok(())
    }

    /// Makes the last component of a walk, where nothing is.
    pub(super) async fn make(
        &self,
        walk: &Walk<'_>,
        who: &Credentials,
        what: What<'_>,
        mode: u32,
    ) -> Result<Rc<Inode>> {
        let directory = &walk.at;
        let Last::Name(name) = walk.last() else {
            return Err(Errno::EEXIST);
        };
        let new = self.new_node(directory, who, what, mode)?;
        let mut change = self.change_names(walk, name, None)?;
        let at = Name { directory: directory.number, name };
        let created = change.answered(directory.mount.filesystem.create(at, &new).await)?;
        directory.merge(&created.directory);
        let inode = self.adopt(&directory.mount, directory, &created.node);
        change.done(Some(Rc::clone(&inode)));
        Ok(inode)
    }
}
