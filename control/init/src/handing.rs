//! Handing a capability from one client to another, by a ticket that the two pass on as they like.
//!
//! What is handed over is derived at once, into init's own space: so it is revoked with what it was
//! derived from, and outlives the end of the giver. The taker's is derived from that, which then goes:
//! the taker's counts as derived from the giver's.

use crate::clients::Object;
use crate::commands::{NOT_HELD, Refused};
use crate::init::Init;
use crate::needs::Used;
use crate::revocation::not_derived;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use capability::{Handle, Rights, UNBADGED};
use control::message::{BrokerReply, Hand, HeldCapability, Ticket};
use dataplane::entry::Errno;
use dataplane::platform::Instant;

/// How long a ticket counts, ns.
const COUNTS_FOR_NS: u64 = 60_000_000_000;
/// Most tickets of one user that count at a time, and of all together.
const MOST_OF_USER: usize = 64;
const MOST: usize = 4096;

/// What a ticket stands for.
struct Handed {
    /// In init's own space.
    handle: Handle,
    rights: Rights,
    /// Whose tickets it is one of.
    uid: u32,
    until: Instant,
}

/// The tickets that count. They are not written down: the next init knows none of them.
#[derive(Default)]
pub(crate) struct Tickets(BTreeMap<Ticket, Handed>);

impl Tickets {
    /// When the next one counts no more.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.0.values().map(|handed| handed.until).min()
    }

    /// Whether this of init's own capabilities is being handed over.
    pub(crate) fn stand_for(&self, handle: Handle) -> bool {
        self.0.values().any(|handed| handed.handle == handle)
    }
}

impl Init {
    /// Makes a ticket for a part of a capability.
    pub(crate) fn hand(
        &mut self,
        id: u64,
        request: u64,
        used: Used,
        wish: Hand,
    ) -> Result<(), Refused> {
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let (space, uid) = (client.space, client.peer.uid);
        let of_user = self.tickets.0.values().filter(|handed| handed.uid == uid).count();
        if of_user >= MOST_OF_USER || self.tickets.0.len() >= MOST {
            return Err((Errno::EDQUOT, "as many tickets as may be are waiting to be taken"));
        }
        if !used.rights.contains(wish.rights) {
            return Err(NOT_HELD);
        }
        let rights = wish.rights | Rights::DERIVE;
        let handed = self.capabilities.grant(space, used.handle, self.own, rights, wish.badge);
        let handle = handed.map_err(not_derived)?;
        let mut bytes = [0; 16];
        self.machine.random.fill(&mut bytes);
        let ticket = Ticket::from_bytes(bytes);
        let until = self.machine.waiting.now().after_ns(COUNTS_FOR_NS);
        let handed = Handed { handle, rights: wish.rights, uid, until };
        self.tickets.0.insert(ticket, handed);
        self.reply(id, request, &BrokerReply::Ticket(ticket));
        Ok(())
    }

    /// Gives a client what a ticket stands for, which then counts no more.
    pub(crate) fn take(&mut self, id: u64, request: u64, ticket: Ticket) -> Result<(), Refused> {
        const NO_TICKET: Refused =
            (Errno::EPERM, "this ticket does not count, or not any more: ask for a new one");
        let space = self.may_hold_more(id)?;
        self.expire_tickets();
        let handed = self.tickets.0.get(&ticket).ok_or(NO_TICKET)?;
        let (from, rights) = (handed.handle, handed.rights);
        let taken = self.capabilities.grant(self.own, from, space, rights, UNBADGED);
        let handle = match taken {
            Ok(handle) => handle,
            Err(error @ capability::Error::QuotaExceeded { .. }) => return Err(not_derived(error)),
            // The giver, or one above it, has revoked it.
            Err(_) => return Err(NO_TICKET),
        };
        self.tickets.0.remove(&ticket);
        let gone = self.capabilities.delete(self.own, from).map(|gone| gone.object);
        let service = gone.ok().and_then(|object: Object| self.name_of(object)).ok_or(NOT_HELD)?;
        let taken = HeldCapability { handle, rights, service };
        self.reply(id, request, &BrokerReply::Taken(taken));
        Ok(())
    }

    /// Takes back what nobody has taken in time.
    pub(crate) fn expire_tickets(&mut self) {
        let now = self.machine.waiting.now();
        let late: Vec<Handle> = self
            .tickets
            .0
            .extract_if(.., |_, handed| handed.until <= now)
            .map(|(_, handed)| handed.handle)
            .collect();
        if late.is_empty() {
            return;
        }
        for handle in late {
            let _ = self.capabilities.delete(self.own, handle);
        }
    }

    /// Takes back what an earlier init had made tickets for, which nobody can take any more.
    pub(crate) fn forget_tickets(&mut self) {
        let services = self.services.iter().map(|service| service.capability);
        let given = self.given.values().flat_map(|given| given.roots.iter().copied());
        let kept: Vec<Handle> = services.chain([self.system]).chain(given).collect();
        let Ok(held) = self.capabilities.list(self.own) else { return };
        let stray: Vec<Handle> =
            held.map(|(handle, _)| handle).filter(|handle| !kept.contains(handle)).collect();
        for handle in stray {
            let _ = self.capabilities.delete(self.own, handle);
        }
    }
}
