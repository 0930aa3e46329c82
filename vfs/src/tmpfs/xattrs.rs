//! Extended attributes, charged to the budget as names are.

use super::nodes::Nodes;
use crate::error::Result;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use dataplane::entry::Errno;
use dataplane::file::XattrMode;
use dataplane::filesystem::{InodeNumber, Xattr};
use dataplane::platform::Timestamp;

/// Charged beside name and value.
const XATTR_BYTES: u64 = 96;
/// Most bytes of all names of a file together, each with a byte 0 behind it.
const MAX_NAMES: usize = 65_536;

/// The extended attributes of an inode.
pub(super) type Xattrs = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// What one costs.
fn cost(name: &[u8], value: &[u8]) -> u64 {
    XATTR_BYTES + name.len() as u64 + value.len() as u64
}

/// What all cost.
pub(super) fn total(xattrs: &Xattrs) -> u64 {
    xattrs.iter().map(|(name, value)| cost(name, value)).sum()
}

fn names(xattrs: &Xattrs) -> usize {
    xattrs.keys().map(|name| name.len() + 1).sum()
}

impl Nodes {
    pub(super) fn xattr(&self, inode: InodeNumber, name: &[u8]) -> Result<Box<[u8]>> {
        self.get(inode)?.xattrs.get(name).cloned().ok_or(Errno::ENODATA)
    }

    pub(super) fn set_xattr(
        &mut self,
        inode: InodeNumber,
        xattr: Xattr<'_>,
        mode: XattrMode,
        time: Timestamp,
    ) -> Result<()> {
        let node = self.get(inode)?;
        let before = node.xattrs.get(xattr.name).map(|value| cost(xattr.name, value));
        match (mode, before) {
            (XattrMode::Create, Some(_)) => return Err(Errno::EEXIST),
            (XattrMode::Replace, None) => return Err(Errno::ENODATA),
            (_, None) if names(&node.xattrs) + xattr.name.len() >= MAX_NAMES => {
                return Err(Errno::ENOSPC);
            }
            _ => {}
        }
        let (before, after) = (before.unwrap_or(0), cost(xattr.name, xattr.value));
        match after.checked_sub(before) {
            Some(more) => self.budget().charge(more)?,
            None => self.budget().refund(before - after),
        }
        let node = self.get_mut(inode)?;
        node.xattrs.insert(xattr.name.into(), xattr.value.into());
        node.attributes.changed = time;
        Ok(())
    }

    pub(super) fn xattr_names(&self, inode: InodeNumber) -> Result<Box<[u8]>> {
        let xattrs = &self.get(inode)?.xattrs;
        let mut all = Vec::with_capacity(names(xattrs));
        for name in xattrs.keys() {
            all.extend_from_slice(name);
            all.push(0);
        }
        Ok(all.into())
    }

    pub(super) fn remove_xattr(
        &mut self,
        inode: InodeNumber,
        name: &[u8],
        time: Timestamp,
    ) -> Result<()> {
        let node = self.get_mut(inode)?;
        let value = node.xattrs.remove(name).ok_or(Errno::ENODATA)?;
        node.attributes.changed = time;
        self.budget().refund(cost(name, &value));
        Ok(())
    }
}
