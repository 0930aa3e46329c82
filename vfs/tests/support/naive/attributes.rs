//! Mode, owner, times and extended attributes.

use super::permission::{READ, STICKY, WRITE};
use super::{Body, Naive, Outcome};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, MAX_XATTR_NAME, MAX_XATTR_VALUE, XattrMode};

/// Seconds and nanoseconds since 1970.
pub(crate) type Time = (i64, u32);

/// What becomes of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeChange {
    Keep,
    Now,
    Set(Time),
}

/// What can be seen of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Kind and permissions.
    pub(crate) mode: u32,
    pub(crate) links: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// None of a directory: what that counts is the file system's business.
    pub(crate) size: Option<u64>,
    /// The time of the last change of contents, if it was set.
    pub(crate) modified: Option<Time>,
    /// Whether the time of the last change of attributes has moved since it was last seen.
    pub(crate) is_changed: bool,
}

fn check_name(name: &str) -> Outcome<()> {
    if name.is_empty() || name.len() > MAX_XATTR_NAME { Err(Errno::ERANGE) } else { Ok(()) }
}

impl Naive {
    /// Looks at a file.
    pub(crate) fn see(&mut self, node: usize) -> Seen {
        let node = &mut self.nodes[node];
        let size = match &node.body {
            Body::Directory { .. } => None,
            Body::Symlink(target) => Some(target.len() as u64),
            _ => Some(node.data().len() as u64),
        };
        Seen {
            mode: node.kind().to_mode() | node.mode,
            links: node.links,
            uid: node.uid,
            gid: node.gid,
            size,
            modified: node.modified,
            is_changed: std::mem::take(&mut node.is_changed),
        }
    }

    pub(crate) fn change_mode(&mut self, who: &Credentials, node: usize, mode: u32) -> Outcome<()> {
        let node = &mut self.nodes[node];
        if node.kind() == FileKind::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        if !node.is_owned_by(who) {
            return Err(Errno::EPERM);
        }
        node.mode = node.group_checked(mode, who);
        node.touch();
        Ok(())
    }

    pub(crate) fn change_owner(
        &mut self,
        who: &Credentials,
        node: usize,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Outcome<()> {
        let node = &mut self.nodes[node];
        let keeps_owner = uid.is_none_or(|uid| who.uid == node.uid && uid == node.uid);
        let is_own = |gid| who.uid == node.uid && (gid == node.gid || who.in_group(gid));
        if who.uid != 0 && !(keeps_owner && gid.is_none_or(is_own)) {
            return Err(Errno::EPERM);
        }
        if !node.is_directory() {
            node.lose_all_privileges(who);
        }
        node.uid = uid.unwrap_or(node.uid);
        node.gid = gid.unwrap_or(node.gid);
        node.touch();
        Ok(())
    }

    pub(crate) fn change_times(
        &mut self,
        who: &Credentials,
        node: usize,
        accessed: TimeChange,
        modified: TimeChange,
    ) -> Outcome<()> {
        if !self.nodes[node].is_owned_by(who) {
            if (accessed, modified) != (TimeChange::Now, TimeChange::Now) {
                return Err(Errno::EPERM);
            }
            self.may(node, who, WRITE)?;
        }
        let node = &mut self.nodes[node];
        match modified {
            TimeChange::Keep => {}
            TimeChange::Now => node.modified = None,
            TimeChange::Set(time) => node.modified = Some(time),
        }
        node.touch();
        Ok(())
    }

    /// Whether an extended attribute may be read or changed.
    fn may_use_xattr(&self, who: &Credentials, node: usize, name: &str, want: u32) -> Outcome<()> {
        check_name(name)?;
        let (file, changes) = (&self.nodes[node], want == WRITE);
        if name.starts_with("user.") {
            match file.kind() {
                FileKind::Regular => {}
                FileKind::Directory
                    if changes && file.mode & STICKY != 0 && !file.is_owned_by(who) =>
                {
                    return Err(Errno::EPERM);
                }
                FileKind::Directory => {}
                _ if changes => return Err(Errno::EPERM),
                _ => return Err(Errno::ENODATA),
            }
        }
        self.may(node, who, want)?;
        match name.strip_prefix("user.") {
            None => Err(Errno::EOPNOTSUPP),
            Some("") => Err(Errno::EINVAL),
            Some(_) => Ok(()),
        }
    }

    pub(crate) fn set_xattr(
        &mut self,
        who: &Credentials,
        node: usize,
        (name, value): (&str, &[u8]),
        mode: XattrMode,
    ) -> Outcome<()> {
        check_name(name)?;
        if value.len() > MAX_XATTR_VALUE {
            return Err(Errno::E2BIG);
        }
        self.may_use_xattr(who, node, name, WRITE)?;
        let node = &mut self.nodes[node];
        match (mode, node.xattrs.contains_key(name)) {
            (XattrMode::Create, true) => return Err(Errno::EEXIST),
            (XattrMode::Replace, false) => return Err(Errno::ENODATA),
            _ => {}
        }
        node.xattrs.insert(name.to_owned(), value.to_vec());
        node.touch();
        Ok(())
    }

    pub(crate) fn xattr(&self, who: &Credentials, node: usize, name: &str) -> Outcome<&[u8]> {
        self.may_use_xattr(who, node, name, READ)?;
        let value = self.nodes[node].xattrs.get(name);
        value.map(Vec::as_slice).ok_or(Errno::ENODATA)
    }

    pub(crate) fn xattr_names(&self, node: usize) -> Vec<String> {
        self.nodes[node].xattrs.keys().cloned().collect()
    }

    pub(crate) fn remove_xattr(
        &mut self,
        who: &Credentials,
        node: usize,
        name: &str,
    ) -> Outcome<()> {
        self.may_use_xattr(who, node, name, WRITE)?;
        let node = &mut self.nodes[node];
        node.xattrs.remove(name).ok_or(Errno::ENODATA)?;
        node.touch();
        Ok(())
    }
}
