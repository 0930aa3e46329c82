//! Operations on extended attributes.

use super::{Job, Outcome, count, ok};
use dataplane::entry::Errno;
use dataplane::file::{MAX_XATTR_NAME, MAX_XATTR_VALUE, Request};
use dataplane::filesystem::Xattr;
use dataplane::{ArenaRange, Credentials};

impl Job {
    pub(super) async fn run_on_xattr(&self, who: &Credentials) -> Outcome {
        let (inner, session) = (&self.inner, &*self.session);
        let (vfs, arena) = (&inner.vfs, &session.arena);
        match self.request {
            Request::Getxattr { handle, name, into } => {
                let file = session.file(handle)?;
                arena.check(into)?;
                let name = inner.path(arena, named(name)?)?;
                let value = vfs.xattr(&file, who, &name.bytes).await?;
                self.answer(into, &value)
            }
            Request::Setxattr { handle, name, mode, from } => {
                let file = session.file(handle)?;
                let name = inner.path(arena, named(name)?)?;
                if from.len as usize > MAX_XATTR_VALUE {
                    return Err(Errno::E2BIG);
                }
                let value = inner.path(arena, from)?;
                let xattr = Xattr { name: &name.bytes, value: &value.bytes };
                vfs.set_xattr(&file, who, xattr, mode).await.map(|()| ok())
            }
            Request::Listxattr { handle, into } => {
                let file = session.file(handle)?;
                arena.check(into)?;
                let names = vfs.xattr_names(&file, who).await?;
                self.answer(into, &names)
            }
            Request::Removexattr { handle, name } => {
                let file = session.file(handle)?;
                let name = inner.path(arena, named(name)?)?;
                vfs.remove_xattr(&file, who, &name.bytes).await.map(|()| ok())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Writes a value and says how long it is; only says it if there is no room at all.
    fn answer(&self, into: ArenaRange, value: &[u8]) -> Outcome {
        let len = u32::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
        if into.len > 0 {
            if len > into.len {
                return Err(Errno::ERANGE);
            }
            self.session.arena.write(into, value)?;
        }
        Ok(count(len))
    }
}

fn named(name: ArenaRange) -> Result<ArenaRange, Errno> {
    match name.len as usize {
        1..=MAX_XATTR_NAME => Ok(name),
        _ => Err(Errno::ERANGE),
    }
}
