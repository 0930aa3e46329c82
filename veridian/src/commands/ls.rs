//! `ls`: what is in a directory.

use crate::cli::Ls;
use crate::commands::attributes::{mode, time};
use crate::commands::files;
use crate::output::{Align, Output, Table};
use crate::place::{Shown, SystemPath};
use crate::system::Address;
use crate::tree::Vfs;
use anyhow::{Context, Result};
use dataplane::entry::Handle;
use dataplane::file::{FileKind, FileStatus, OpenFlags};

pub(crate) fn run(options: &Ls, address: &Address, output: &mut Output) -> Result<()> {
    let mut vfs = files::open(address)?;
    let path = &options.path;
    let status = vfs.queue.stat(vfs.root, path.relative()).with_context(|| path.to_string())?;
    if status.kind() != FileKind::Directory {
        let name = path.relative();
        return show(options, output, vec![(name.to_vec(), Some(status))]);
    }
    let mut entries = directory(options, &mut vfs, path).with_context(|| path.to_string())?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    show(options, output, entries)
}

type Listed = (Vec<u8>, Option<FileStatus>);

fn directory(options: &Ls, vfs: &mut Vfs, path: &SystemPath) -> Result<Vec<Listed>> {
    let handle = vfs.queue.open(vfs.root, path.relative(), OpenFlags::DIRECTORY, 0)?;
    let mut names = Vec::new();
    vfs.queue.read_directory(handle, |entry| {
        if options.all || !entry.name.starts_with(b".") {
            names.push(entry.name.to_vec());
        }
    })?;
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        let status = if options.long { status(vfs, handle, &name) } else { None };
        entries.push((name, status));
    }
    vfs.queue.close(handle)?;
    Ok(entries)
}

/// `None` if it has gone since it was listed, or may not be looked at.
fn status(vfs: &mut Vfs, directory: Handle, name: &[u8]) -> Option<FileStatus> {
    vfs.stat(directory, name).ok()
}

fn show(options: &Ls, output: &mut Output, entries: Vec<Listed>) -> Result<()> {
    use Align::{Left, Right};
    if options.long {
        let mut table = Table::untitled([Left, Right, Right, Right, Right, Left, Left]);
        for (name, status) in &entries {
            table.row(long(&Shown(name).to_string(), status.as_ref()));
        }
        return if entries.is_empty() { Ok(()) } else { output.line(table) };
    }
    for (name, _) in entries {
        if output.is_terminal() {
            output.line(Shown(&name))?;
        } else {
            output.bytes(&name)?;
            output.bytes(b"\n")?;
        }
    }
    Ok(())
}

fn long(name: &str, status: Option<&FileStatus>) -> [String; 7] {
    let Some(status) = status else {
        let unknown = || "?".to_owned();
        return [unknown(), unknown(), unknown(), unknown(), unknown(), unknown(), name.into()];
    };
    [
        mode(status.mode),
        status.links.to_string(),
        status.uid.to_string(),
        status.gid.to_string(),
        status.size.to_string(),
        time(status.modified),
        name.to_owned(),
    ]
}
