//! `rm`: removes files and directories.

use crate::cli::Rm;
use crate::commands::files::{self, Faults};
use crate::place::{Shown, SystemPath, split};
use crate::system::Address;
use crate::tree::{Side, Vfs, is_fatal, remove};
use anyhow::{Context, Result, anyhow, bail};
use std::io::{self, ErrorKind};
use std::process::ExitCode;

pub(crate) fn run(options: &Rm, address: &Address) -> Result<ExitCode> {
    let mut vfs = files::open(address)?;
    let mut faults = Faults::default();
    for path in &options.paths {
        let Err(error) = remove_path(&mut vfs, options, path) else { continue };
        let error = error.context(format!("removing {path}"));
        if error.downcast_ref::<io::Error>().is_some_and(is_fatal) {
            return Err(error);
        }
        faults.tell(&error);
    }
    Ok(faults.exit_code())
}

fn remove_path(vfs: &mut Vfs, options: &Rm, path: &SystemPath) -> Result<()> {
    let (parent, name) = split(path.relative());
    if name.is_empty() {
        bail!("'.', '..' and the root cannot be removed; remove what is in them");
    }
    let parent = match vfs.directory_at(parent) {
        Err(error) if options.force && is_missing(&error) => return Ok(()),
        parent => parent?,
    };
    let removed = remove_name(vfs, options, &parent, name);
    vfs.close_directory(parent);
    removed
}

fn remove_name(
    vfs: &mut Vfs,
    options: &Rm,
    parent: &<Vfs as Side>::Directory,
    name: &[u8],
) -> Result<()> {
    match vfs.remove_file(parent, name) {
        Ok(()) => Ok(()),
        Err(error) if options.force && is_missing(&error) => Ok(()),
        Err(error) if error.kind() == ErrorKind::IsADirectory && options.recursive => {
            remove(vfs, parent, name).map_err(|(below, error)| {
                if below.is_empty() { error.into() } else { at(&below, error) }
            })
        }
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            Err(anyhow!(error)).context("use -r for directories")
        }
        Err(error) => Err(error.into()),
    }
}

fn at(below: &[u8], error: io::Error) -> anyhow::Error {
    anyhow!(error).context(Shown(below).to_string())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
