//! Changing permissions, owner, group and times.

use crate::binds::{self, Via};
use crate::error::Result;
use crate::inode::Inode;
use crate::permission::{self, SET_GID, Want};
use crate::session::{OpenFile, Session};
use crate::vfs::Vfs;
use crate::walk::{Links, Walk};
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{AttributeChange, AttributeMask as Mask, FileKind, WatchEvents};
use dataplane::filesystem::{Attributes, Changes};
use dataplane::platform::Timestamp;
use dataplane::{Credentials, SessionRights};

impl Vfs {
    /// What a handle stands for, or, unless the path is empty, what that names.
    ///
    /// # Errors
    /// Those of a walk, EPERM for a right that the handle does not have.
    pub(super) async fn target(
        &self,
        session: &Session,
        who: &Credentials,
        (from, path): (&OpenFile, &[u8]),
        links: Links,
        rights: SessionRights,
    ) -> Result<Rc<Inode>> {
        Ok(self.target_and_way(session, who, (from, path), links, rights).await?.0)
    }

    pub(super) async fn target_and_way(
        &self,
        session: &Session,
        who: &Credentials,
        (from, path): (&OpenFile, &[u8]),
        links: Links,
        rights: SessionRights,
    ) -> Result<(Rc<Inode>, Via)> {
        from.grants(rights)?;
        if path.is_empty() {
            return Ok((Rc::clone(&from.inode), from.via.clone()));
        }
        Walk::all_the_way(self, session.origin(from, who), path, links).await
    }

    /// Changes attributes: all that are named, or none.
    ///
    /// # Errors
    /// Those of fchmodat(2), fchownat(2) and utimensat(2); EPERM for a right that the handle does
    /// not have.
    pub(crate) async fn set_attributes(
        &self,
        session: &Session,
        who: &Credentials,
        at: (&OpenFile, &[u8]),
        links: Links,
        change: &AttributeChange,
    ) -> Result<()> {
        let mask = change.parse()?;
        let target = self.target_and_way(session, who, at, links, SessionRights::WRITE);
        let (inode, via) = target.await?;
        binds::check_changeable(&inode, &via)?;
        inode.dispel_doubt().await?;
        let changes = self.checked(&inode.attributes(), who, mask, change)?;
        if mask.is_empty() {
            return Ok(());
        }
        let filesystem = &inode.mount.filesystem;
        let changing = self.watches.changing(&inode, WatchEvents::ATTRIBUTES);
        let news = filesystem.set_attributes(inode.number, &changes).await;
        let news = changing.answered(news)?;
        if inode.kind == FileKind::Regular && !inode.mount.is_momentary() {
            // Size and the times of contents may be newer here.
            apply(&mut inode.attributes_mut(), &changes);
        } else {
            inode.merge(&news);
        }
        Ok(())
    }

    /// What a change comes to, if `who` may make it.
    fn checked(
        &self,
        now: &Attributes,
        who: &Credentials,
        mask: Mask,
        change: &AttributeChange,
    ) -> Result<Changes> {
        let time = self.time();
        let mut changes = Changes { changed: Some(time), ..Changes::default() };
        if mask.intersects(Mask::OWNER | Mask::GROUP) {
            change_owner(&mut changes, now, who, mask, change)?;
        }
        if mask.contains(Mask::PERMISSIONS) {
            changes.permissions = Some(new_permissions(now, who, &changes, change)?);
        }
        check_times(now, who, mask)?;
        let given = |set: Mask, at: Timestamp, now: Mask| {
            let given = mask.contains(set).then_some(at);
            given.or(mask.contains(now).then_some(time))
        };
        changes.accessed = given(Mask::ACCESSED, change.accessed.into(), Mask::ACCESSED_NOW);
        changes.modified = given(Mask::MODIFIED, change.modified.into(), Mask::MODIFIED_NOW);
        Ok(changes)
    }
}

/// The owner alone gives a file to a group that he is in; user 0 gives anything to anybody. What
/// ran as the owner or the group no longer does.
fn change_owner(
    changes: &mut Changes,
    now: &Attributes,
    who: &Credentials,
    mask: Mask,
    change: &AttributeChange,
) -> Result<()> {
    let uid = mask.contains(Mask::OWNER).then_some(change.uid);
    let gid = mask.contains(Mask::GROUP).then_some(change.gid);
    let is_owner = who.uid == now.uid;
    let keeps_owner = uid.is_none_or(|uid| is_owner && uid == now.uid);
    let own_group = gid.is_none_or(|gid| is_owner && (gid == now.gid || who.in_group(gid)));
    if who.uid != 0 && !(keeps_owner && own_group) {
        return Err(Errno::EPERM);
    }
    (changes.uid, changes.gid) = (uid, gid);
    if now.kind != FileKind::Directory {
        let left = permission::without_privileges(now, who);
        changes.permissions = (left != now.permissions).then_some(left);
    }
    Ok(())
}

fn new_permissions(
    now: &Attributes,
    who: &Credentials,
    changes: &Changes,
    change: &AttributeChange,
) -> Result<u32> {
    if now.kind == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if who.uid != 0 && who.uid != now.uid {
        return Err(Errno::EPERM);
    }
    let group = changes.gid.unwrap_or(now.gid);
    let foreign = who.uid != 0 && !who.in_group(group);
    Ok(change.permissions & if foreign { !SET_GID } else { !0 })
}

/// Who may write a file may set both its times to now; all else only its owner may.
fn check_times(now: &Attributes, who: &Credentials, mask: Mask) -> Result<()> {
    let times = mask & (Mask::ACCESSED | Mask::ACCESSED_NOW | Mask::MODIFIED | Mask::MODIFIED_NOW);
    if times.is_empty() || who.uid == 0 || who.uid == now.uid {
        return Ok(());
    }
    if times == Mask::ACCESSED_NOW | Mask::MODIFIED_NOW {
        return permission::check(now, who, Want::WRITE);
    }
    Err(Errno::EPERM)
}

fn apply(attributes: &mut Attributes, changes: &Changes) {
    let set = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
    set(&mut attributes.permissions, changes.permissions);
    set(&mut attributes.uid, changes.uid);
    set(&mut attributes.gid, changes.gid);
    let set = |to: &mut Timestamp, from: Option<Timestamp>| *to = from.unwrap_or(*to);
    set(&mut attributes.accessed, changes.accessed);
    set(&mut attributes.modified, changes.modified);
    set(&mut attributes.changed, changes.changed);
}
