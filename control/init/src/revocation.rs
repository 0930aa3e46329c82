//! Deriving capabilities and taking them back, with all that stands on them.
//!
//! A revocation is answered when nothing executes any more that stood on what was revoked: sessions,
//! and messages that a service has not answered yet. A service that lets one of them go too late is
//! killed (`answers`).

use crate::clients::{Object, Question, QuestionKind, Standing};
use crate::commands::{NOT_HELD, Refused};
use crate::init::Init;
use crate::needs::Used;
use crate::sessions::{Phase, SessionRecord};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use capability::{Handle, Removed, Rights, SpaceId};
use control::message::{BrokerReply, Derived, ServiceCommand, SessionNamed};
use dataplane::SessionId;
use dataplane::entry::Errno;

impl Init {
    pub(crate) fn derive(
        &mut self,
        id: u64,
        request: u64,
        from: Used,
        (rights, badge): (Rights, u64),
    ) -> Result<(), Refused> {
        let space = self.may_hold_more(id)?;
        let derived = self.capabilities.derive(space, from.handle, rights, badge);
        let handle = derived.map_err(not_derived)?;
        self.reply(id, request, &BrokerReply::Derived(Derived { handle }));
        Ok(())
    }

    /// The space of a client, if its user may have another capability.
    pub(crate) fn may_hold_more(&self, id: u64) -> Result<SpaceId, Refused> {
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let of_user = self.clients.values().filter(|other| other.peer.uid == client.peer.uid);
        let held: u32 = of_user.filter_map(|other| self.capabilities.held(other.space).ok()).sum();
        if !self.policy.is_owner(&client.peer) && held >= self.policy.max_capabilities_per_user {
            return Err((Errno::EDQUOT, "this user holds as many capabilities as it may"));
        }
        Ok(client.space)
    }

    pub(crate) fn revoke(&mut self, id: u64, request: u64, used: Used) -> Result<(), Refused> {
        let space = self.clients.get(&id).ok_or(NOT_HELD)?.space;
        let removed = self.capabilities.revoke(space, used.handle).map_err(|_| NOT_HELD)?;
        self.end_what_stood_on(id, request, &removed);
        Ok(())
    }

    /// Ends what stood on capabilities that are no more, and then answers with `Done`.
    pub(crate) fn end_what_stood_on(&mut self, id: u64, request: u64, removed: &[Removed<Object>]) {
        let revoked = self.sessions_on(removed);
        let mut standing = self.ending(removed);
        standing.extend(revoked.iter().copied().map(Standing::Session));
        if standing.is_empty() {
            return self.reply(id, request, &BrokerReply::Done);
        }
        self.ask_when_ended(id, request, standing);
        for session in revoked {
            self.end_session(session, ServiceCommand::RevokeSession(SessionNamed { session }));
        }
    }

    /// Sessions that stand on any of these.
    fn sessions_on(&self, removed: &[Removed<Object>]) -> Vec<SessionId> {
        let stands_on = |record: &SessionRecord| {
            let space = self.clients.get(&record.client).map(|client| client.space);
            removed.iter().any(|gone| Some(gone.space) == space && gone.handle == record.capability)
        };
        let sessions = self.sessions.iter();
        let sessions =
            sessions.filter(|(_, record)| record.phase != Phase::Over && stands_on(record));
        sessions.map(|(session, _)| *session).collect()
    }

    /// What is about to end with the services that these are on: sessions that are being closed, and
    /// messages whose capability is no more. It may have stood on one of these, or on one that was
    /// derived from them and is gone already, which the tree does not know any more.
    fn ending(&self, removed: &[Removed<Object>]) -> BTreeSet<Standing> {
        let is_meant =
            |place: usize| removed.iter().any(|gone| gone.object == Object::Service(place));
        let is_closing =
            |record: &SessionRecord| record.phase == Phase::Closing && is_meant(record.service());
        let sessions = self.sessions.iter().filter(|(_, record)| is_closing(record));
        let mut ending: BTreeSet<Standing> =
            sessions.map(|(session, _)| Standing::Session(*session)).collect();
        for (place, service) in self.services.iter().enumerate().filter(|(at, _)| is_meant(*at)) {
            let is_gone = |client: u64, by: Handle| {
                self.clients.get(&client).is_none_or(|client| {
                    self.capabilities.lookup(client.space, by, Rights::empty()).is_err()
                })
            };
            let told = service.told().filter(|(_, client, by)| is_gone(*client, *by));
            ending.extend(told.map(|(number, ..)| Standing::Message { place, number }));
        }
        ending
    }

    /// Answers with `Done` when the last of these has ended.
    pub(crate) fn ask_when_ended(
        &mut self,
        client: u64,
        request: u64,
        standing: BTreeSet<Standing>,
    ) {
        let kind = QuestionKind::Revocation { standing };
        let deadline = self.acknowledge_deadline();
        self.questions.add(Question { client, request, kind, deadline });
    }
}

/// Why a capability is not derived.
pub(crate) fn not_derived(error: capability::Error) -> Refused {
    match error {
        capability::Error::QuotaExceeded { .. } => {
            (Errno::EDQUOT, "this client holds as many capabilities as it may")
        }
        _ => NOT_HELD,
    }
}
