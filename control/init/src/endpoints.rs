//! Endpoints: services that clients serve, as init's own are served, for those to whom they hand a
//! capability; for everybody, once they are registered.
//!
//! An endpoint has a place among the services, behind those of the units. init neither starts nor
//! kills who serves it: where a service would be killed, its channel is closed and all its sessions
//! are over. It ends with its channel and with the connection of its maker, and all capabilities for
//! it end with it.

use crate::clients::{NOBODY, Object};
use crate::commands::{NOT_HELD, Refused};
use crate::init::Init;
use crate::outbox::Outbox;
use crate::records::{ENDPOINT, SERVICE, UNIT, Words};
use crate::services::{Provider, Service};
use crate::tokens::Source;
use alloc::vec::Vec;
use capability::{Handle, Rights, SpaceId, UNBADGED};
use control::message::{BrokerReply, Derived, Name, ServiceCommand, ServiceState};
use dataplane::entry::Errno;

/// Most endpoints of one client, and of all together.
const MOST_OF_CLIENT: usize = 8;
const MOST: usize = 64;
/// Names that are init's own to give.
const RESERVED: [&str; 3] = ["init", "auth", "logger"];
/// The end of what init did not start, for the log.
const HUNG_UP: i32 = 0;

impl Init {
    /// Makes an endpoint, which this client serves.
    pub(crate) fn create_endpoint(
        &mut self,
        id: u64,
        request: u64,
        name: Name,
    ) -> Result<(), Refused> {
        const EXHAUSTED: Refused = (Errno::ENOMEM, "no descriptor for an endpoint");
        let taken = self.services.iter().any(|service| service.is_there() && service.name == name);
        if taken || RESERVED.contains(&name.as_str()) {
            return Err((Errno::EEXIST, "the name is taken: choose another one"));
        }
        let makers = self.services.iter().filter_map(|service| service.provider.client());
        let (mut all, mut of_client) = (0, 0);
        makers.for_each(|maker| (all, of_client) = (all + 1, of_client + usize::from(maker == id)));
        if all >= MOST || of_client >= MOST_OF_CLIENT {
            return Err((Errno::EDQUOT, "as many endpoints as may be are there"));
        }
        let client = self.clients.get(&id).ok_or(NOT_HELD)?;
        let (space, pid) = (client.space, client.peer.pid);
        let (channel, others) = self.machine.pairing.half().map_err(|_| EXHAUSTED)?;
        let free = self.services.iter().position(|service| !service.is_there());
        let place = free.unwrap_or(self.services.len());
        let source = channel.source();
        self.machine.poller.add(&source, Source::Service(place).token()).map_err(|_| EXHAUSTED)?;
        let given = self.give_endpoint(place, space);
        let Ok((capability, handle)) = given else {
            self.machine.poller.remove(&source);
            return Err((Errno::EDQUOT, "this client holds as many capabilities as it may"));
        };
        let now = self.machine.waiting.now();
        let provider = Provider::Client { id, is_registered: false };
        let mut service = Service::endpoint(name, capability, provider);
        service.epoch = self.services.get(place).map_or(0, |before| before.epoch) + 1;
        (service.pid, service.spawned) = (pid, now);
        service.state = ServiceState::Starting;
        service.deadline = Some(now.after_ns(service.unit.start_within_ns));
        service.outbox = Some(Outbox::new(channel));
        match self.services.get_mut(place) {
            Some(free) => *free = service,
            None => self.services.push(service),
        }
        self.keep(ENDPOINT, place as u64, &[source]);
        self.touch(SERVICE, place as u64);
        self.touch(UNIT, place as u64);
        self.reply_with(id, request, &BrokerReply::Endpoint(Derived { handle }), [others].into());
        Ok(())
    }

    /// Makes init's own capability for an endpoint, and its maker's.
    fn give_endpoint(
        &mut self,
        place: usize,
        space: SpaceId,
    ) -> Result<(Handle, Handle), capability::Error> {
        let object = Object::Service(place);
        let own = self.capabilities.mint(self.own, object, Rights::all(), UNBADGED)?;
        let rights = self.policy.endpoint_rights() | Rights::AUDIT;
        match self.capabilities.grant(self.own, own, space, rights, UNBADGED) {
            Ok(handle) => Ok((own, handle)),
            Err(error) => {
                let _ = self.capabilities.delete(self.own, own);
                Err(error)
            }
        }
    }

    /// Has all that greet from now on hold a capability for an endpoint.
    pub(crate) fn register(
        &mut self,
        id: u64,
        request: u64,
        endpoint: Handle,
    ) -> Result<(), Refused> {
        const NO_ENDPOINT: Refused =
            (Errno::ENOENT, "there is no such endpoint that this client serves");
        let space = self.clients.get(&id).ok_or(NOT_HELD)?.space;
        let found = self.capabilities.lookup(space, endpoint, Rights::empty());
        let Ok(Object::Service(place)) = found.map(|found| *found.object) else {
            return Err(NO_ENDPOINT);
        };
        let service = self.services.get_mut(place).ok_or(NO_ENDPOINT)?;
        if service.provider.client() != Some(id) {
            return Err(NO_ENDPOINT);
        }
        service.provider = Provider::Client { id, is_registered: true };
        self.touch(ENDPOINT, place as u64);
        self.reply(id, request, &BrokerReply::Done);
        Ok(())
    }

    /// Ends what a client serves, as if it had hung up; nothing if it is no endpoint's place.
    pub(crate) fn end_endpoint(&mut self, place: usize) {
        if self.services.get(place).is_some_and(Service::is_endpoint) {
            self.service_ended(place, HUNG_UP);
        }
    }

    /// A client has gone: nobody serves its endpoints any more.
    pub(crate) fn end_endpoints_of(&mut self, client: u64) {
        let is_of = |service: &Service| service.provider.client() == Some(client);
        let places = (0..).zip(&self.services).filter(|(_, service)| is_of(service));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        places.into_iter().for_each(|place| self.end_endpoint(place));
    }

    /// The system stops: who serves an endpoint is told, and not waited for.
    pub(crate) fn stop_endpoints(&mut self) {
        for place in 0..self.services.len() {
            if let Some(service) = self.services.get_mut(place).filter(|it| it.is_endpoint()) {
                service.tell(&ServiceCommand::Stop);
            }
            self.end_endpoint(place);
        }
    }

    /// An endpoint has ended: nobody holds it any more, and its place is free.
    pub(crate) fn forget_endpoint(&mut self, place: usize) {
        let Some(service) = self.services.get_mut(place).filter(|it| it.is_endpoint()) else {
            return;
        };
        service.provider = Provider::Nobody;
        let capability = service.capability;
        self.touch(SERVICE, place as u64);
        self.touch(ENDPOINT, place as u64);
        if let Ok(removed) = self.capabilities.revoke(self.own, capability) {
            self.end_what_stood_on(NOBODY, 0, &removed);
        }
    }

    /// Whether this place of the journal is of an endpoint.
    pub(crate) fn is_endpoint(&self, place: u64) -> bool {
        let place = usize::try_from(place).ok();
        place.and_then(|place| self.services.get(place)).is_some_and(Service::is_endpoint)
    }

    /// Who ran the service at a place of an earlier init.
    pub(crate) fn saved_provider(&self, place: usize) -> Provider {
        let Some(records) = &self.records else { return Provider::Unit };
        let mut saved = records.journal.of_kind(ENDPOINT);
        let value = saved.find(|(at, _)| *at == place as u64).map(|(_, value)| value);
        let words = &mut Words::new(value.unwrap_or_default());
        match (words.word(), words.word()) {
            (None, _) => Provider::Unit,
            (Some(id), Some(registered)) => Provider::Client { id, is_registered: registered != 0 },
            (Some(_), None) => Provider::Nobody,
        }
    }

    /// Ends the endpoints whose makers have gone while there was no init.
    pub(crate) fn end_orphaned_endpoints(&mut self) {
        let makers = self.services.iter().filter_map(|service| service.provider.client());
        let gone: Vec<u64> = makers.filter(|id| !self.clients.contains_key(id)).collect();
        gone.into_iter().for_each(|id| self.end_endpoints_of(id));
    }
}

/// What the journal says of who runs a service: nothing of a unit's, a word of a free place, and of an
/// endpoint the client's number, and 1 if it is registered, else 0.
pub(crate) fn words(service: &Service) -> Option<Vec<u64>> {
    match service.provider {
        Provider::Unit => None,
        Provider::Nobody => Some([0].into()),
        Provider::Client { id, is_registered } => Some([id, u64::from(is_registered)].into()),
    }
}
