//! Extended attributes: who may see and change which.
//!
//! | prefix | of | read by | changed by |
//! |---|---|---|---|
//! | `user.` | regular files and directories | who may read the file | who may write it; in a sticky directory its owner |
//! | `trusted.` | anything | user 0, to others it is not there | user 0 |
//! | `security.` | anything | anybody | user 0 |
//! | `system.` | nothing: EOPNOTSUPP | | |

use crate::binds;
use crate::error::Result;
use crate::inode::Inode;
use crate::permission::{self, STICKY, Want};
use crate::session::OpenFile;
use crate::vfs::Vfs;
use alloc::boxed::Box;
use alloc::vec::Vec;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, MAX_XATTR_NAME, MAX_XATTR_VALUE, WatchEvents, XattrMode};
use dataplane::filesystem::Xattr;
use dataplane::{Credentials, SessionRights};

const USER: &[u8] = b"user.";
const TRUSTED: &[u8] = b"trusted.";
const SECURITY: &[u8] = b"security.";

impl Vfs {
    /// An extended attribute.
    ///
    /// # Errors
    /// Those of getxattr(2), EPERM for a right that the handle does not have.
    pub(crate) async fn xattr(
        &self,
        file: &OpenFile,
        who: &Credentials,
        name: &[u8],
    ) -> Result<Box<[u8]>> {
        file.grants(SessionRights::READ)?;
        file.inode.dispel_doubt().await?;
        check(&file.inode, who, name, Want::READ)?;
        file.inode.mount.filesystem.xattr(file.inode.number, name).await
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// Those of setxattr(2), EPERM for a right that the handle does not have.
    pub(crate) async fn set_xattr(
        &self,
        file: &OpenFile,
        who: &Credentials,
        xattr: Xattr<'_>,
        mode: XattrMode,
    ) -> Result<()> {
        file.grants(SessionRights::WRITE)?;
        if xattr.value.len() > MAX_XATTR_VALUE {
            return Err(Errno::E2BIG);
        }
        binds::check_writable(&file.via)?;
        file.inode.dispel_doubt().await?;
        check(&file.inode, who, xattr.name, Want::WRITE)?;
        let time = self.time();
        let filesystem = &file.inode.mount.filesystem;
        let changing = self.watches.changing(&file.inode, WatchEvents::ATTRIBUTES);
        changing.answered(filesystem.set_xattr(file.inode.number, xattr, mode, time).await)?;
        file.inode.attributes_mut().changed = time;
        Ok(())
    }

    /// The names of those that `who` may know of, each with a byte 0 behind it.
    ///
    /// # Errors
    /// Those of listxattr(2), EPERM for a right that the handle does not have.
    pub(crate) async fn xattr_names(
        &self,
        file: &OpenFile,
        who: &Credentials,
    ) -> Result<Box<[u8]>> {
        file.grants(SessionRights::READ)?;
        let names = file.inode.mount.filesystem.xattr_names(file.inode.number).await?;
        if who.uid == 0 {
            return Ok(names);
        }
        let visible = names.split_inclusive(|byte| *byte == 0);
        let visible = visible.filter(|name| !name.starts_with(TRUSTED));
        Ok(visible.collect::<Vec<_>>().concat().into())
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// Those of removexattr(2), EPERM for a right that the handle does not have.
    pub(crate) async fn remove_xattr(
        &self,
        file: &OpenFile,
        who: &Credentials,
        name: &[u8],
    ) -> Result<()> {
        file.grants(SessionRights::WRITE)?;
        binds::check_writable(&file.via)?;
        file.inode.dispel_doubt().await?;
        check(&file.inode, who, name, Want::WRITE)?;
        let time = self.time();
        let filesystem = &file.inode.mount.filesystem;
        let changing = self.watches.changing(&file.inode, WatchEvents::ATTRIBUTES);
        changing.answered(filesystem.remove_xattr(file.inode.number, name, time).await)?;
        file.inode.attributes_mut().changed = time;
        Ok(())
    }
}

/// Whether `who` may read or change an attribute of this name; the table above.
fn check(inode: &Inode, who: &Credentials, name: &[u8], want: Want) -> Result<()> {
    if name.is_empty() || name.len() > MAX_XATTR_NAME {
        return Err(Errno::ERANGE);
    }
    if name.contains(&0) {
        return Err(Errno::EINVAL);
    }
    let changes = want == Want::WRITE;
    if changes {
        inode.mount.check_writable()?;
    }
    let prefix = [USER, TRUSTED, SECURITY].into_iter().find(|prefix| name.starts_with(prefix));
    match prefix {
        Some(TRUSTED | SECURITY) if who.uid == 0 => {}
        Some(TRUSTED) if !changes => return Err(Errno::ENODATA),
        Some(SECURITY) if !changes => {}
        Some(TRUSTED | SECURITY) => return Err(Errno::EPERM),
        Some(_) => check_user(inode, who, want)?,
        None => permission::check(&inode.attributes(), who, want)?,
    }
    match prefix {
        Some(prefix) if prefix == name => Err(Errno::EINVAL),
        Some(_) => Ok(()),
        None => Err(Errno::EOPNOTSUPP),
    }
}

fn check_user(inode: &Inode, who: &Credentials, want: Want) -> Result<()> {
    let attributes = inode.attributes();
    let changes = want == Want::WRITE;
    match attributes.kind {
        FileKind::Regular => {}
        FileKind::Directory => {
            let sticky = attributes.permissions & STICKY != 0;
            if changes && sticky && who.uid != 0 && who.uid != attributes.uid {
                return Err(Errno::EPERM);
            }
        }
        _ if changes => return Err(Errno::EPERM),
        _ => return Err(Errno::ENODATA),
    }
    permission::check(&attributes, who, want)
}
