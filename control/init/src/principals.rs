//! What clients are given for the tokens that they show, and taking it back.
//!
//! The service `auth` alone knows tokens. What it says a token allows, init gives from capabilities of
//! its own that it makes for this: revoking those takes back all that was derived from them, and ends
//! the sessions that stand on them. Each time has a badge of its own, which derived capabilities keep;
//! by it, sessions act as the principal's user. It is taken back when the time of the token is over,
//! when the user session has ended, and when the client is gone.

use crate::clients::{NOBODY, Object};
use crate::commands::{NOT_HELD, Refused};
use crate::init::Init;
use crate::records::{AUTHENTICATION, Words};
use crate::services::Awaited;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use capability::{Handle, Rights};
use control::message::{
    Authenticate, Authenticated, ClientMessage, ConfigurationAction, Credentials, Deauthenticate,
    ServiceCommand, Tell, TokenBytes,
};
use dataplane::entry::Errno;
use dataplane::platform::Instant;

/// The service that knows tokens.
const AUTH: &str = "auth";
/// Badges of what was given for a token; those of clients are smaller.
const BADGES: u64 = 1 << 62;
/// Most tokens that one client has shown and that still count.
const MOST: usize = 16;
/// Records for the audit log that wait for the service; those of one user within a minute, beyond which
/// only what is rare is noted, and only if it was granted; and users that are told apart.
const MOST_RECORDS: usize = 256;
const RECORDS_A_MINUTE: u32 = 32;
const MOST_USERS: usize = 1024;
const MINUTE_NS: u64 = 60_000_000_000;

/// What a client was given for a token.
pub(crate) struct Given {
    client: u64,
    /// The user session that the token is of.
    session: u64,
    acts_as: Option<(u32, u32)>,
    until: Instant,
    /// Init's own capabilities that the client's are derived from.
    pub(crate) roots: Vec<Handle>,
}

impl Given {
    pub(crate) fn words(&self) -> Vec<u64> {
        let (uid, gid) = self.acts_as.unwrap_or_default();
        let mut words = alloc::vec![self.client, self.session, u64::from(self.acts_as.is_some())];
        words.extend([u64::from(uid), u64::from(gid), self.until.0, self.roots.len() as u64]);
        words.extend(self.roots.iter().map(|root| root.to_word()));
        words
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let words = &mut Words::new(bytes);
        let (client, session, acts) = (words.word()?, words.word()?, words.word()? != 0);
        let who = (words.number()?, words.number()?);
        Some(Self {
            client,
            session,
            acts_as: acts.then_some(who),
            until: Instant(words.word()?),
            roots: words.list(|words| Handle::from_word(words.word()?))?,
        })
    }
}

/// A message that few may send, for the audit log.
#[derive(Clone, Copy)]
pub(crate) struct Privileged {
    pub(crate) what: &'static str,
    /// Whether those who may send it do so now and then only.
    pub(crate) is_rare: bool,
}

impl Privileged {
    pub(crate) fn of(message: &ClientMessage) -> Option<Self> {
        let (what, is_rare) = match message {
            ClientMessage::Shutdown => ("shutdown", true),
            ClientMessage::Reboot => ("reboot", true),
            ClientMessage::Control(_) => ("control of a service", true),
            ClientMessage::Configure(wish) if wish.action != ConfigurationAction::Show => {
                ("configuration", true)
            }
            ClientMessage::RevokeOf(_) => ("revocation of what others hold", true),
            ClientMessage::Revoke => ("revocation", false),
            ClientMessage::SetCredential(_) => ("acting as others", false),
            ClientMessage::TellWith(_) => ("handing over a descriptor", false),
            _ => return None,
        };
        Some(Self { what, is_rare })
    }
}

/// Records for the audit log that were not sent yet.
#[derive(Default)]
pub(crate) struct Unaudited {
    records: Vec<String>,
    /// Records that there was no room for.
    lost: u64,
    /// A minute, and how many were noted in it of each user.
    minute: Instant,
    noted: BTreeMap<u32, u32>,
}

impl Init {
    fn auth_place(&self) -> Option<usize> {
        self.services.iter().position(|it| it.is_unit() && it.name.as_str() == AUTH)
    }

    /// A client shows a token.
    pub(crate) fn authenticate(
        &mut self,
        id: u64,
        request: u64,
        token: TokenBytes,
    ) -> Result<(), Refused> {
        let place = self.auth_place();
        let place = place.ok_or((Errno::EOPNOTSUPP, "this system has no service auth"))?;
        let peer = self.clients.get(&id).ok_or(NOT_HELD)?.identity();
        let service = self.running(place)?;
        let awaited = Awaited::Authenticated { client: id, request };
        let command = ServiceCommand::Authenticate(Authenticate { peer, token });
        service.ask(&command, Vec::new(), awaited);
        Ok(())
    }

    /// A token allows this: the client is given it, and hears what it holds.
    pub(crate) fn authenticated(&mut self, id: u64, request: u64, allowed: &Authenticated) {
        if let Err(refused) = self.give(id, request, allowed) {
            self.refuse(id, request, refused);
        }
    }

    fn give(&mut self, id: u64, request: u64, allowed: &Authenticated) -> Result<(), Refused> {
        let space = self.clients.get(&id).ok_or(NOT_HELD)?.space;
        if self.given.values().filter(|given| given.client == id).count() >= MOST {
            return Err((Errno::EDQUOT, "this client has shown as many tokens as it may"));
        }
        let badge = BADGES | self.next_badge();
        let is_meant = |name: &str| {
            allowed.services.is_empty() || allowed.services.iter().any(|it| it.as_str() == name)
        };
        let system = (self.system, Object::System, "init", self.policy.most_system_rights());
        let public = self.services.iter().enumerate().filter(|(_, service)| service.is_public());
        let services = public.map(|(place, service)| {
            let most = match service.is_unit() {
                true => self.policy.most_service_rights(),
                false => self.policy.endpoint_rights(),
            };
            (service.capability, Object::Service(place), service.name.as_str(), most)
        });
        let meant = [system].into_iter().chain(services).filter(|(.., name, _)| is_meant(name));
        let wanted = meant.map(|(from, object, _, most)| (from, object, most & allowed.rights));
        let wanted: Vec<_> = wanted.filter(|(.., rights)| !rights.is_empty()).collect();
        let (mut roots, mut held) = (Vec::new(), Vec::new());
        for (from, object, rights) in wanted {
            // What is passed on must be held with the right to pass it on.
            let passed = rights | Rights::DERIVE | Rights::REVOKE;
            let own = self.own;
            let Ok(root) = self.capabilities.derive(own, from, passed, badge) else { continue };
            roots.push(root);
            if let Ok(handle) = self.capabilities.grant(own, root, space, rights, badge) {
                held.push((handle, object));
            }
        }
        let until = self.machine.waiting.now().after_ns(allowed.for_ns);
        let (session, acts_as) = (allowed.session, allowed.acts_as.0);
        self.given.insert(badge, Given { client: id, session, acts_as, until, roots });
        self.touch(AUTHENTICATION, badge);
        if let Some(client) = self.clients.get_mut(&id) {
            client.held.append(&mut held);
        }
        self.commit();
        // What it held before it keeps, but whoever shows a token means to do what that allows.
        self.welcome(id, request, Some(badge))
    }

    /// A number that no badge that counts has.
    fn next_badge(&self) -> u64 {
        self.given.keys().next_back().map_or(1, |last| (last & !BADGES) + 1)
    }

    /// Whom sessions act as that stand on a capability with this badge.
    pub(crate) fn acts_as(&self, badge: u64) -> Option<Credentials> {
        let (uid, gid) = self.given.get(&badge)?.acts_as?;
        Some(Credentials { uid, gid, groups: Default::default() })
    }

    /// A user session has ended.
    pub(crate) fn deauthenticate(&mut self, place: usize, session: u64) {
        if self.auth_place() == Some(place) {
            self.take_back_where(|given| given.session == session);
        }
    }

    /// The service that knows tokens serves, maybe anew: is there anything that it has ended, or knows
    /// nothing of any more?
    pub(crate) fn auth_is_ready(&mut self, place: usize) {
        if self.auth_place() != Some(place) {
            return;
        }
        self.send_records();
        let sessions: BTreeSet<u64> = self.given.values().map(|given| given.session).collect();
        let Some(service) = self.services.get_mut(place) else { return };
        for session in sessions {
            let question = ServiceCommand::UserSession(Deauthenticate { session });
            service.ask(&question, Vec::new(), Awaited::UserSession(session));
        }
    }

    /// A client has gone.
    pub(crate) fn forget_given(&mut self, client: u64) {
        self.take_back_where(|given| given.client == client);
    }

    /// When the time of a token is over.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let until = self.given.values().map(|given| given.until).min();
        let unsent = !self.unaudited.records.is_empty() || self.unaudited.lost > 0;
        // What was too much is told when the minute is over.
        let audit = unsent.then(|| self.unaudited.minute.after_ns(MINUTE_NS));
        let audit = audit.filter(|_| self.auth_serves());
        until.into_iter().chain(audit).min()
    }

    /// Takes back what counts no more, and sends what waits for the audit log.
    pub(crate) fn expire(&mut self) {
        let now = self.machine.waiting.now();
        if self.next_expiry().is_some_and(|at| at <= now) {
            self.take_back_where(|given| given.until <= now);
            self.send_records();
        }
    }

    fn take_back_where(&mut self, which: impl Fn(&Given) -> bool) {
        let gone: Vec<(u64, Given)> = self.given.extract_if(.., |_, given| which(given)).collect();
        for (badge, given) in gone {
            self.touch(AUTHENTICATION, badge);
            for root in given.roots {
                // An administrator may have revoked it before.
                let Ok(removed) = self.capabilities.revoke(self.own, root) else { continue };
                // Nobody waits for it, but a service that does not acknowledge is ended all the same.
                self.end_what_stood_on(NOBODY, 0, &removed);
            }
        }
    }

    /// What an earlier init had given.
    pub(crate) fn adopt_given(&mut self) {
        for (badge, value) in self.saved(AUTHENTICATION) {
            match Given::read(&value) {
                Some(given) => drop(self.given.insert(badge, given)),
                None => self.touch(AUTHENTICATION, badge),
            }
        }
        let clients: BTreeSet<u64> = self.clients.keys().copied().collect();
        self.take_back_where(|given| !clients.contains(&given.client));
    }

    fn auth_serves(&self) -> bool {
        let service = self.auth_place().and_then(|place| self.services.get(place));
        service.is_some_and(|service| service.serves())
    }

    /// Has something noted that a client did, or was refused, with a right that few have.
    pub(crate) fn audit(&mut self, id: u64, privileged: Privileged, is_granted: bool) {
        let Some(client) = self.clients.get(&id).filter(|_| self.auth_place().is_some()) else {
            return;
        };
        let (uid, pid) = (client.peer.uid, client.peer.pid);
        let Privileged { what, is_rare } = privileged;
        let end = if is_granted { "granted" } else { "refused" };
        let now = self.machine.waiting.now();
        let unaudited = &mut self.unaudited;
        if now.since_ns(unaudited.minute) >= MINUTE_NS {
            unaudited.minute = now;
            unaudited.noted.clear();
        }
        // Nobody is to push out of the log what was noted before.
        let is_new = unaudited.noted.len() < MOST_USERS;
        let of_user = unaudited.noted.entry(if is_new { uid } else { u32::MAX }).or_default();
        let is_flood = *of_user >= RECORDS_A_MINUTE && !(is_rare && is_granted);
        if is_flood || unaudited.records.len() >= MOST_RECORDS {
            unaudited.lost += 1;
            return;
        }
        *of_user += 1;
        unaudited.records.push(format!("init: {what} {end} (by user {uid}, process {pid})"));
        self.send_noted();
    }

    /// Sends what waits for the audit log, if the service is there.
    fn send_records(&mut self) {
        if self.auth_serves() && self.unaudited.lost > 0 {
            let lost = core::mem::take(&mut self.unaudited.lost);
            let text = format!("init: {lost} records were not noted: too many");
            self.unaudited.records.push(text);
        }
        self.send_noted();
    }

    fn send_noted(&mut self) {
        if !self.auth_serves() {
            return;
        }
        let records = core::mem::take(&mut self.unaudited.records);
        let place = self.auth_place();
        let Some(service) = place.and_then(|place| self.services.get_mut(place)) else { return };
        for record in records {
            let text = record.into_bytes().try_into().unwrap_or_default();
            service.tell(&ServiceCommand::Audit(Tell { text }));
        }
    }
}
