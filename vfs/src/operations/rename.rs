//! Renaming: replacing, not replacing, exchanging.

use super::remove::check_removable;
use crate::error::Result;
use crate::inode::Inode;
use crate::permission::{self, Want};
use crate::session::{OpenFile, Session};
use crate::vfs::Vfs;
use crate::walk::{Last, Links, Walk};
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, RenameFlags};
use dataplane::filesystem::{Name, Renamed};
use dataplane::{Credentials, SessionRights};

/// One end of a renaming.
#[derive(Clone, Copy)]
pub(crate) struct End<'a> {
    /// The directory's handle.
    pub(crate) from: &'a OpenFile,
    /// The path from there.
    pub(crate) path: &'a [u8],
}

/// Both names, looked up.
struct Names<'a> {
    old: Walk<'a>,
    new: Walk<'a>,
    moved: Rc<Inode>,
    replaced: Option<Rc<Inode>>,
    exchange: bool,
}

impl Vfs {
    /// Renames.
    ///
    /// # Errors
    /// Those of renameat2(2), EPERM for a right that a handle does not have.
    pub(crate) async fn rename(
        &self,
        session: &Session,
        who: &Credentials,
        old: End<'_>,
        new: End<'_>,
        flags: RenameFlags,
    ) -> Result<()> {
        if flags.contains(RenameFlags::NO_REPLACE | RenameFlags::EXCHANGE) {
            return Err(Errno::EINVAL);
        }
        let names = self.rename_names(session, who, old, new, flags).await?;
        old.from.allow(SessionRights::CREATE)?;
        new.from.allow(SessionRights::CREATE)?;
        let same = |replaced: &Rc<Inode>| Rc::ptr_eq(replaced, &names.moved);
        if names.replaced.as_ref().is_some_and(same) {
            return Ok(());
        }
        names.check(who)?;
        let (Last::Name(old_name), Last::Name(new_name)) = (names.old.last(), names.new.last())
        else {
            return Err(Errno::EBUSY);
        };
        let (from, to) = (&names.old.at, &names.new.at);
        names.new.check_writable()?;
        let mut old_change = self.change_names(&names.old, old_name, Some(&names.moved))?;
        // The version that counts is the later one where both are in one directory.
        let mut new_change = self.change_names(&names.new, new_name, names.replaced.as_ref())?;
        let answer = from.mount.filesystem.rename(
            Name { directory: from.number, name: old_name },
            Name { directory: to.number, name: new_name },
            flags,
            self.time(),
        );
        let renamed = new_change.answered(old_change.answered(answer.await))?;
        let is_as_expected = renamed.moved.inode == names.moved.number
            && renamed.replaced.map(|node| node.inode)
                == names.replaced.as_ref().map(|inode| inode.number);
        if !is_as_expected {
            // Other renamings were faster; what the names are will be looked up again.
            if let Some(moved) = from.mount.find(renamed.moved.inode) {
                moved.place.set(to.number.0, new_name);
            }
            self.note_replaced(&names, &renamed);
            return Ok(());
        }
        Self::note_renamed(&names, &renamed);
        let old_target = names.replaced.clone().filter(|_| names.exchange);
        if Rc::ptr_eq(from, to) {
            // The earlier of the two was disturbed by the later one, and by nothing else if that
            // one was not disturbed.
            let undisturbed = new_change.done(Some(Rc::clone(&names.moved)));
            if undisturbed {
                old_change.done_together(old_target);
            } else {
                old_change.done(old_target);
            }
        } else {
            new_change.done(Some(Rc::clone(&names.moved)));
            old_change.done(old_target);
        }
        self.note_replaced(&names, &renamed);
        Ok(())
    }

    async fn rename_names<'a>(
        &'a self,
        session: &'a Session,
        who: &'a Credentials,
        old: End<'a>,
        new: End<'a>,
        flags: RenameFlags,
    ) -> Result<Names<'a>> {
        let mut old = Walk::to_last(self, session.origin(old.from, who), old.path).await?;
        let mut new = Walk::to_last(self, session.origin(new.from, who), new.path).await?;
        if !Rc::ptr_eq(&old.at.mount, &new.at.mount) {
            return Err(Errno::EXDEV);
        }
        if !matches!(old.last(), Last::Name(_)) {
            return Err(Errno::EBUSY);
        }
        if !matches!(new.last(), Last::Name(_)) {
            let no_replace = flags.contains(RenameFlags::NO_REPLACE);
            return Err(if no_replace { Errno::EEXIST } else { Errno::EBUSY });
        }
        let slashes = [core::mem::take(&mut old.slash), core::mem::take(&mut new.slash)];
        let moved = old.take_last(Links::Keep).await?.flatten();
        let moved = moved.ok_or(Errno::ENOENT)?;
        let replaced = new.take_last(Links::Keep).await?.flatten();
        if replaced.is_some() && flags.contains(RenameFlags::NO_REPLACE) {
            return Err(Errno::EEXIST);
        }
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if replaced.is_none() && exchange {
            return Err(Errno::ENOENT);
        }
        let is_file = |inode: &Rc<Inode>| inode.kind != FileKind::Directory;
        let new_is_file = exchange && replaced.as_ref().is_some_and(is_file);
        let [old_slash, new_slash] = slashes;
        let either = old_slash || (new_slash && !exchange);
        if (is_file(&moved) && either) || (new_is_file && new_slash) {
            return Err(Errno::ENOTDIR);
        }
        Ok(Names { old, new, moved, replaced, exchange })
    }

    /// Takes note that what was replaced has lost a name, whichever file that was.
    fn note_replaced(&self, names: &Names<'_>, renamed: &Renamed) {
        let Some(node) = renamed.replaced.as_ref().filter(|_| !names.exchange) else { return };
        if let Some(replaced) = names.new.at.mount.find(node.inode) {
            self.lost_name(&replaced, &node.attributes);
        }
    }

    fn note_renamed(names: &Names<'_>, renamed: &Renamed) {
        let (from, to) = (&names.old.at, &names.new.at);
        from.merge(&renamed.from);
        to.merge(&renamed.to);
        names.moved.merge(&renamed.moved.attributes);
        names.moved.set_parent(Some(Rc::clone(to)));
        let (Some(replaced), Some(node)) = (&names.replaced, &renamed.replaced) else {
            return;
        };
        if names.exchange {
            replaced.merge(&node.attributes);
            replaced.set_parent(Some(Rc::clone(from)));
        }
    }
}

impl Names<'_> {
    fn check(&self, who: &Credentials) -> Result<()> {
        let (from, to) = (&self.old.at, &self.new.at);
        self.check_circles()?;
        check_removable(from, &self.moved, who)?;
        match &self.replaced {
            Some(replaced) => check_removable(to, replaced, who)?,
            None => permission::check(&to.attributes(), who, Want::WRITE | Want::SEARCH)?,
        }
        let is_directory = |inode: &Rc<Inode>| inode.kind == FileKind::Directory;
        let other_directory = !Rc::ptr_eq(from, to);
        if let Some(replaced) = self.replaced.as_ref() {
            match (is_directory(&self.moved), is_directory(replaced)) {
                _ if self.exchange => {}
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ => {}
            }
        }
        let both = [Some(&self.moved), self.replaced.as_ref()];
        let has_crossed =
            self.old.has_crossed() || (self.replaced.is_some() && self.new.has_crossed());
        if has_crossed || both.into_iter().flatten().any(|inode| inode.is_mount_point()) {
            return Err(Errno::EBUSY);
        }
        // A directory that moves to another one is changed itself: its `..` is another.
        let moves = [Some(&self.moved), self.replaced.as_ref().filter(|_| self.exchange)];
        for inode in moves.into_iter().flatten() {
            if other_directory && is_directory(inode) {
                permission::check(&inode.attributes(), who, Want::WRITE)?;
            }
        }
        Ok(())
    }

    /// Above and below: no directory comes to lie within itself, whoever asks.
    fn check_circles(&self) -> Result<()> {
        let is_above = |inode: &Rc<Inode>, other: &Rc<Inode>| {
            inode.kind == FileKind::Directory && inode.is_above(other)
        };
        if is_above(&self.moved, &self.new.at) {
            return Err(Errno::EINVAL);
        }
        match &self.replaced {
            Some(replaced) if is_above(replaced, &self.old.at) => {
                Err(if self.exchange { Errno::EINVAL } else { Errno::ENOTEMPTY })
            }
            _ => Ok(()),
        }
    }
}
