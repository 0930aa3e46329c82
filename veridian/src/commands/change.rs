//! `ln`, `chmod` and `chown`: names and attributes of files that are there.

use super::files::Faults;
use super::walk::walk;
use crate::cli::{Chmod, Chown, Ln};
use crate::commands::files;
use crate::place::{SystemPath, split};
use crate::system::Address;
use crate::tree::Vfs;
use anyhow::{Context, Result};
use dataplane::file::{AttributeChange, AttributeMask, FileKind, LinkFlags};
use std::process::ExitCode;

pub(crate) fn ln(options: &Ln, address: &Address) -> Result<()> {
    let mut vfs = files::open(address)?;
    let (root, link) = (vfs.root, options.link.relative());
    let mut path = link.to_vec();
    if vfs.queue.stat(root, link).is_ok_and(|found| found.kind() == FileKind::Directory) {
        let (_, name) = split(options.target.relative());
        path = [link, name].join(&b'/');
    }
    let made = if options.symbolic {
        // As it was written: it is not looked at.
        vfs.queue.symlink(options.target.written(), (root, &path))
    } else {
        let target = options.target.relative();
        vfs.queue.link((root, target), (root, &path), LinkFlags::empty())
    };
    made.with_context(|| format!("linking {} to {}", options.link, options.target))
}

pub(crate) fn chmod(options: &Chmod, address: &Address) -> Result<ExitCode> {
    let change = AttributeChange {
        mask: AttributeMask::PERMISSIONS.bits(),
        permissions: options.mode,
        ..AttributeChange::default()
    };
    each(&options.paths, options.recursive, address, &change)
}

pub(crate) fn chown(options: &Chown, address: &Address) -> Result<ExitCode> {
    let owner = &options.owner;
    let mut mask = AttributeMask::empty();
    mask.set(AttributeMask::OWNER, owner.uid.is_some());
    mask.set(AttributeMask::GROUP, owner.gid.is_some());
    let change = AttributeChange {
        mask: mask.bits(),
        uid: owner.uid.unwrap_or(0),
        gid: owner.gid.unwrap_or(0),
        ..AttributeChange::default()
    };
    each(&options.paths, options.recursive, address, &change)
}

/// Changes each file, and all below it if that is asked for; goes on where one fails.
fn each(
    paths: &[SystemPath],
    recursive: bool,
    address: &Address,
    change: &AttributeChange,
) -> Result<ExitCode> {
    let mut vfs = files::open(address)?;
    let mut faults = Faults::default();
    for path in paths {
        let changed = if recursive {
            below(&mut vfs, path, change)
        } else {
            let root = vfs.root;
            vfs.queue.set_attributes((root, path.relative()), change).map_err(Into::into)
        };
        if let Err(error) = changed.with_context(|| path.to_string()) {
            faults.tell(&error);
        }
    }
    Ok(faults.exit_code())
}

fn below(vfs: &mut Vfs, path: &SystemPath, change: &AttributeChange) -> Result<()> {
    let modes = change.mask & AttributeMask::PERMISSIONS.bits() != 0;
    let mut all = Vec::new();
    walk(vfs, path.relative(), |_, path, status| {
        // Links have no permissions of their own.
        if !(modes && status.kind() == FileKind::Symlink) {
            all.push(path.to_vec());
        }
        Ok(())
    })?;
    // From below, so that a directory that closes itself does not keep us out.
    for path in all.iter().rev() {
        let root = vfs.root;
        vfs.queue.set_link_attributes((root, path), change)?;
    }
    Ok(())
}
