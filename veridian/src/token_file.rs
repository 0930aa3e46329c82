//! Where the command line keeps the token that a login gave: in the user's runtime directory, one file
//! for each system, which nobody else can read. `VERIDIAN_TOKEN` comes before it.

use crate::system::Address;
use anyhow::{Context, Result, anyhow, bail};
use control::token::Token;
use rustix::fs::{Mode, OFlags, fstat, open};
use std::env;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Holds a token as text.
pub(crate) const VARIABLE: &str = "VERIDIAN_TOKEN";

/// The directory of what belongs to the user's stay on this machine.
const RUNTIME: &str = "XDG_RUNTIME_DIR";
/// Longer than any token as text.
const MAX_BYTES: u64 = 4096;

/// The file of a system; none without a runtime directory.
fn path(address: &Address) -> Option<PathBuf> {
    let runtime = env::var_os(RUNTIME).filter(|runtime| !runtime.is_empty())?;
    let mut name = "token-".to_owned();
    for byte in address.0.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => name.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    Some(PathBuf::from(runtime).join("veridian").join(name))
}

/// The token for a system, if there is one.
///
/// # Errors
/// What is there is no token, or others could have written or read it.
pub(crate) fn find(address: &Address) -> Result<Option<Token>> {
    if let Ok(text) = env::var(VARIABLE) {
        let token = Token::from_text(text.trim());
        return token.map(Some).map_err(|_| anyhow!("{VARIABLE} holds no token"));
    }
    let Some(path) = path(address) else { return Ok(None) };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match open(&path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(error) => {
            return Err(std::io::Error::from(error)).with_context(|| path.display().to_string());
        }
    };
    let status = fstat(&file).map_err(std::io::Error::from)?;
    let is_file = rustix::fs::FileType::from_raw_mode(status.st_mode).is_file();
    let own = status.st_uid == rustix::process::geteuid().as_raw();
    if !is_file || !own || status.st_mode & 0o077 != 0 {
        bail!(
            "{} is not a file of yours alone (mode 600), so its token is not used; remove it",
            path.display()
        );
    }
    let mut text = String::new();
    let read = File::from(file).take(MAX_BYTES).read_to_string(&mut text);
    read.with_context(|| path.display().to_string())?;
    let token = Token::from_text(text.trim());
    token.map(Some).map_err(|_| anyhow!("{} holds no token; remove it", path.display()))
}

/// Keeps the token for a system, in place of an earlier one.
///
/// # Errors
/// There is no place for it.
pub(crate) fn keep(address: &Address, token: &Token) -> Result<()> {
    let path = path(address).with_context(|| {
        format!(
            "{RUNTIME} is not set, so there is no place for the token; use --print, and set \
             {VARIABLE} to what it writes"
        )
    })?;
    let directory = path.parent().context("no directory")?;
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("making {}", directory.display()))?;
    let unfinished = path.with_extension("unfinished");
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let write = || -> std::io::Result<()> {
        let file = open(&unfinished, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(file).write_all(token.to_text().as_bytes())?;
        fs::rename(&unfinished, &path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Forgets the token for a system; whether there was one.
///
/// # Errors
/// It cannot be removed.
pub(crate) fn forget(address: &Address) -> Result<bool> {
    let Some(path) = path(address) else { return Ok(false) };
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("removing {}", path.display())),
    }
}
