//! What can be written on the command line about principals, tokens and the audit log.

use capability::Rights;
use clap::{Args, Subcommand, ValueEnum};
use control::message::{Name, PrincipalKind};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "\
The password is asked for without showing it, or read as a line from standard input where that is no
terminal. The token is kept in $XDG_RUNTIME_DIR/veridian, for this user of the host alone, and is shown
to the system by every command until `veridian logout`; the variable VERIDIAN_TOKEN comes before it.")]
pub(crate) struct Login {
    /// The principal [default: the one that this user of the host is]
    pub(crate) name: Option<Name>,
    /// Write the token to standard output, and keep it nowhere
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// End the user session with this number, as `veridian sessions` shows it, whosever it is
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub(crate) session: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Those of all principals
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Asks for the old password and the new one; with --reset, which needs the right to configure auth, for
the new one alone. From standard input that is no terminal, each is a line. All user sessions of the
principal end.")]
pub(crate) struct Passwd {
    /// The principal [default: the one who has logged in]
    pub(crate) name: Option<Name>,
    /// Set it without the old one
    #[arg(long)]
    pub(crate) reset: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a principal; asks for its password
    Add(AddUser),
    /// Remove a principal, and end its user sessions
    Remove {
        /// Its name
        name: Name,
    },
    /// List the principals
    List(Json),
    /// Let a user of the host log in as a principal without a password
    Map {
        /// The number of the user
        uid: u32,
        /// The principal
        name: Name,
    },
    /// Undo `map`
    Unmap {
        /// The number of the user
        uid: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// Its name: a-z, 0-9 and hyphens
    pub(crate) name: Name,
    /// What it is
    #[arg(long, value_enum, default_value = "user")]
    pub(crate) kind: Kind,
    /// The most that it may do with any service; `all` for everything that the system's owner may
    #[arg(long, value_parser = rights, default_value = "read,write,create,connect,derive,revoke")]
    pub(crate) rights: Rights,
    /// The user and group of the host that its requests act as, UID or UID:GID [default: those of
    /// whoever shows its token]
    #[arg(long, value_name = "UID", value_parser = acts_as)]
    pub(crate) uid: Option<(u32, u32)>,
    /// Without a password: to be mapped
    #[arg(long)]
    pub(crate) no_password: bool,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// A person
    User,
    /// A service
    Service,
    /// A program that acts for itself
    Application,
}

impl From<Kind> for PrincipalKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Service => Self::Service,
            Kind::Application => Self::Application,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Write a token with fewer rights than one's own to standard output, to hand it on
    Derive(Derive),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Nobody is asked for this, and nobody can undo it: a token of a token has fewer rights still. It ends
with the user session. Whoever gets it uses it by the variable VERIDIAN_TOKEN.")]
#[command(group = clap::ArgGroup::new("less").required(true).multiple(true)
          .args(["rights", "services", "lasts", "user"]))]
pub(crate) struct Derive {
    /// No more than these rights, separated by commas: read, write, create, connect, …
    #[arg(long, value_parser = rights)]
    pub(crate) rights: Option<Rights>,
    /// For this service alone (`init` is the system); repeatable
    #[arg(long = "service", value_name = "SERVICE")]
    pub(crate) services: Vec<Name>,
    /// For so long: `90s`, `30m`, `1h`, `2d`
    #[arg(long = "for", id = "lasts", value_name = "TIME", value_parser = duration)]
    pub(crate) lasts: Option<Duration>,
    /// For this user of the host alone
    #[arg(long, value_name = "UID")]
    pub(crate) user: Option<u32>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) verify: Option<Verify>,
    /// From the record with this number on
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) from: u64,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    /// Check that no record was changed, removed or moved since it was written
    Verify(Json),
}

/// What a right is called on the command line.
pub(crate) fn right_name(name: &str) -> String {
    let name = name.to_lowercase().replace('_', "-");
    name.strip_prefix("cap-").unwrap_or(&name).to_owned()
}

fn rights(text: &str) -> Result<Rights, String> {
    let mut rights = Rights::empty();
    for word in text.split(',').filter(|word| !word.is_empty()) {
        if word == "all" {
            rights = Rights::all();
            continue;
        }
        let found = Rights::all().iter_names().find(|(name, _)| right_name(name) == word);
        let Some((_, right)) = found else {
            let all = Rights::all().iter_names().map(|(name, _)| right_name(name));
            let all = all.collect::<Vec<_>>().join(", ");
            return Err(format!("there is no right '{word}'; there are {all}, and all"));
        };
        rights |= right;
    }
    Ok(rights)
}

fn acts_as(text: &str) -> Result<(u32, u32), &'static str> {
    const WRONG: &str = "users and groups are given by their numbers, UID or UID:GID";
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    // The largest number means nobody in particular to the kernel.
    let number = |text: &str| text.parse().ok().filter(|number| *number != u32::MAX).ok_or(WRONG);
    Ok((number(uid)?, number(gid)?))
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a time is a number and s, m, h or d, like 30m";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(WRONG)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    let number: u32 = number.parse().map_err(|_| WRONG)?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

fn number(text: &str) -> Result<u64, &'static str> {
    u64::from_str_radix(text, 16).map_err(|_| "a session's number is in hexadecimal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_named_as_they_are_shown() {
        assert_eq!(rights("read,ipc-create"), Ok(Rights::READ | Rights::CAP_IPC_CREATE));
        assert_eq!(rights("all"), Ok(Rights::all()));
        let text = Rights::all().iter_names().map(|(name, _)| right_name(name));
        assert_eq!(rights(&text.collect::<Vec<_>>().join(",")), Ok(Rights::all()));
        assert!(rights("read,fly").is_err_and(|error| error.contains("'fly'")));
    }

    #[test]
    fn times_and_users_have_their_form() {
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "h", "2", "-2h", "2w", "ü"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(acts_as("5"), Ok((5, 5)));
        assert_eq!(acts_as("5:6"), Ok((5, 6)));
        assert!(acts_as("root").is_err() && acts_as("4294967295").is_err());
    }
}
