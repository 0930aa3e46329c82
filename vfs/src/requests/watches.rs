//! Change events.

use super::Inner;
use crate::session::{OpenMode, Session};
use crate::watches::{Reports, Watch};
use alloc::rc::Rc;
use dataplane::entry::{Errno, Handle};
use dataplane::file::WatchEvents;
use dataplane::{ArenaRange, SessionRights};

impl Inner {
    /// Begins to report changes of what a handle stands for.
    ///
    /// # Errors
    /// EBADF if it was not opened for reading, EPERM for a right that it does not have, EINVAL if
    /// everything is to be watched through a handle that is not that of the root of everything, and
    /// those of [`Reports::begin`].
    pub(crate) fn watch(
        &self,
        session: &Session,
        handle: Handle,
        events: WatchEvents,
        slots: ArenaRange,
    ) -> Result<Reports, Errno> {
        let file = session.file(handle)?;
        file.require(OpenMode::READ)?;
        file.grants(SessionRights::READ)?;
        let is_root = Rc::ptr_eq(&file.inode, &self.vfs.root()?);
        if events.contains(WatchEvents::EVERYWHERE) && !is_root {
            return Err(Errno::EINVAL);
        }
        let whose = (session.id, session.principal(0)?.uid);
        let watch = Watch::new(whose, handle, file.inode.object(), events);
        let reports = Reports::begin(watch, &self.vfs.watches, &session.arena, slots)?;
        if file.inode.is_gone.get() {
            self.vfs.watches.gone(&file.inode);
        }
        file.has_watched.set(true);
        Ok(reports)
    }
}
