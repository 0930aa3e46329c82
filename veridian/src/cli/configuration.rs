//! The arguments of what configures the system.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Where the configuration of a new system is read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Configured {
    /// A file with settings, or a directory of them, in place of /etc/veridian. Repeatable
    #[arg(long = "config", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A setting, as `limits.max_clients=10`: see `veridian config show`. Repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, String)>,
    /// Keep what is to outlive the system, such as the log, in this directory: the setting
    /// `system.state`
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

fn parse_setting(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("a setting is written KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show what holds in the running system; without one, or with --config or --set, what would
    /// hold in a new one
    Show(ConfigShow),
    /// Tell everything that is wrong, a line each
    Check(ConfigCheck),
    /// Give a setting of the running system another value, until it is read again
    Set {
        /// The setting: see `veridian config show`
        key: String,
        /// What it is to be
        value: String,
    },
    /// Have the running system read its configuration again: all of it, or nothing if anything is
    /// wrong
    Reload,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// Where each value comes from too
    #[arg(long)]
    pub(crate) origin: bool,
    /// One JSON object a setting, each on a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCheck {
    /// Files, or directories of them [default: /etc/veridian]
    #[arg(value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) configured: Configured,
}
