//! `stat`: the attributes of files.

use crate::cli::Stat;
use crate::commands::attributes::{kind, mode, time};
use crate::commands::files;
use crate::output::Output;
use crate::place::SystemPath;
use crate::system::Address;
use anyhow::{Context, Result};
use dataplane::file::FileStatus;

pub(crate) fn run(options: &Stat, address: &Address, output: &mut Output) -> Result<()> {
    let mut vfs = files::open(address)?;
    for path in &options.paths {
        let status = vfs.stat(vfs.root, path.relative()).with_context(|| path.to_string())?;
        show(path, &status, output)?;
    }
    Ok(())
}

fn show(path: &SystemPath, status: &FileStatus, output: &mut Output) -> Result<()> {
    output.line(format_args!("{path}"))?;
    output.line(format_args!("  kind      {}", kind(status.mode)))?;
    output.line(format_args!(
        "  mode      {} ({:04o})",
        mode(status.mode),
        status.mode & 0o7777
    ))?;
    output.line(format_args!("  owner     {}:{}", status.uid, status.gid))?;
    output.line(format_args!("  size      {} bytes", status.size))?;
    output.line(format_args!("  blocks    {} of 512 bytes", status.blocks))?;
    output.line(format_args!("  links     {}", status.links))?;
    output.line(format_args!("  inode     {} of mount {}", status.inode, status.device))?;
    output.line(format_args!("  accessed  {}", time(status.accessed)))?;
    output.line(format_args!("  modified  {}", time(status.modified)))?;
    output.line(format_args!("  changed   {}", time(status.changed)))?;
    output.line(format_args!("  created   {}", time(status.created)))
}
