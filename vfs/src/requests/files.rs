//! Operations on what a handle stands for.

use super::{Job, Outcome, count, grant_done, ok};
use crate::operations::CopyEnd;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::Request;
use zerocopy::IntoBytes;

impl Job {
    pub(super) async fn run_on_file(&self, who: &Credentials) -> Outcome {
        let (vfs, session) = (&self.inner.vfs, &*self.session);
        let arena = &session.arena;
        match self.request {
            Request::Read { handle, offset, into } => {
                let file = session.file(handle)?;
                vfs.read(&file, offset, arena, into).await.map(count)
            }
            Request::Write { handle, offset, from } => {
                let file = session.file(handle)?;
                let written = vfs.write(&file, who, offset, arena, from);
                written.await.map(count)
            }
            Request::ReadGrant { handle, offset, len, hold } => {
                let file = session.file(handle)?;
                let granted = vfs.read_grant(session, &file, offset, len).await?;
                Ok(grant_done(session, granted, hold))
            }
            Request::Fsync { handle, kind } => {
                let file = session.file(handle)?;
                vfs.sync(&file, kind).await.map(|()| ok())
            }
            Request::Ftruncate { handle, size } => {
                let file = session.file(handle)?;
                vfs.truncate(&file, who, size).await.map(|()| ok())
            }
            Request::Getdents { handle, cookie, into } => {
                let file = session.file(handle)?;
                arena.check(into)?;
                let part = vfs.list(&file, cookie, into.len as usize).await?;
                let bytes = part.records.as_bytes();
                arena.write(into, bytes)?;
                let len = u32::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
                Ok(count(len).with_aux(part.next))
            }
            Request::Fallocate { handle, mode, offset, len } => {
                let file = session.file(handle)?;
                vfs.allocate(&file, who, mode, offset, len).await.map(|()| ok())
            }
            Request::Lseek { handle, offset, whence } => {
                let file = session.file(handle)?;
                let found = vfs.seek(&file, offset, whence).await?;
                Ok(ok().with_aux(found))
            }
            Request::CopyFileRange { from, offset, to, to_offset, len } => {
                let (from, to) = (session.file(from)?, session.file(to)?);
                let from = CopyEnd { file: &from, offset };
                let to = CopyEnd { file: &to, offset: to_offset };
                vfs.copy_range(who, from, to, len).await.map(count)
            }
            Request::Statfs { handle, into } => {
                let file = session.file(handle)?;
                arena.check(into)?;
                let status = vfs.filesystem_status(&file).await?;
                arena.write(into, status.as_bytes())?;
                Ok(ok())
            }
            Request::Syncfs { handle } => {
                let file = session.file(handle)?;
                vfs.sync_filesystem(&file).await.map(|()| ok())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }
}
