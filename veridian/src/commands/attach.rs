//! `mount` and `umount` of directories of the system: messages to the vfs.
//!
//! This process opens the host's directory and passes the descriptor on, so that nobody mounts what
//! he could not open himself.

use crate::commands::{files, mkdir};
use crate::output::{Align, Output, Table};
use crate::place::{Mounting, Place, Shown, SystemPath};
use crate::system::{self, Address};
use anyhow::{Context, Result, bail};
use platform::linux;
use rustix::fs::{Mode, OFlags};
use std::path::Path;

const VFS: &str = "vfs";
/// The kind of file system that a directory of the host is.
const HOST: &[u8] = b"host";
/// Permissions of directories that are made to be mounted on.
const MODE: u32 = 0o755;

/// Mounts a directory of the host on one of the system.
pub(crate) fn mount(host: &Path, target: &Place, read_only: bool, address: &Address) -> Result<()> {
    mount_host(host, how(read_only), of_system(target)?, address)
        .with_context(|| format!("mounting {} on {target}", host.display()))
}

/// Shows a directory of the system in place of another one.
pub(crate) fn bind(
    source: &SystemPath,
    target: &Place,
    read_only: bool,
    address: &Address,
) -> Result<()> {
    let path = of_system(target)?;
    let message = [b"bind", how(read_only), source.relative(), path.relative()].join(&0);
    let told = system::connect(address)?.tell(VFS, &message);
    told.map(drop).with_context(|| format!("mounting {source} on {path}"))
}

pub(crate) fn umount(path: &SystemPath, address: &Address) -> Result<()> {
    let message = [b"unmount", path.relative()].join(&0);
    let told = system::connect(address)?.tell(VFS, &message);
    told.map(drop).with_context(|| format!("unmounting {path}"))
}

/// Mounts what a system is to have from the start; makes the directories that are not there.
pub(crate) fn mount_all(mountings: &[Mounting], address: &Address) -> Result<()> {
    for Mounting { host, path, read_only } in mountings {
        let mut vfs = files::open(address)?;
        mkdir::make_all(&mut vfs, path, MODE).with_context(|| format!("making {path}"))?;
        mount_host(host, how(*read_only), path, address)
            .with_context(|| format!("mounting {} on {path}", host.display()))?;
    }
    Ok(())
}

fn how(read_only: bool) -> &'static [u8] {
    if read_only { b"ro" } else { b"rw" }
}

fn mount_host(host: &Path, how: &[u8], path: &SystemPath, address: &Address) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(host, flags, Mode::empty()).map_err(std::io::Error::from)?;
    let message = [b"mount", HOST, how, path.relative()].join(&0);
    system::connect(address)?.tell_with(VFS, &message, linux::descriptor(opened))?;
    Ok(())
}

fn of_system(place: &Place) -> Result<&SystemPath> {
    match place {
        Place::System(path) => Ok(path),
        Place::Host(_) => bail!("'{place}' is a path of the host; the system's are vfs:/path"),
    }
}

/// What is mounted, one a line.
pub(crate) fn show(address: &Address, output: &mut Output) -> Result<()> {
    let told = system::connect(address)?.tell(VFS, b"mounts").context("asking what is mounted")?;
    let fields: Vec<&[u8]> = told.split(|byte| *byte == 0).collect();
    let mut table = Table::new([(Align::Left, "path"), (Align::Left, "kind"), (Align::Left, "")]);
    for mount in fields.chunks_exact(3) {
        if let [kind, how, path] = mount {
            let path = SystemPath::parse(std::os::unix::ffi::OsStrExt::from_bytes(path))?;
            table.row([path.to_string(), Shown(kind).to_string(), Shown(how).to_string()]);
        }
    }
    output.line(table)
}
