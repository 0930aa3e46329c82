//! Directories that are seen in a second place.
//!
//! A bind has no inodes of its own: what is seen through it are the very inodes of its source, so
//! that both places always show the same. What differs is where `..` of its root leads, whether
//! anything may be changed, and what is mounted: a walk keeps the bind that it came through last,
//! its *via*, and sees what was mounted by that way and nothing else. So a directory that is bound
//! below itself is seen there once, and not for ever.

use crate::inode::Inode;
use crate::mounts::{Label, Writability};
use alloc::rc::Rc;
use dataplane::entry::Errno;

/// A directory in a second place.
pub(crate) struct Bind {
    /// What is seen.
    pub(crate) root: Rc<Inode>,
    /// The directory that it is seen instead of.
    pub(crate) covers: Rc<Inode>,
    /// How one comes to that directory.
    pub(crate) outer: Via,
    /// What was asked for. Nothing may be changed through it if nothing may be through `outer`.
    pub(crate) label: Label,
}

/// The bind that a walk has come through last.
pub(crate) type Via = Option<Rc<Bind>>;

/// What is seen instead of a directory, by those who come to it in one way.
pub(crate) struct Covering {
    /// The way.
    pub(crate) through: Via,
    /// What.
    pub(crate) by: Cover,
}

/// What is seen instead of a directory.
pub(crate) enum Cover {
    /// The root of a mount.
    Mount(Rc<Inode>),
    /// The root of a bind.
    Bind(Rc<Bind>),
}

/// Whether two walks came in the same way.
#[inline]
pub(crate) fn is_same_way(one: &Via, other: &Via) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Rc::ptr_eq(one, other),
        _ => false,
    }
}

/// Whether anything may be changed by those who come in this way.
///
/// # Errors
/// EROFS.
#[inline]
pub(crate) fn check_writable(via: &Via) -> Result<(), Errno> {
    match via {
        Some(bind) if bind.label.writability == Writability::ReadOnly => Err(Errno::EROFS),
        _ => Ok(()),
    }
}

/// Whether an object that is come to in this way may be changed.
///
/// # Errors
/// EROFS.
#[inline]
pub(crate) fn check_changeable(inode: &Inode, via: &Via) -> Result<(), Errno> {
    check_writable(via)?;
    inode.mount.check_writable()
}

/// Whether a directory is the root of the bind that one has come through.
#[inline]
pub(crate) fn is_bind_root(via: &Via, directory: &Rc<Inode>) -> bool {
    via.as_ref().is_some_and(|bind| Rc::ptr_eq(&bind.root, directory))
}
