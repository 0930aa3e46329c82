//! The arguments of the commands that list, read, copy and change files.

use crate::place::{Place, SystemPath};
use crate::values::{parse_mode, place, system_path};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Mode, links, owner, group, size and time of change (UTC) too
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Names that begin with a dot too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// What to list
    #[arg(default_value = "/", value_parser = system_path())]
    pub(crate) path: SystemPath,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// Files of the system
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Paths of the system are written vfs:/path; all others are the host's.
Permissions are kept but for set-id bits; with -p also those, and owner, group, times and extended
attributes (user.*), each as far as it is permitted. A symbolic link named as SRC is followed; those
inside of directories are copied as links, whatever they point to. Of several names of a file each
becomes a file of its own. Named pipes, sockets and devices are skipped and told. A link that is
where a file is to be copied to is not followed, but an error.")]
pub(crate) struct Cp {
    /// Copy directories and all below them
    #[arg(short, long, short_alias = 'R')]
    pub(crate) recursive: bool,
    /// Keep owner, group, times and extended attributes too
    #[arg(short, long)]
    pub(crate) preserve: bool,
    /// What to copy
    #[arg(required = true, value_parser = place(), value_name = "SRC")]
    pub(crate) sources: Vec<Place>,
    /// Where to: a directory, or a new name for a single SRC
    #[arg(value_parser = place(), value_name = "DST")]
    pub(crate) destination: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Remove directories and all below them
    #[arg(short, long, short_alias = 'R')]
    pub(crate) recursive: bool,
    /// Say nothing about what is not there
    #[arg(short, long)]
    pub(crate) force: bool,
    /// What to remove
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Mkdir {
    /// Make missing parents; an existing directory is no error
    #[arg(short, long)]
    pub(crate) parents: bool,
    /// Permissions, octal
    #[arg(short, long, default_value = "755", value_parser = parse_mode)]
    pub(crate) mode: u32,
    /// Directories to make
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Mv {
    /// Fail if the new name is taken
    #[arg(short, long, conflicts_with = "exchange")]
    pub(crate) no_replace: bool,
    /// Exchange the two names
    #[arg(long)]
    pub(crate) exchange: bool,
    /// Old name
    #[arg(value_parser = system_path(), value_name = "SRC")]
    pub(crate) source: SystemPath,
    /// New name, or a directory to move into
    #[arg(value_parser = system_path(), value_name = "DST")]
    pub(crate) destination: SystemPath,
}

#[derive(Debug, Args)]
pub(crate) struct Stat {
    /// Files of the system
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}
