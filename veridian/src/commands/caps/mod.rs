//! `caps`: who holds what, and what was derived from what; deriving, revoking, handing on.
//!
//! Each command is a connection of its own, and what a connection holds goes with it: so those that
//! get a capability hold it until they are told to end.

mod id;
mod tree;

pub(crate) use id::CapabilityId;

use crate::cli::{Caps, CapsAction, Wanted};
use crate::config::rights;
use crate::output::Output;
use crate::signals::Interrupts;
use crate::system::{self, Address};
use anyhow::{Context, Result, bail};
use capability::{Handle, Rights};
use control::client::{ConnectError, Connection};
use control::message::{CapabilityNode, NodeNamed};
use dataplane::entry::Errno;
use std::time::Duration;

/// The name of the system among services.
const SYSTEM: &str = "init";
/// Time between two looks whether what is held is still there.
const INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &Caps, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    match &options.action {
        None => show(&connection, options.json, output),
        Some(CapsAction::Revoke { id }) => revoke(&connection, *id),
        Some(CapsAction::Derive { wanted }) => {
            let from = source(&connection, wanted)?;
            let handle = connection.derive(from, wanted.rights, 0).context("deriving")?;
            hold(&connection, handle, options.json, output)
        }
        Some(CapsAction::Hand { wanted }) => {
            let from = source(&connection, wanted)?;
            let ticket = connection.hand(from, wanted.rights, 0).context("handing over")?;
            if options.json {
                return output.json(&serde_json::json!({ "ticket": ticket.to_string() }));
            }
            output.line(ticket)
        }
        Some(CapsAction::Take { ticket }) => {
            let taken = connection.take(*ticket).context("taking")?;
            hold(&connection, taken.handle, options.json, output)
        }
    }
}

/// Everybody's capabilities, but this command's own, which are gone when they are read; one's own,
/// if one may not see others'.
fn show(connection: &Connection, json: bool, output: &mut Output) -> Result<()> {
    let own = connection.list(None).context("listing capabilities")?;
    let nodes = match auditing(connection, Rights::AUDIT) {
        Some(auditing) => {
            let all = connection.list(Some(auditing)).context("listing capabilities")?;
            let space = own.first().map_or(0, |node| node.space);
            all.into_iter().filter(|node| node.space != space).collect()
        }
        None => own,
    };
    if json {
        return nodes.iter().try_for_each(|node| output.json(&tree::Row::new(node)));
    }
    tree::lines(&nodes).iter().try_for_each(|line| output.line(line))
}

/// The capability for the system, if it allows this.
fn auditing(connection: &Connection, rights: Rights) -> Option<Handle> {
    let allows = |held: &&control::message::HeldCapability| {
        held.service.as_str() == SYSTEM && held.rights.contains(rights)
    };
    connection.capabilities().iter().find(allows).map(|held| held.handle)
}

fn revoke(connection: &Connection, id: CapabilityId) -> Result<()> {
    let Some(auditing) = auditing(connection, Rights::AUDIT | Rights::REVOKE) else {
        bail!(
            "only who runs the system, or root, may revoke what others hold; what a command of your \
             own holds goes when it ends"
        );
    };
    let named = NodeNamed { space: id.space, handle: id.handle };
    match connection.revoke_of(auditing, named) {
        Err(ConnectError::Refused { errno: Errno::ENOENT, .. }) => {
            bail!("there is no capability {id}; `veridian caps` lists those that there are")
        }
        revoked => revoked.with_context(|| format!("revoking {id}")),
    }
}

/// What a capability is derived from.
fn source(connection: &Connection, wanted: &Wanted) -> Result<Handle> {
    let held = connection.capabilities().iter();
    let held = held.clone().find(|held| held.service.as_str() == wanted.service);
    let Some(held) = held else { bail!("there is no service '{}'", wanted.service) };
    let missing = wanted.rights - held.rights;
    if !missing.is_empty() {
        bail!("this user does not have {}", rights::format(&wanted.service, missing));
    }
    Ok(held.handle)
}

/// Says what is held, and waits until it is not any more.
fn hold(connection: &Connection, handle: Handle, json: bool, output: &mut Output) -> Result<()> {
    let interrupts = Interrupts::catch()?;
    let find = || -> Result<Option<CapabilityNode>> {
        let own = connection.list(None).context("listing what is held")?;
        Ok(own.into_iter().find(|node| node.handle == handle))
    };
    if let Some(node) = find()? {
        if json {
            output.json(&tree::Row::new(&node))?;
        } else {
            output.line(tree::describe(&node))?;
        }
        output.flush()?;
    }
    loop {
        interrupts.check()?;
        if find()?.is_none() {
            bail!("it was revoked");
        }
        std::thread::sleep(INTERVAL);
    }
}
