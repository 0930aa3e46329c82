//! Who may do what, and what doing it changes.

use super::{Naive, Node, Outcome};
use dataplane::Credentials;
use dataplane::entry::Errno;

pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const SEARCH: u32 = 1;

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
pub(super) const STICKY: u32 = 0o1000;
const GROUP_EXECUTE: u32 = 0o010;

impl Naive {
    pub(super) fn may(&self, node: usize, who: &Credentials, want: u32) -> Outcome<()> {
        let node = &self.nodes[node];
        let shift = match who.uid {
            0 => return Ok(()),
            uid if uid == node.uid => 6,
            _ if who.in_group(node.gid) => 3,
            _ => 0,
        };
        let granted = node.mode >> shift & want == want;
        granted.then_some(()).ok_or(Errno::EACCES)
    }

    pub(super) fn may_search(&self, directory: usize, who: &Credentials) -> Outcome<()> {
        self.may(directory, who, SEARCH)
    }

    /// Whether names in a directory may be changed.
    pub(super) fn may_change(&self, directory: usize, who: &Credentials) -> Outcome<()> {
        self.may(directory, who, WRITE | SEARCH)
    }

    /// Whether the name of a file may be taken out of a directory.
    pub(super) fn may_remove(
        &self,
        directory: usize,
        file: usize,
        who: &Credentials,
    ) -> Outcome<()> {
        self.may_change(directory, who)?;
        let above = &self.nodes[directory];
        let is_foreign = ![self.nodes[file].uid, above.uid, 0].contains(&who.uid);
        if above.mode & STICKY != 0 && is_foreign { Err(Errno::EPERM) } else { Ok(()) }
    }
}

impl Node {
    /// Whether its attributes are somebody's to change.
    pub(super) fn is_owned_by(&self, who: &Credentials) -> bool {
        who.uid == 0 || who.uid == self.uid
    }

    /// Its mode without what only members of its group may set.
    pub(super) fn group_checked(&self, mode: u32, who: &Credentials) -> u32 {
        let is_member = who.uid == 0 || who.in_group(self.gid);
        if is_member { mode } else { mode & !SET_GID }
    }

    /// Its contents are others now: it does not run as somebody else any more.
    pub(super) fn lose_privileges(&mut self, who: &Credentials) {
        if who.uid != 0 {
            self.lose_all_privileges(who);
        }
    }

    /// The same if the owner is another.
    pub(super) fn lose_all_privileges(&mut self, who: &Credentials) {
        self.mode &= !SET_UID;
        self.mode = self.group_checked(self.mode, who);
        if self.mode & GROUP_EXECUTE != 0 {
            self.mode &= !SET_GID;
        }
    }

    /// Mode and group of what somebody makes in this directory.
    pub(super) fn pass_on(&self, who: &Credentials, is_directory: bool, mode: u32) -> (u32, u32) {
        // A new directory is asked for with permissions only.
        let mode = if is_directory { mode & 0o1777 } else { mode & 0o7777 };
        if self.mode & SET_GID == 0 {
            return (mode, who.gid);
        }
        let mode = match mode & GROUP_EXECUTE {
            _ if is_directory => mode | SET_GID,
            0 => mode,
            _ => self.group_checked(mode, who),
        };
        (mode, self.gid)
    }
}
