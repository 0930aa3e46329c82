//! The loop of a service process.

use super::broker_link::BrokerLink;
use super::sessions;
use crate::message::{
    Authenticate, Confined, Failed, Header, Message, Opened, Page, Pong, ServiceCommand,
    ServiceMessage, TellService, Told,
};
use crate::platform::{CONTROL_TOKEN, Channel, Machine, Packet};
use crate::service::{Broker, BrokeredRegion, RegionId, Sender, Service};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::platform::Poller;
use dataplane::service::{DataService, Reactor};
use dataplane::{Descriptor, SessionId};

/// Why a service did not serve to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeError {
    /// It could not start.
    Start(Errno),
    /// Its control channel cannot be watched.
    Poller,
    /// The broker is gone.
    BrokerGone,
    /// The broker said what no correct broker says.
    Protocol,
}

/// Where a service is in its life.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Serving,
    Stopped,
    Failed(Errno),
}

struct Runtime<S: Service + DataService> {
    service: Rc<S>,
    reactor: Reactor<S>,
    link: Rc<BrokerLink>,
    machine: Machine,
    phase: Rc<Cell<Phase>>,
}

/// Runs a service until the broker tells it to stop. `make` builds it from the machine and the
/// broker.
///
/// # Errors
/// [`ServeError`].
pub fn serve<S: Service + DataService>(
    channel: Arc<dyn Channel>,
    machine: Machine,
    poller: Box<dyn Poller>,
    make: impl FnOnce(Machine, Rc<dyn Broker>) -> S,
) -> Result<(), ServeError> {
    poller.add(&channel.source(), CONTROL_TOKEN).map_err(|_| ServeError::Poller)?;
    let link = Rc::new(BrokerLink::new(channel, Arc::clone(&machine.waiting)));
    let service = Rc::new(make(machine.clone(), link.clone()));
    let reactor = Reactor::new(Rc::clone(&service), Arc::clone(&machine.waiting), poller);
    let phase = Rc::new(Cell::new(Phase::Starting));
    Runtime { service, reactor, link, machine, phase }.run()
}

impl<S: Service + DataService> Runtime<S> {
    fn run(&mut self) -> Result<(), ServeError> {
        self.start();
        let mut tokens = Vec::new();
        loop {
            self.reactor.set_alarm(self.link.log.pump());
            for ended in self.reactor.turn(&mut tokens) {
                let session = ended.session.0.to_string();
                let what = &"a session was ended because its rings were corrupt";
                self.link.log(Level::Warning, what, &[("session", &session)]);
                self.link.session_ended(ended.session, ended.errno);
            }
            while let Some(refused) = self.machine.confinement.take_refused() {
                self.link.send(0, &ServiceMessage::Refused(refused));
            }
            if !tokens.is_empty() {
                tokens.clear();
                self.receive()?;
            }
            match self.phase.get() {
                Phase::Starting | Phase::Serving => {}
                Phase::Stopped => return Ok(()),
                Phase::Failed(errno) => return Err(ServeError::Start(errno)),
            }
        }
    }

    fn start(&mut self) {
        let (service, link) = (Rc::clone(&self.service), Rc::clone(&self.link));
        let phase = Rc::clone(&self.phase);
        let layers = self.machine.confinement.layers();
        self.reactor.spawn(Box::pin(async move {
            match service.start().await {
                Ok(()) => {
                    phase.set(Phase::Serving);
                    link.log(Level::Information, &"serves", &[]);
                    link.send(0, &ServiceMessage::Ready(Confined { layers }));
                }
                Err(errno) => phase.set(Phase::Failed(errno)),
            }
        }));
    }

    /// Takes every message that is there.
    fn receive(&mut self) -> Result<(), ServeError> {
        loop {
            match self.link.channel().receive() {
                Ok(Some(packet)) => self.obey(&packet)?,
                Ok(None) => return Ok(()),
                Err(_) => return Err(ServeError::BrokerGone),
            }
        }
    }

    fn obey(&mut self, packet: &Packet) -> Result<(), ServeError> {
        let (Header { request, .. }, command) =
            ServiceCommand::decode(&packet.bytes).map_err(|_| ServeError::Protocol)?;
        if command.descriptors() != packet.descriptors.len() {
            return Err(ServeError::Protocol);
        }
        let answer = match command {
            ServiceCommand::OpenSession(open) => {
                let opened = sessions::parts(&*self.machine.memory, &open, &packet.descriptors)
                    .and_then(|parts| self.reactor.open(parts).map_err(Errno::from));
                match opened {
                    Ok(root) => ServiceMessage::Opened(Opened { root }),
                    Err(errno) => failed(errno),
                }
            }
            ServiceCommand::CloseSession(named) => {
                self.reactor.close(named.session, None);
                self.acknowledge(request);
                return Ok(());
            }
            ServiceCommand::RevokeSession(named) => {
                let session = named.session.0.to_string();
                self.link.log(
                    Level::Information,
                    &"a session was revoked",
                    &[("session", &session)],
                );
                self.reactor.revoke(named.session);
                self.acknowledge(request);
                return Ok(());
            }
            ServiceCommand::SetCredential(set) => {
                let principal = sessions::principal(&set.credentials);
                match self.reactor.set_credential(set.session, set.index, principal) {
                    Ok(()) => ServiceMessage::Done,
                    Err(errno) => failed(errno),
                }
            }
            ServiceCommand::Ping => {
                let counters = self.reactor.counters();
                ServiceMessage::Pong(Pong {
                    accepted: counters.accepted,
                    completed: counters.completed,
                    errors: counters.errors,
                    quarantined: counters.quarantined,
                    sessions: counters.sessions,
                })
            }
            ServiceCommand::Statistics(from) => {
                let statistics = self.reactor.statistics(from.session);
                ServiceMessage::Statistics(Page::new(statistics.map(Into::into)))
            }
            ServiceCommand::Tell(tell) => {
                self.tell(request, tell, None);
                return Ok(());
            }
            ServiceCommand::TellWith(tell) => {
                self.tell(request, tell, packet.descriptors.first().cloned());
                return Ok(());
            }
            ServiceCommand::Connected(connected) => {
                self.link.log.connected(&self.machine, &connected, &packet.descriptors);
                return Ok(());
            }
            ServiceCommand::Pause => {
                self.reactor.pause();
                return Ok(());
            }
            ServiceCommand::Resume => {
                self.reactor.resume();
                return Ok(());
            }
            ServiceCommand::Authenticate(shown) => {
                self.authenticate(request, shown);
                return Ok(());
            }
            ServiceCommand::UserSession(named) => match self.service.goes_on(named.session) {
                true => ServiceMessage::Done,
                false => failed(Errno::EKEYREVOKED),
            },
            ServiceCommand::Audit(what) => {
                let service = Rc::clone(&self.service);
                self.reactor.spawn(Box::pin(async move { service.audit(&what.text).await }));
                return Ok(());
            }
            ServiceCommand::Stop => return self.stop(request),
            ServiceCommand::RegionCreated(created) => {
                let [descriptor] = packet.descriptors.as_slice() else {
                    return Err(ServeError::Protocol);
                };
                let id = RegionId(created.region);
                let descriptor = descriptor.clone();
                let region = BrokeredRegion { id, descriptor, bytes: created.bytes };
                self.link.answered(request, Ok(region));
                return Ok(());
            }
            ServiceCommand::Failed(failed) => {
                self.link.answered(request, Err(failed.errno));
                return Ok(());
            }
            ServiceCommand::Done => return Ok(()),
        };
        self.link.send(request, &answer);
        Ok(())
    }

    /// Says that a session has ended, as soon as nothing of it goes on.
    fn acknowledge(&mut self, request: u64) {
        let (service, link) = (Rc::clone(&self.service), Rc::clone(&self.link));
        self.reactor.spawn(Box::pin(async move {
            service.settled().await;
            link.send(request, &ServiceMessage::Done);
        }));
    }

    fn tell(&mut self, request: u64, tell: TellService, descriptor: Option<Descriptor>) {
        let (service, link) = (Rc::clone(&self.service), Rc::clone(&self.link));
        self.reactor.spawn(Box::pin(async move {
            let sender = Sender { rights: tell.rights, badge: tell.badge, identity: tell.sender };
            let told = match descriptor {
                None => service.handle_message(sender, &tell.text).await,
                Some(descriptor) => {
                    service.handle_message_with(sender, &tell.text, descriptor).await
                }
            };
            let text = told.and_then(|text| text.try_into().map_err(|_| Errno::E2BIG));
            link.send(
                request,
                &match text {
                    Ok(text) => ServiceMessage::Told(Told { text }),
                    Err(errno) => failed(errno),
                },
            );
        }));
    }

    fn authenticate(&mut self, request: u64, shown: Authenticate) {
        let (service, link) = (Rc::clone(&self.service), Rc::clone(&self.link));
        self.reactor.spawn(Box::pin(async move {
            let answer = match service.authenticate(shown.peer, &shown.token).await {
                Ok(authenticated) => ServiceMessage::Authenticated(authenticated),
                Err(errno) => failed(errno),
            };
            link.send(request, &answer);
        }));
    }

    fn stop(&mut self, request: u64) -> Result<(), ServeError> {
        let (service, link) = (Rc::clone(&self.service), Rc::clone(&self.link));
        let phase = Rc::clone(&self.phase);
        self.reactor.spawn(Box::pin(async move {
            service.stop().await;
            link.send(request, &ServiceMessage::Done);
            phase.set(Phase::Stopped);
        }));
        Ok(())
    }
}

fn failed(errno: Errno) -> ServiceMessage {
    ServiceMessage::Failed(Failed::new(errno, errno.text()))
}

/// Sessions and foreign sources share the poller's tokens.
const _: () = assert!(CONTROL_TOKEN.0 > SessionId(u64::MAX - 1).0);
