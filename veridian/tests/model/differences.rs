//! What is left out, because systems may differ in it, and why. All else has to be the same.
//!
//! Not looked at at all: times of last access (Linux moves them as the mount's options say, the vfs
//! as with `relatime`), sizes of directories, and blocks. Not asked for: both bits of an access
//! mode, which Linux opens for ioctl(2), and offsets that a signed number does not hold.

use crate::model::Model;
use crate::naive::{Body, Place, ROOT};
use crate::operation::{At, Object, Operation};
use dataplane::file::{FileKind, MAX_PATH, OpenFlags};
use std::fmt;

const STICKY: u32 = 0o1000;
/// All that an owner may do.
const OWNER: u32 = 0o700;
/// Others than the owner may write.
const SHARED: u32 = 0o022;

/// Why an operation is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    ForeignLink,
    ForeignSource,
    ForeignFile,
    Special,
    EmptyPath,
    LongPath,
    NoDirectory,
    PathHandle,
    UnwrittenSpace,
    LeavesTree,
    ClosesTree,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForeignLink => "links of others in sticky directories: fs.protected_symlinks",
            Self::ForeignSource => "other names for files of others: fs.protected_hardlinks",
            Self::ForeignFile => "opening with CREATE what others made: fs.protected_regular",
            Self::Special => "opening FIFOs and sockets: here they are names only",
            Self::EmptyPath => "empty paths: here they mean the handle's own file",
            Self::LongPath => {
                "too long paths beside other arguments: here they are looked at first"
            }
            Self::NoDirectory => "absolute paths beside a file's handle: here a directory's is due",
            Self::PathHandle => "some attributes by PATH handles: Linux has no call for that",
            Self::UnwrittenSpace => {
                "holes where space is allocated: twice, Linux takes it for data"
            }
            Self::LeavesTree => "paths by the root: it takes root to have one of one's own",
            Self::ClosesTree => "closing the root: it takes root to open it again",
        })
    }
}

/// Why an operation is left out, if it is.
pub(crate) fn of(model: &Model, client: usize, operation: &Operation) -> Option<Difference> {
    let paths = operation.paths();
    let has_more = paths.len() > 1 || matches!(operation, Operation::Open { .. });
    if has_more && paths.iter().any(|(at, _)| at.path.len() > MAX_PATH) {
        return Some(Difference::LongPath);
    }
    if closes_tree(model, client, operation) {
        return Some(Difference::ClosesTree);
    }
    paths
        .iter()
        .find_map(|(at, follow)| of_path(model, client, at, *follow))
        .or_else(|| of_operation(model, client, operation))
}

fn of_path(model: &Model, client: usize, at: &At, follow: bool) -> Option<Difference> {
    let place = model.place(client, at).ok()?;
    let notes = model.naive.notes(model.who(client), place, follow);
    if at.path.starts_with('/') && !model.naive.nodes[place.base].is_directory() {
        Some(Difference::NoDirectory)
    } else if notes.names_root && !model.users.are_several {
        Some(Difference::LeavesTree)
    } else if notes.follows_foreign_link {
        Some(Difference::ForeignLink)
    } else {
        None
    }
}

/// Whether nobody could do anything any more.
fn closes_tree(model: &Model, client: usize, operation: &Operation) -> bool {
    match operation {
        Operation::ChangeMode { of, mode } if !model.users.are_several => {
            model.node(client, of) == Ok(ROOT) && mode & OWNER != OWNER
        }
        _ => false,
    }
}

fn of_operation(model: &Model, client: usize, operation: &Operation) -> Option<Difference> {
    if may_mean_own_file(operation) {
        return Some(Difference::EmptyPath);
    }
    match (operation, operation.object()) {
        (Operation::Open { at, flags, .. }, _) if !flags.contains(OpenFlags::PATH) => {
            let place = model.place(client, at).ok()?;
            of_open(model, client, place, *flags)
        }
        (Operation::Seek { from, .. }, _) => {
            let file = model.open.find(client, from.slot).ok()?;
            let Body::Regular(bytes) = &model.naive.nodes[file.node].body else { return None };
            (!bytes.reserved.is_empty()).then_some(Difference::UnwrittenSpace)
        }
        (Operation::Link { from, .. }, _) => {
            let file = &model.naive.nodes[model.node(client, from).ok()?];
            let is_own = [0, file.uid].contains(&model.who(client).uid);
            (!is_own).then_some(Difference::ForeignSource)
        }
        // For these it has.
        (Operation::Stat(_) | Operation::ChangeOwner { .. } | Operation::ChangeTimes { .. }, _) => {
            None
        }
        (_, Some(Object::Slot(slot))) => {
            let file = model.open.find(client, *slot).ok()?;
            file.flags.contains(OpenFlags::PATH).then_some(Difference::PathHandle)
        }
        _ => None,
    }
}

/// Whether there is an empty path where one may be.
fn may_mean_own_file(operation: &Operation) -> bool {
    let optional = match operation {
        Operation::ReadLink(at) => Some(at),
        _ => operation.object().and_then(Object::path).map(|(at, _)| at),
    };
    optional.is_some_and(|at| at.path.is_empty())
}

fn of_open(model: &Model, client: usize, place: Place<'_>, flags: OpenFlags) -> Option<Difference> {
    let (who, naive) = (model.who(client), &model.naive);
    let follow = !flags.contains(OpenFlags::NO_FOLLOW);
    let file = &naive.nodes[naive.find(who, place, follow).ok()?];
    let directory = &naive.nodes[naive.notes(who, place, follow).directory?];
    let is_shared = directory.mode & STICKY != 0 && directory.mode & SHARED != 0;
    let is_foreign = ![who.uid, directory.uid].contains(&file.uid);
    let creates = flags.contains(OpenFlags::CREATE);
    match file.kind() {
        FileKind::Directory => None,
        _ if creates && is_shared && is_foreign => Some(Difference::ForeignFile),
        FileKind::Regular | FileKind::Symlink => None,
        _ => Some(Difference::Special),
    }
}
