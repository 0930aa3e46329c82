//! A change that is under way.

use super::table::Watches;
use crate::error::Result;
use crate::inode::Inode;
use dataplane::SessionId;
use dataplane::file::WatchEvents;

/// A file is being changed. Who watches is told when this is dropped, also if the request is
/// dropped in the middle, when nobody knows whether the change was made.
pub(crate) struct Changing<'a> {
    watches: &'a Watches,
    inode: &'a Inode,
    events: WatchEvents,
    /// Who changes it.
    session: Option<SessionId>,
    is_refused: bool,
}

impl Watches {
    /// A change of contents or attributes begins.
    #[inline]
    pub(crate) fn changing<'a>(&'a self, inode: &'a Inode, events: WatchEvents) -> Changing<'a> {
        Changing { watches: self, inode, events, session: self.acting(), is_refused: false }
    }
}

impl Changing<'_> {
    /// Takes note of how it has ended: an error has changed nothing.
    #[inline]
    pub(crate) fn answered<T>(mut self, answer: Result<T>) -> Result<T> {
        self.is_refused = answer.is_err();
        answer
    }

    /// Nothing has changed.
    pub(crate) fn refused(mut self) {
        self.is_refused = true;
    }
}

impl Drop for Changing<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_refused {
            self.watches.acting_for(self.session, |all| all.changed(self.inode, self.events));
        }
    }
}
