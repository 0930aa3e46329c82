//! `mv`: moves and renames.

use crate::cli::Mv;
use crate::commands::files;
use crate::place::split;
use crate::system::Address;
use crate::tree::{Side, Vfs};
use anyhow::{Context, Result, bail};
use dataplane::file::{FileKind, RenameFlags};

pub(crate) fn run(options: &Mv, address: &Address) -> Result<()> {
    let mut vfs = files::open(address)?;
    rename(&mut vfs, options)
        .with_context(|| format!("moving {} to {}", options.source, options.destination))
}

fn rename(vfs: &mut Vfs, options: &Mv) -> Result<()> {
    let (_, name) = split(options.source.relative());
    if name.is_empty() {
        bail!("'.', '..' and the root cannot be moved");
    }
    let (root, old) = (vfs.root, options.source.relative());
    let new = options.destination.relative();
    let flags = match (options.exchange, options.no_replace) {
        (true, _) => RenameFlags::EXCHANGE,
        (false, true) => RenameFlags::NO_REPLACE,
        (false, false) => RenameFlags::empty(),
    };
    // What is exchanged keeps its place, so a directory is not a place to move into then.
    let into = vfs.queue.stat(root, new).is_ok_and(|status| status.kind() == FileKind::Directory);
    if !into || options.exchange {
        return Ok(vfs.queue.rename((root, old), (root, new), flags)?);
    }
    let directory = vfs.directory_at(new)?;
    let renamed = vfs.queue.rename((root, old), (directory, name), flags);
    vfs.close_directory(directory);
    Ok(renamed?)
}
