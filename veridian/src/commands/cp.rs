//! `cp`: between the host and the system, or within the system.

use crate::cli::{Cli, Cp};
use crate::commands::progress::Progress;
use crate::place::{Place, split};
use crate::system::{self, Address};
use crate::tree::{Copier, Host, Kept, Located, Made, Side, Status, Vfs, is_fatal, make};
use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;
use control::client::{Connection, SessionOptions};
use std::process::ExitCode;

pub(crate) fn run(options: &Cp, address: &Address) -> Result<ExitCode> {
    let is_host = |place: &Place| matches!(place, Place::Host(_));
    if is_host(&options.destination) && options.sources.iter().any(is_host) {
        let text = "SRC and DST are both on the host; a path of the system is written vfs:/path";
        Cli::command().error(ErrorKind::ValueValidation, text).exit();
    }
    let connection = system::connect(address)?;
    let mut progress = Progress::new();
    for source in &options.sources {
        let copied = copy(options, &connection, source, &mut progress);
        if let Err(error) = copied {
            progress.finish();
            return Err(error.context(format!("copying {source} to {}", options.destination)));
        }
    }
    Ok(progress.finish())
}

/// Copies one SRC; its two sides decide what kind of copy it is.
fn copy(
    options: &Cp,
    connection: &Connection,
    source: &Place,
    progress: &mut Progress,
) -> Result<()> {
    let open = || {
        Vfs::connect(connection, SessionOptions::default())
            .context("opening a session with the vfs")
    };
    let job = Job { options, source };
    match (source, &options.destination) {
        (Place::Host(_), Place::System(_)) => job.copy(&mut Host, &mut open()?, progress),
        (Place::System(_), Place::Host(_)) => job.copy(&mut open()?, &mut Host, progress),
        (Place::System(_), Place::System(_)) => job.copy(&mut open()?, &mut open()?, progress),
        (Place::Host(_), Place::Host(_)) => bail!("both are on the host"),
    }
}

struct Job<'a> {
    options: &'a Cp,
    source: &'a Place,
}

/// Where a SRC goes.
enum Target<D> {
    /// DST is a directory: into it.
    Into(D),
    /// DST is a name that is free, or a file's.
    As { at: D, name: Vec<u8> },
}

impl Job<'_> {
    fn copy<S: Side, D: Side>(
        &self,
        from: &mut S,
        to: &mut D,
        progress: &mut Progress,
    ) -> Result<()> {
        let located = from.locate(&self.source.bytes());
        let located = match located {
            Ok(located) => located,
            Err(error) if is_fatal(&error) => return Err(error.into()),
            Err(error) => {
                progress.fault(&anyhow::Error::new(error).context(self.source.to_string()));
                return Ok(());
            }
        };
        match located {
            Located::File(file, status) => {
                progress.enters(self.source, status.bytes);
                let (at, name) = self.name_for_file(to)?;
                let mut copier = Copier::new(from, to, progress, self.kept());
                let copied = copier.file(file, &status, &at, &name);
                to.close_directory(at);
                copied
            }
            Located::Directory(directory, status) if self.options.recursive => {
                progress.enters_tree(self.source, from, &directory)?;
                self.tree(from, (directory, status), to, progress)
            }
            Located::Directory(directory, _) => {
                from.close_directory(directory);
                progress.fault(&anyhow::anyhow!("{}: a directory; use -r", self.source));
                Ok(())
            }
            Located::Special => {
                progress.fault(&anyhow::anyhow!("{}: not a regular file", self.source));
                Ok(())
            }
        }
    }

    fn tree<S: Side, D: Side>(
        &self,
        from: &mut S,
        (directory, status): (S::Directory, Status),
        to: &mut D,
        progress: &mut Progress,
    ) -> Result<()> {
        let (at, name) = match self.target(to)? {
            Target::As { at, name } => (at, name),
            Target::Into(at) => {
                let bytes = self.source.bytes();
                let (_, name) = split(&bytes);
                // What has no name of its own, such as `.`, is merged into DST.
                (at, if name.is_empty() { b".".to_vec() } else { name.to_vec() })
            }
        };
        let made = match name.as_slice() {
            b"." => Made::Before,
            name => make(to, &at, name, status.permissions)?,
        };
        let top = to.open_directory(&at, &name)?;
        let kept = self.kept();
        let complete = made.completed_as(&status, kept);
        let copied = Copier::new(from, to, progress, kept).tree(directory, top, complete);
        to.close_directory(at);
        copied
    }

    fn kept(&self) -> Kept {
        if self.options.preserve { Kept::Attributes } else { Kept::Links }
    }

    /// The directory and the name that a file is copied to.
    fn name_for_file<D: Side>(&self, to: &mut D) -> Result<(D::Directory, Vec<u8>)> {
        Ok(match self.target(to)? {
            Target::As { .. } if self.options.destination.bytes().ends_with(b"/") => {
                bail!("{} is not a directory", self.options.destination)
            }
            Target::As { at, name } => (at, name),
            Target::Into(at) => (at, split(&self.source.bytes()).1.to_vec()),
        })
    }

    fn target<D: Side>(&self, to: &mut D) -> Result<Target<D::Directory>> {
        let destination = &self.options.destination;
        let path = destination.bytes();
        match to.directory_at(&path) {
            Ok(directory) => return Ok(Target::Into(directory)),
            Err(error) if is_fatal(&error) => return Err(error.into()),
            Err(error) if self.options.sources.len() > 1 => {
                return Err(error).with_context(|| {
                    format!("{destination} must be a directory to hold several files")
                });
            }
            // It is made, or overwritten.
            Err(_) => {}
        }
        let (parent, name) = split(&path);
        if name.is_empty() {
            bail!("{destination} cannot be made");
        }
        let at = to
            .directory_at(parent)
            .with_context(|| format!("the directory that {destination} shall be in"))?;
        Ok(Target::As { at, name: name.to_vec() })
    }
}
