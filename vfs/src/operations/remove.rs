//! Removing names, and keeping the dentry cache true while names change.

use crate::error::Result;
use crate::inode::{Directory, Inode};
use crate::permission::{self, Want};
use crate::session::{OpenFile, Session};
use crate::vfs::Vfs;
use crate::walk::{Last, Links, Walk};
use crate::watches::Watches;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, UnlinkKind, WatchEvents};
use dataplane::filesystem::{Attributes, Name};
use dataplane::{Credentials, SessionId, SessionRights};

/// A name is being changed. Until the file system has answered, nobody knows what it is; if the
/// request is dropped before, or another change of the same directory overlaps, the cache forgets
/// the name and doubts the attributes.
pub(super) struct NameChange<'a> {
    vfs: &'a Vfs,
    directory: &'a Rc<Inode>,
    name: &'a [u8],
    /// What has the name.
    file: Option<&'a Rc<Inode>>,
    version: u64,
    is_clear: bool,
    /// Whether who watches has been told of it, or need not be.
    is_told: bool,
    /// Who changes it.
    session: Option<SessionId>,
}

impl NameChange<'_> {
    /// Takes note of what the file system has answered: an error has changed nothing.
    pub(super) fn answered<T>(&mut self, answer: Result<T>) -> Result<T> {
        self.is_told = answer.is_err();
        answer
    }

    /// The change was made: this is what the name is now. Says whether no other change overlapped.
    pub(super) fn done(mut self, target: Option<Rc<Inode>>) -> bool {
        self.note(target.as_ref());
        let version = self.directory.directory().map(Directory::version);
        let undisturbed = version == Ok(self.version);
        if undisturbed {
            self.remember(target);
        }
        undisturbed
    }

    /// The same for a change that only another one of the same request has overlapped.
    pub(super) fn done_together(mut self, target: Option<Rc<Inode>>) {
        self.note(target.as_ref());
        self.remember(target);
    }

    fn remember(mut self, target: Option<Rc<Inode>>) {
        let (vfs, directory, name) = (self.vfs, self.directory, self.name);
        self.is_clear = true;
        drop(self);
        vfs.remember(directory, name, target);
    }

    fn note(&mut self, target: Option<&Rc<Inode>>) {
        let directory = self.directory.number.0;
        if let Some(file) = self.file {
            file.place.leave(directory, self.name);
        }
        if let Some(file) = target {
            file.place.set(directory, self.name);
        }
        self.tell(target);
    }

    /// Tells who watches the directory.
    fn tell(&mut self, target: Option<&Rc<Inode>>) {
        let entry = target.or(self.file).map_or(0, |file| file.number.0);
        self.is_told = true;
        let tell = |all: &Watches| all.names_changed(self.directory, self.name, entry);
        self.vfs.watches.acting_for(self.session, tell);
    }
}

impl Drop for NameChange<'_> {
    fn drop(&mut self) {
        self.vfs.dentries.remove(self.directory.id, self.name);
        if let Ok(directory) = self.directory.directory() {
            directory.bump();
        }
        if !self.is_clear {
            self.directory.doubt();
            self.file.inspect(|file| file.doubt());
        }
        if !self.is_told {
            self.tell(None);
        }
    }
}

impl Vfs {
    /// Announces a change of a name in the directory that a walk is at, which `file` has.
    ///
    /// # Errors
    /// ENOTDIR; EROFS if nothing may be changed there.
    pub(super) fn change_names<'a>(
        &'a self,
        walk: &'a Walk<'_>,
        name: &'a [u8],
        file: Option<&'a Rc<Inode>>,
    ) -> Result<NameChange<'a>> {
        walk.check_writable()?;
        let directory = &walk.at;
        Ok(NameChange {
            vfs: self,
            directory,
            name,
            file,
            version: directory.directory()?.bump(),
            is_clear: false,
            is_told: false,
            session: self.watches.acting(),
        })
    }

    /// Takes note that a file has lost a name.
    pub(super) fn lost_name(&self, inode: &Rc<Inode>, news: &Attributes) {
        inode.merge(news);
        self.watches.changed(inode, WatchEvents::ATTRIBUTES);
        if news.links == 0 {
            inode.is_gone.set(true);
            self.watches.gone(inode);
        }
        if news.links == 0 && inode.kind != FileKind::Directory {
            inode.mount.release(inode.number);
        }
    }

    /// Removes a name, or an empty directory.
    ///
    /// # Errors
    /// Those of unlinkat(2), EPERM for a right that the handle does not have.
    pub(crate) async fn remove(
        &self,
        session: &Session,
        who: &Credentials,
        from: &OpenFile,
        path: &[u8],
        kind: UnlinkKind,
    ) -> Result<()> {
        let mut walk = Walk::to_last(self, session.origin(from, who), path).await?;
        let is_rmdir = kind == UnlinkKind::Directory;
        match walk.last() {
            Last::Name(_) => {}
            _ if !is_rmdir => return Err(Errno::EISDIR),
            Last::Current => return Err(Errno::EINVAL),
            Last::Parent => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        }
        // The name itself is meant, also of a link with a slash behind it.
        let slash = core::mem::take(&mut walk.slash);
        let victim = walk.take_last(Links::Keep).await?.flatten();
        let victim = victim.ok_or(Errno::ENOENT)?;
        from.allow(SessionRights::CREATE)?;
        let directory = &walk.at;
        let kind = match (is_rmdir, victim.kind == FileKind::Directory) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            (false, false) if slash => Err(Errno::ENOTDIR),
            _ => Ok(()),
        };
        if slash && !is_rmdir {
            // What has a slash behind it is no name of a file, whoever asks.
            kind?;
        }
        check_removable(directory, &victim, who)?;
        kind?;
        if walk.has_crossed() || victim.is_mount_point() {
            return Err(Errno::EBUSY);
        }
        let Last::Name(name) = walk.last() else {
            return Err(Errno::EINVAL);
        };
        let mut change = self.change_names(&walk, name, Some(&victim))?;
        let at = Name { directory: directory.number, name };
        let (filesystem, time) = (&directory.mount.filesystem, self.time());
        let answer =
            if is_rmdir { filesystem.rmdir(at, time) } else { filesystem.unlink(at, time) };
        let removed = change.answered(answer.await)?;
        directory.merge(&removed.directory);
        change.done(None);
        // Others may have been faster, and the name another file's by then.
        if let Some(lost) = directory.mount.find(removed.node.inode) {
            self.lost_name(&lost, &removed.node.attributes);
        }
        Ok(())
    }
}

/// Whether `who` may take `file`'s name out of `directory`.
///
/// # Errors
/// EACCES or EPERM.
pub(super) fn check_removable(directory: &Inode, file: &Inode, who: &Credentials) -> Result<()> {
    let attributes = directory.attributes();
    permission::check(&attributes, who, Want::WRITE | Want::SEARCH)?;
    // A root that is mounted here is not what is removed; the caller answers EBUSY.
    permission::check_sticky(&attributes, &file.attributes(), who)
}
