//! `find`: what is below a directory.

use super::walk::walk;
use crate::cli::Find;
use crate::commands::files;
use crate::output::Output;
use crate::place::Shown;
use crate::system::Address;
use anyhow::{Context, Result};
use dataplane::file::{FileKind, FileStatus};

pub(crate) fn run(options: &Find, address: &Address, output: &mut Output) -> Result<()> {
    let mut vfs = files::open(address)?;
    for path in &options.paths {
        let found = walk(&mut vfs, path.relative(), |_, path, status| {
            if fits(options, path, status) {
                output.line(format_args!(
                    "vfs:/{}",
                    Shown(path.strip_prefix(b"./").unwrap_or(path))
                ))?;
            }
            Ok(())
        });
        found.with_context(|| path.to_string())?;
    }
    Ok(())
}

fn fits(options: &Find, path: &[u8], status: &FileStatus) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let name = String::from_utf8_lossy(name);
    let named = options.name.as_ref().is_none_or(|pattern| pattern.matches(&name));
    let of_kind = options.kind.is_none_or(|letter| letter == self::letter(status.kind()));
    named && of_kind
}

fn letter(kind: FileKind) -> char {
    match kind {
        FileKind::Fifo => 'p',
        FileKind::CharacterDevice => 'c',
        FileKind::Directory => 'd',
        FileKind::BlockDevice => 'b',
        FileKind::Regular => 'f',
        FileKind::Symlink => 'l',
        FileKind::Socket => 's',
    }
}
