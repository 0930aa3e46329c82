//! `cat`: files to standard output.

use crate::cli::Cat;
use crate::commands::files::{self, Faults};
use crate::output::Output;
use crate::place::SystemPath;
use crate::system::Address;
use crate::tree::{Located, Side, Vfs, is_fatal};
use anyhow::{Context, Result, bail};
use std::io;
use std::process::ExitCode;

/// Bytes read at once.
const PART: usize = 256 * 1024;

pub(crate) fn run(options: &Cat, address: &Address, output: &mut Output) -> Result<ExitCode> {
    let mut vfs = files::open(address)?;
    let mut faults = Faults::default();
    let mut part = vec![0; PART];
    for path in &options.paths {
        match write(&mut vfs, path, &mut part, output).with_context(|| path.to_string()) {
            Err(error) if goes_on(&error) => faults.tell(&error),
            done => done?,
        }
    }
    Ok(faults.exit_code())
}

/// Whether the next file can be tried: it was this file's error, and not the output's.
fn goes_on(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| !is_fatal(error))
        || error.is::<NotAFile>()
}

fn write(vfs: &mut Vfs, path: &SystemPath, part: &mut [u8], output: &mut Output) -> Result<()> {
    let file = match vfs.locate(path.relative())? {
        Located::File(file, _) => file,
        Located::Directory(directory, _) => {
            vfs.close_directory(directory);
            bail!(NotAFile("a directory"));
        }
        Located::Special => bail!(NotAFile("neither a file nor a directory")),
    };
    let mut offset = 0;
    loop {
        let count = vfs.read(&file, offset, part)?;
        output.bytes(part.get(..count).unwrap_or_default())?;
        offset += count as u64;
        if count < part.len() {
            break;
        }
    }
    Ok(vfs.close_file(file)?)
}

/// It has no contents that could be shown.
#[derive(Clone, Copy, Debug)]
struct NotAFile(&'static str);

impl std::fmt::Display for NotAFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is {}", self.0)
    }
}

impl std::error::Error for NotAFile {}
