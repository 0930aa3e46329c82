//! Reading attributes.

use crate::binds;
use crate::cache::PAGE;
use crate::error::Result;
use crate::inode::{Body, Inode};
use crate::session::{OpenFile, Session};
use crate::vfs::Vfs;
use crate::walk::{Links, Walk};
use dataplane::file::{FileStatus, FilesystemStatus};
use dataplane::filesystem::PAGE_BYTES;
use dataplane::{Credentials, SessionRights};

/// Units of `FileStatus::blocks` in a page.
const BLOCKS_IN_PAGE: u64 = PAGE / 512;

impl Vfs {
    /// The attributes of what a handle stands for, or, unless the path is empty, of what that
    /// names.
    ///
    /// # Errors
    /// Those of fstatat(2), EPERM if the handle may not be read and there is a path.
    pub(crate) async fn status(
        &self,
        session: &Session,
        who: &Credentials,
        from: &OpenFile,
        path: &[u8],
        links: Links,
    ) -> Result<FileStatus> {
        if path.is_empty() {
            from.inode.dispel_doubt().await?;
            return Ok(status_of(&from.inode));
        }
        from.allow(SessionRights::READ)?;
        let inode = Walk::all(self, session.origin(from, who), path, links).await?;
        inode.dispel_doubt().await?;
        Ok(status_of(&inode))
    }
}

impl Vfs {
    /// The state of the file system that an object is in.
    ///
    /// # Errors
    /// Of the file system.
    pub(crate) async fn filesystem_status(&self, file: &OpenFile) -> Result<FilesystemStatus> {
        let mount = &file.inode.mount;
        let mut status = mount.filesystem.status().await?;
        if binds::check_changeable(&file.inode, &file.via).is_err() {
            status.flags |= FilesystemStatus::READ_ONLY;
        }
        Ok(FilesystemStatus { device: mount.id, ..status })
    }
}

fn status_of(inode: &Inode) -> FileStatus {
    let attributes = inode.attributes();
    let blocks = match &inode.body {
        Body::Regular(contents) if inode.is_cache_only() => contents.taken() * BLOCKS_IN_PAGE,
        _ => attributes.blocks,
    };
    FileStatus {
        mode: attributes.kind.to_mode() | attributes.permissions,
        links: attributes.links,
        uid: attributes.uid,
        gid: attributes.gid,
        block_size: u32::try_from(PAGE_BYTES).unwrap_or(0),
        reserved: 0,
        inode: inode.number.0,
        size: attributes.size,
        blocks,
        device: inode.mount.id,
        special_device: attributes.special_device,
        accessed: attributes.accessed.into(),
        modified: attributes.modified.into(),
        changed: attributes.changed.into(),
        created: attributes.created.into(),
    }
}
