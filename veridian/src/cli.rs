//! What can be written on the command line.

mod configuration;
mod files;
mod operation;

pub(crate) use configuration::*;
pub(crate) use files::*;
pub(crate) use operation::*;

use crate::place::{Mounting, Place, SystemPath};
use crate::system::Address;
use crate::values::{
    mounting, parse_address, parse_interval, parse_kind, parse_mode, parse_owner, parse_pattern,
    place, system_path,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use dataplane::log::Level;
use glob::Pattern;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Operating-system services in user space, behind shared-memory rings.
#[derive(Debug, Parser)]
#[command(name = "veridian", version)]
pub(crate) struct Cli {
    /// The system: `@name` (an abstract socket) or the path of a socket [default:
    /// $VERIDIAN_ADDRESS, else @veridian-UID]
    #[arg(long, global = true, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) address: Option<Address>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a system in the background; return when every service is ready
    Up(Up),
    /// Stop the system
    Down,
    /// Start a system, run a command with its address in VERIDIAN_ADDRESS, stop the system, and
    /// exit as the command did
    Run(Run),
    /// Show how the services are
    Status(Status),
    /// Show what the services do, live: operations, latencies, errors and sessions
    Top(Top),
    /// List a directory of the system
    Ls(Ls),
    /// Write files of the system to standard output
    Cat(Cat),
    /// Copy files between the host and the system, or within the system
    Cp(Cp),
    /// Remove files of the system
    Rm(Rm),
    /// Make directories in the system
    Mkdir(Mkdir),
    /// Move or rename files of the system
    Mv(Mv),
    /// Show the attributes of files of the system
    Stat(Stat),
    /// Give a file of the system another name, or make a symbolic link
    Ln(Ln),
    /// Change the permissions of files of the system
    Chmod(Chmod),
    /// Change owner and group of files of the system
    Chown(Chown),
    /// List all that is below directories of the system
    Find(Find),
    /// Show changes of files and directories of the system as they happen
    Watch(Watch),
    /// Show how much space file systems have
    Df(Df),
    /// Show how much space files take
    Du(Du),
    /// Show, check or change the configuration
    Config(Config),
    /// Write what the system has done as OpenMetrics text, or serve it
    Metrics(Metrics),
    /// Write the pages of the manual
    Man(Man),
    /// Write completions for a shell to standard output
    Completions(Completions),
    /// Mount the system's files in the host's tree for every program (FUSE), or, with --host or
    /// --bind, a directory in the system; without arguments, show what is mounted in the system
    Mount(Mount),
    /// Unmount
    Umount(Umount),
    /// Show the records of services
    Logs(Logs),
    /// Start a service that has stopped, or is quarantined
    Start(Supervise),
    /// Stop a service
    Stop(Supervise),
    /// Stop a service and start it again
    Restart(Supervise),
    /// Stop the system and start it again in place
    Reboot,
    /// Measure a system of its own against the targets
    Bench,
    /// Start everything, copy a real directory tree through the rings and back, compare, measure,
    /// and leave nothing behind
    Tour(Tour),
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Mount a directory of the host at once: `DIR=vfs:/path`, or `DIR=vfs:/path,ro` for reading
    /// only; the directory of the system is made if it is not there. Repeatable
    #[arg(long = "mount", value_name = "MOUNT", value_parser = mounting())]
    pub(crate) mounts: Vec<Mounting>,
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// Serve metrics at this socket, as OpenMetrics over HTTP, while the system runs
    #[arg(long, value_name = "PATH")]
    pub(crate) metrics: Option<PathBuf>,
    /// Stay until the system is stopped, by `veridian down` or by Ctrl-C
    #[arg(long)]
    pub(crate) foreground: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Mount a directory of the host at once: see `veridian up --help`
    #[arg(long = "mount", value_name = "MOUNT", value_parser = mounting())]
    pub(crate) mounts: Vec<Mounting>,
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Go on with new records as they come
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Of this service alone; init counts as one
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// This important, or more: error, warning, info, debug, trace
    #[arg(long, default_value = "info", value_parser = level)]
    pub(crate) level: Level,
    /// Not older: `10m`, `2h`, or a time like 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Seconds>,
    /// As one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// In the format of another system, a record a line
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) export: Option<Export>,
    /// What has become of each source's records instead: received = kept + limited; dropped were
    /// never sent, because the logger did not keep up
    #[arg(long, conflicts_with_all = ["follow", "service", "since", "export"])]
    pub(crate) sources: bool,
}

/// Formats of other systems.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Export {
    /// systemd's journal, JSON
    Journal,
    /// Syslog, RFC 5424
    Syslog,
}

/// A time, seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) i64);

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|_| "a level is error, warning, info, debug or trace".to_owned())
}

fn since(text: &str) -> Result<Seconds, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Seconds(time.as_second()));
    }
    let ago: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "a time is an age like 10m or 2h, or like 2030-01-31T12:00:00Z".to_owned())?;
    Ok(Seconds(jiff::Timestamp::now().as_second().saturating_sub(ago.as_secs())))
}

#[derive(Debug, Args)]
pub(crate) struct Supervise {
    /// The service
    pub(crate) service: String,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// This service alone, and why and where its last incarnation was ended if it hung
    pub(crate) service: Option<String>,
    /// As one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Latencies are from the acceptance of a request by the service to its completion, waiting included;
about one request in 251 is timed. cpu is of one processor. On a terminal: q quits, ← and → choose
the column that sessions are ordered by, r reverses the order, ↑ and ↓ scroll. Elsewhere, or with
one of --once, --count and --json, one sample follows another.")]
pub(crate) struct Top {
    /// One JSON object a line for each sample
    #[arg(long)]
    pub(crate) json: bool,
    /// One sample
    #[arg(long, conflicts_with = "count")]
    pub(crate) once: bool,
    /// So many samples
    #[arg(short = 'n', long, value_name = "COUNT",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Seconds that a sample covers, from 0.1 to 3600
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = parse_interval)]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A directory of the host as TARGET shows the system's files there. The mount goes when the system
stops, or by `veridian umount`. Mounted by root, it is open to all users, whose permissions are
checked; else to yourself alone, and needs the package fuse3.

With --host or --bind, TARGET is a directory of the system, vfs:/path. What is in the host's directory belongs
to the host: others may change it at any time, and what is made through the system is there at once.
Mounts below the directory are not entered.")]
#[command(group = clap::ArgGroup::new("within").args(["host", "bind"]))]
pub(crate) struct Mount {
    /// The directory of the host to mount in the system
    #[arg(long, value_name = "DIR", requires = "target")]
    pub(crate) host: Option<PathBuf>,
    /// The directory of the system, `vfs:/path`, to show in a second place
    #[arg(long, value_name = "PATH", requires = "target", conflicts_with = "host",
          value_parser = system_path())]
    pub(crate) bind: Option<SystemPath>,
    /// With --host or --bind: let nothing be changed through this mount
    #[arg(long, requires = "within")]
    pub(crate) read_only: bool,
    /// Stay until it is unmounted, or Ctrl-C
    #[arg(long, conflicts_with = "within", requires = "target")]
    pub(crate) foreground: bool,
    /// Threads that answer the kernel
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=14))]
    pub(crate) threads: u16,
    /// Tell on standard output when it is usable, then leave the terminal alone
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
    /// Where to: a directory of the host, or of the system, `vfs:/path`
    #[arg(value_parser = place(), value_name = "TARGET")]
    pub(crate) target: Option<Place>,
}

#[derive(Debug, Args)]
pub(crate) struct Umount {
    /// Where it is mounted: a directory of the host, or of the system, `vfs:/path`
    #[arg(value_parser = place(), value_name = "TARGET")]
    pub(crate) target: Place,
    /// Of the host: take it out of the tree now, whoever is in there
    #[arg(long)]
    pub(crate) lazy: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ln {
    /// A symbolic link, with TARGET as its text
    #[arg(short, long)]
    pub(crate) symbolic: bool,
    /// What the new name is to mean
    #[arg(value_parser = system_path(), value_name = "TARGET")]
    pub(crate) target: SystemPath,
    /// The new name, or a directory to make it in
    #[arg(value_parser = system_path(), value_name = "LINK")]
    pub(crate) link: SystemPath,
}

#[derive(Debug, Args)]
pub(crate) struct Chmod {
    /// All that is below directories too
    #[arg(short, long, short_alias = 'R')]
    pub(crate) recursive: bool,
    /// Permissions, octal
    #[arg(value_parser = parse_mode)]
    pub(crate) mode: u32,
    /// Files of the system
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Chown {
    /// All that is below directories too
    #[arg(short, long, short_alias = 'R')]
    pub(crate) recursive: bool,
    /// Numbers of the new user and group: UID, UID:GID or :GID
    #[arg(value_parser = parse_owner, value_name = "OWNER")]
    pub(crate) owner: Owner,
    /// Files of the system
    #[arg(required = true, value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

/// Whom a file is to belong to; none stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// Only names that fit a pattern with `*`, `?` and `[…]`
    #[arg(long, value_name = "PATTERN", value_parser = parse_pattern)]
    pub(crate) name: Option<Pattern>,
    /// Only files (f), directories (d), symbolic links (l), FIFOs (p), sockets (s), devices (b, c)
    #[arg(long, value_name = "LETTER", value_parser = parse_kind)]
    pub(crate) kind: Option<char>,
    /// Where to begin
    #[arg(default_value = "/", value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// End after so many changes
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) count: Option<u64>,
    /// Only these kinds of changes
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    pub(crate) events: Vec<Event>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// What to watch: of a directory its entries too, but nothing below them
    #[arg(default_value = "/", value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

/// What can be watched for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Event {
    /// Entries added, removed, renamed
    Names,
    /// Permissions, owners, times, extended attributes, links
    Attributes,
    /// Contents and sizes
    Contents,
}

#[derive(Debug, Args)]
pub(crate) struct Df {
    /// Files of the file systems that are meant
    #[arg(default_value = "/", value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Du {
    /// Files and directories of the system
    #[arg(default_value = "/", value_parser = system_path(), value_name = "PATH")]
    pub(crate) paths: Vec<SystemPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Tour {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// The host's directory tree to copy [default: a documentation or source tree of at least
    /// 5,000 files]
    pub(crate) path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_of_run_keeps_its_own_options() {
        let cli = Cli::try_parse_from(["veridian", "run", "--", "ls", "-l", "--", "--address"]);
        let Command::Run(run) = cli.unwrap().command else { panic!("not run") };
        assert_eq!(run.command, ["ls", "-l", "--", "--address"]);
    }
}
