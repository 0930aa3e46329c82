//! `mkdir`: makes directories.

use crate::cli::Mkdir;
use crate::commands::files;
use crate::place::SystemPath;
use crate::system::Address;
use crate::tree::{Side, Vfs};
use anyhow::{Context, Result};
use dataplane::client::ClientError;
use dataplane::entry::{Errno, Handle};

/// Permissions of missing parents.
const PARENT_MODE: u32 = 0o755;

pub(crate) fn run(options: &Mkdir, address: &Address) -> Result<()> {
    let mut vfs = files::open(address)?;
    for path in &options.paths {
        let made = if options.parents {
            make_all(&mut vfs, path, options.mode)
        } else {
            vfs.queue.mkdir(vfs.root, path.relative(), options.mode).map_err(Into::into)
        };
        made.with_context(|| format!("making {path}"))?;
    }
    Ok(())
}

/// Makes every component that is not there; the last one gets the mode.
pub(crate) fn make_all(vfs: &mut Vfs, path: &SystemPath, mode: u32) -> Result<()> {
    let names: Vec<&[u8]> =
        path.relative().split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
    let mut here = vfs.root;
    for (index, name) in names.iter().enumerate() {
        let mode = if index + 1 == names.len() { mode } else { PARENT_MODE };
        let next = make_one(vfs, here, name, mode);
        leave(vfs, here);
        here = next?;
    }
    leave(vfs, here);
    Ok(())
}

/// Opens a directory; makes it first if it is not there.
fn make_one(vfs: &mut Vfs, at: Handle, name: &[u8], mode: u32) -> Result<Handle> {
    match vfs.open_directory(&at, name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        opened => return Ok(opened?),
    }
    match vfs.queue.mkdir(at, name, mode) {
        // Somebody else was quicker.
        Ok(()) | Err(ClientError::Service(Errno::EEXIST)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(vfs.open_directory(&at, name)?)
}

fn leave(vfs: &mut Vfs, directory: Handle) {
    if directory != vfs.root {
        vfs.close_directory(directory);
    }
}
