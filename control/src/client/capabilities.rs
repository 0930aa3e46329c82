//! What a client does with capabilities: derive, revoke, list, hand on.

use super::connection::{ConnectError, Connection};
use crate::message::{
    BrokerReply, CapabilityNode, ClientMessage, Derive, Hand, HeldCapability, ListFrom, NodeNamed,
    Ticket,
};
use alloc::vec::Vec;
use capability::{Handle, Rights};

impl Connection {
    /// Derives a capability with fewer rights.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn derive(
        &self,
        capability: Handle,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, ConnectError> {
        let derive = ClientMessage::Derive(Derive { rights, badge });
        match self.shared.ask(Some(capability), &derive)?.0 {
            BrokerReply::Derived(derived) => Ok(derived.handle),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Revokes a capability and what was derived from it. When this returns, nothing that stood
    /// on them executes any more.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn revoke(&self, capability: Handle) -> Result<(), ConnectError> {
        self.shared.command(Some(capability), &ClientMessage::Revoke)
    }

    /// Revokes what somebody else holds, by a capability for the system with the rights to audit and
    /// to revoke. Returns as [`Connection::revoke`] does.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn revoke_of(&self, capability: Handle, named: NodeNamed) -> Result<(), ConnectError> {
        self.shared.command(Some(capability), &ClientMessage::RevokeOf(named))
    }

    /// What this connection holds; what everybody holds, by a capability for the system with the
    /// right to audit it.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn list(&self, capability: Option<Handle>) -> Result<Vec<CapabilityNode>, ConnectError> {
        let mut all = Vec::new();
        let mut from = ListFrom::default();
        loop {
            let ask = ClientMessage::Capabilities(from);
            let BrokerReply::Capabilities(listing) = self.shared.ask(capability, &ask)?.0 else {
                return Err(ConnectError::Protocol);
            };
            all.extend(listing.nodes.into_vec());
            let next = listing.next;
            if next == ListFrom::default() {
                return Ok(all);
            }
            // Names that do not ascend would be asked for without end.
            if (next.space, next.handle) <= (from.space, from.handle) {
                return Err(ConnectError::Protocol);
            }
            from = next;
        }
    }

    /// Makes a ticket, by which somebody else can take a part of a capability within a minute.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn hand(
        &self,
        capability: Handle,
        rights: Rights,
        badge: u64,
    ) -> Result<Ticket, ConnectError> {
        let hand = ClientMessage::Hand(Hand { rights, badge });
        match self.shared.ask(Some(capability), &hand)?.0 {
            BrokerReply::Ticket(ticket) => Ok(ticket),
            _ => Err(ConnectError::Protocol),
        }
    }

    /// Takes what a ticket stands for, which then counts no more.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] among others.
    pub fn take(&self, ticket: Ticket) -> Result<HeldCapability, ConnectError> {
        match self.shared.ask(None, &ClientMessage::Take(ticket))?.0 {
            BrokerReply::Taken(taken) => Ok(taken),
            _ => Err(ConnectError::Protocol),
        }
    }
}
