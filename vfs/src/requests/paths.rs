//! Operations on what a path names.

use super::{Job, Outcome, count, ok};
use crate::operations::{End, How};
use crate::walk::Links;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{AttributeChange, Request};
use zerocopy::{FromZeros, IntoBytes};

impl Job {
    pub(super) async fn run_on_path(&self, who: &Credentials) -> Outcome {
        let (inner, session) = (&self.inner, &*self.session);
        let (vfs, arena) = (&inner.vfs, &session.arena);
        match self.request {
            Request::OpenAt { directory, path, flags, mode } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let how = How { flags, mode };
                let opened = vfs.open(session, who, &from, &path.bytes, how).await?;
                Ok(ok().with_aux(opened.to_word()))
            }
            Request::Statx { handle, path, follow, into } => {
                let from = session.file(handle)?;
                arena.check(into)?;
                let path = inner.path(arena, path)?;
                let links = if follow { Links::Follow } else { Links::Keep };
                let status = vfs.status(session, who, &from, &path.bytes, links).await?;
                arena.write(into, status.as_bytes())?;
                Ok(ok())
            }
            Request::MkdirAt { directory, path, mode } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let made = vfs.make_directory(session, who, &from, &path.bytes, mode);
                made.await.map(|()| ok())
            }
            Request::UnlinkAt { directory, path, kind } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let removed = vfs.remove(session, who, &from, &path.bytes, kind);
                removed.await.map(|()| ok())
            }
            Request::RenameAt { from, old, to, new, flags } => {
                let (from, to) = (session.file(from)?, session.file(to)?);
                let old = inner.path(arena, old)?;
                let new = inner.path(arena, new)?;
                let old = End { from: &from, path: &old.bytes };
                let new = End { from: &to, path: &new.bytes };
                let renamed = vfs.rename(session, who, old, new, flags);
                renamed.await.map(|()| ok())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    pub(super) async fn run_on_name(&self, who: &Credentials) -> Outcome {
        let (inner, session) = (&self.inner, &*self.session);
        let (vfs, arena) = (&inner.vfs, &session.arena);
        match self.request {
            Request::LinkAt { from, old, to, new, flags } => {
                let (from, to) = (session.file(from)?, session.file(to)?);
                let old = inner.path(arena, old)?;
                let new = inner.path(arena, new)?;
                let (old, new) = ((&*from, &*old.bytes), (&*to, &*new.bytes));
                vfs.link(session, who, old, new, flags).await.map(|()| ok())
            }
            Request::SymlinkAt { directory, path, target } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let target = inner.path(arena, target)?;
                let at = (&*from, &*path.bytes);
                vfs.symlink(session, who, at, &target.bytes).await.map(|()| ok())
            }
            Request::ReadlinkAt { handle, path, into } => {
                let from = session.file(handle)?;
                arena.check(into)?;
                if into.len == 0 {
                    return Err(Errno::EINVAL);
                }
                let path = inner.path(arena, path)?;
                let target = vfs.read_link(session, who, (&from, &path.bytes)).await?;
                let fits = target.len().min(into.len as usize);
                arena.write(into, target.get(..fits).unwrap_or_default())?;
                Ok(count(u32::try_from(fits).map_err(|_| Errno::EINVAL)?))
            }
            Request::MknodAt { directory, path, mode, device } => {
                let from = session.file(directory)?;
                let path = inner.path(arena, path)?;
                let at = (&*from, &*path.bytes);
                vfs.make_node(session, who, at, mode, device).await.map(|()| ok())
            }
            Request::Setattr { handle, path, follow, from } => {
                let file = session.file(handle)?;
                let mut change = AttributeChange::new_zeroed();
                if from.len as usize != AttributeChange::BYTES {
                    return Err(Errno::EINVAL);
                }
                arena.read(from, change.as_mut_bytes())?;
                let path = inner.path(arena, path)?;
                let links = if follow { Links::Follow } else { Links::Keep };
                let at = (&*file, &*path.bytes);
                vfs.set_attributes(session, who, at, links, &change).await.map(|()| ok())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }
}
