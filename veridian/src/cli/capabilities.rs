//! The arguments of what shows and changes who may do what.

use crate::commands::caps::CapabilityId;
use crate::config::rights;
use capability::Rights;
use clap::{Args, Subcommand};
use control::message::Ticket;

#[derive(Debug, Args)]
pub(crate) struct Caps {
    /// Print an object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: Option<CapsAction>,
}

/// Rights on a service.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) service: String,
    pub(crate) rights: Rights,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CapsAction {
    /// Derive a capability, say which it is, and hold it until interrupted, or until it is revoked
    Derive {
        /// The service and the rights, as `vfs:connect,read`; `init` is the system
        #[arg(value_name = "SERVICE:RIGHTS", value_parser = parse_wanted)]
        wanted: Wanted,
    },
    /// Revoke a capability and all that was derived from it; return when nothing executes any more
    /// that stood on them
    Revoke {
        /// As `veridian caps` names it
        id: CapabilityId,
    },
    /// Make a ticket, by which somebody else can take a capability within a minute, once
    Hand {
        /// The service and the rights, as `vfs:connect,read`; `init` is the system
        #[arg(value_name = "SERVICE:RIGHTS", value_parser = parse_wanted)]
        wanted: Wanted,
    },
    /// Take what a ticket stands for, say which it is, and hold it until interrupted, or until it
    /// is revoked
    Take {
        /// As `veridian caps hand` has printed it
        #[arg(value_parser = parse_ticket)]
        ticket: Ticket,
    },
}

fn parse_wanted(text: &str) -> Result<Wanted, String> {
    rights::parse(text).map(|(service, rights)| Wanted { service, rights })
}

fn parse_ticket(text: &str) -> Result<Ticket, &'static str> {
    text.parse().map_err(|_| "a ticket is 32 hexadecimal digits")
}
