//! Services from their start to their end: in dependency order, and in reverse.

use crate::clients::Standing;
use crate::init::{Init, InitError, StartReport};
use crate::lives::{End, Next};
use crate::outbox::Outbox;
use crate::records::{REGION, SERVICE, SESSION, keeper_key};
use crate::services::{Awaited, Pulse, Service};
use crate::sessions::Phase;
use crate::tokens::Source;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use control::message::{Pong, ServiceCommand, ServiceStart, ServiceState};
use dataplane::Descriptor;
use dataplane::log::Level;
use dataplane::platform::Instant;

/// What a service has ended with that does not speak its protocol, or was never there.
const CANNOT_SPEAK: i32 = -1;

impl Init {
    /// Starts every service, those that do not need each other at the same time. Returns when each
    /// is ready, or has failed once, or cannot be started because of one that has.
    ///
    /// # Errors
    /// [`InitError::Service`], if none is ready; all are stopped again.
    pub fn start(&mut self) -> Result<StartReport, InitError> {
        self.started = self.machine.waiting.now();
        let mut ready = Vec::new();
        self.start_what_can();
        while !(0..self.services.len()).all(|place| self.is_settled(place)) {
            self.machine.poller.wait(self.next_supervision(), &mut ready);
            ready.drain(..).for_each(|token| self.handle(Source::from_token(token)));
            self.supervise();
            if self.stopping.is_some() {
                break;
            }
        }
        let is_ready = |service: &Service| service.serves();
        if self.stopping.is_some() || !self.services.iter().any(is_ready) {
            let missing = self.services.iter().find(|service| !service.serves());
            let name = missing.map(|service| service.unit.name.clone()).unwrap_or_default();
            self.stop();
            return Err(InitError::Service { name });
        }
        Ok(self.start_report())
    }

    fn start_report(&self) -> StartReport {
        let since = |at: Instant| at.since_ns(self.started);
        let number = |place: usize| u16::try_from(place + 1).unwrap_or(0);
        let report = |service: &Service| ServiceStart {
            name: service.name,
            spawned_ns: since(service.spawned),
            ready_ns: since(service.ready),
            resident_bytes: self.resident_bytes(service),
            waited_for: service.waited_for.map_or(0, number),
            state: service.state,
        };
        StartReport {
            services: self.services.iter().map(report).collect(),
            total_ns: since(self.machine.waiting.now()),
        }
    }

    pub(crate) fn resident_bytes(&self, service: &Service) -> u64 {
        let is_known = service.is_running() && service.is_unit();
        if is_known { self.machine.spawning.resident_bytes(service.pid) } else { 0 }
    }

    /// Whether nothing more will come of a service by itself, or it has failed once.
    fn is_settled(&self, place: usize) -> bool {
        // As many steps as there are services reach whatever it depends on.
        let mut waits = alloc::vec![place];
        for _ in 0..=self.services.len() {
            let Some(service) = waits.pop().and_then(|at| self.services.get(at)) else {
                return true;
            };
            match service.state {
                ServiceState::Starting | ServiceState::Stopping => return false,
                ServiceState::Stopped if service.starts_again => {
                    let missing = |at: &&usize| {
                        self.services.get(**at).is_some_and(|needed| !needed.serves())
                    };
                    match service.needs.iter().find(missing) {
                        Some(needed) => waits.push(*needed),
                        None => return false,
                    }
                }
                _ => return true,
            }
        }
        true
    }

    /// Starts what is to be started and has what it needs; nothing while the system stops.
    pub(crate) fn start_what_can(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        for place in 0..self.services.len() {
            if self.can_start(place) {
                self.start_service(place);
            }
        }
    }

    fn can_start(&self, place: usize) -> bool {
        let Some(service) = self.services.get(place) else { return false };
        let wanted = match service.state {
            ServiceState::Stopped => service.starts_again,
            ServiceState::Restarting => {
                service.deadline.is_none_or(|at| at <= self.machine.waiting.now())
            }
            _ => false,
        };
        let is_there = |at: &usize| self.services.get(*at).is_some_and(Service::serves);
        let is_decided = |at: &usize| is_there(at) || self.is_settled(*at);
        wanted && service.needs.iter().all(is_there) && service.after.iter().all(is_decided)
    }

    fn start_service(&mut self, place: usize) {
        self.touch(SERVICE, place as u64);
        let now = self.machine.waiting.now();
        let Some(service) = self.services.get(place) else { return };
        let ready_at = |at: &usize| self.services.get(*at).map(|other| other.ready);
        let last = service.needs.iter().chain(&service.after).max_by_key(|at| ready_at(at));
        let waited_for = last.copied();
        let started = self.machine.spawning.spawn(&service.unit);
        let Some(service) = self.services.get_mut(place) else { return };
        if service.epoch > 0 {
            service.lives.restarts += 1;
        }
        service.epoch += 1;
        service.starts_again = false;
        service.has_worked = false;
        service.is_killed = false;
        service.counters = Pong::default();
        (service.waited_for, service.spawned, service.ready) = (waited_for, now, Instant(0));
        let Ok(started) = started else { return self.bury(place, CANNOT_SPEAK) };
        let watch = |source: &Descriptor, token: Source| {
            self.machine.poller.add(source, token.token()).is_ok()
        };
        let watched = watch(&started.channel.source(), Source::Service(place))
            && watch(&started.exit, Source::Exit(place));
        service.state = ServiceState::Starting;
        service.deadline = Some(now.after_ns(service.unit.start_within_ns));
        service.pid = started.pid;
        service.confinement = started.limits;
        service.outbox = Some(Outbox::new(started.channel));
        service.exit = Some(started.exit);
        if !watched {
            self.fail_service(place);
        }
        self.commit();
    }

    /// A service says that it serves.
    pub(crate) fn service_ready(&mut self, place: usize) {
        self.touch(SERVICE, place as u64);
        let now = self.machine.waiting.now();
        let Some(service) = self.services.get_mut(place) else { return };
        if service.state != ServiceState::Starting {
            return;
        }
        (service.state, service.ready, service.deadline) = (ServiceState::Ready, now, None);
        service.pulse = match service.unit.heartbeat_ns {
            0 => Pulse::None,
            within => Pulse::AskAt(now.after_ns(within / 2)),
        };
        let name = service.unit.name.clone();
        let took = format!("{} us", now.since_ns(service.spawned) / 1000);
        let pid = service.pid.to_string();
        let fields = [("pid", &*pid), ("took", &*took)];
        self.log(Level::Information, format!("service {name} is ready"), &fields);
        self.connect_to_logger();
        self.auth_is_ready(place);
        self.pause_or_resume();
        self.start_what_can();
    }

    /// Pauses who misses what it needs, and lets go on who has it again.
    fn pause_or_resume(&mut self) {
        let serves: Vec<bool> = self.services.iter().map(Service::serves).collect();
        (0..self.services.len() as u64).for_each(|place| self.touch(SERVICE, place));
        for service in self.services.iter_mut().filter(|service| service.serves()) {
            let complete = service.needs.iter().all(|at| serves.get(*at) == Some(&true));
            match (service.state, complete) {
                (ServiceState::Ready, false) => {
                    service.state = ServiceState::Paused;
                    service.tell(&ServiceCommand::Pause);
                }
                (ServiceState::Paused, true) => {
                    service.state = ServiceState::Ready;
                    service.tell(&ServiceCommand::Resume);
                }
                _ => {}
            }
        }
    }

    /// Stops the services in reverse order, each at a deadline by force.
    pub fn stop(&mut self) {
        let now = self.machine.waiting.now();
        self.stopping.get_or_insert(now);
        self.stop_endpoints();
        for place in self.order.clone().into_iter().rev() {
            self.stop_and_wait(place);
        }
        // A client that waits for the end sees its connection close.
        self.clients.clear();
        self.sessions.clear();
    }

    fn stop_and_wait(&mut self, place: usize) {
        self.stop_service(place);
        let mut ready = Vec::new();
        while self.services.get(place).is_some_and(Service::is_running) {
            self.machine.poller.wait(self.next_supervision(), &mut ready);
            ready.drain(..).for_each(|token| self.handle(Source::from_token(token)));
            self.supervise();
        }
    }

    /// Tells a service to stop.
    pub(crate) fn stop_service(&mut self, place: usize) {
        self.touch(SERVICE, place as u64);
        let now = self.machine.waiting.now();
        let Some(service) = self.services.get_mut(place) else { return };
        service.pulse = Pulse::None;
        if !service.is_running() {
            (service.state, service.deadline) = (ServiceState::Stopped, None);
            return;
        }
        if service.state == ServiceState::Stopping {
            return;
        }
        service.state = ServiceState::Stopping;
        service.deadline = Some(now.after_ns(service.unit.stop_within_ns));
        for id in service.sessions.clone() {
            self.close_session(id);
        }
        if let Some(service) = self.services.get_mut(place) {
            service.ask(&ServiceCommand::Stop, Vec::new(), Awaited::Stopped);
        }
        self.pause_or_resume();
    }

    /// Ends a service that cannot be trusted to end itself.
    pub(crate) fn fail_service(&mut self, place: usize) {
        if self.services.get(place).is_some_and(Service::is_endpoint) {
            return self.end_endpoint(place);
        }
        self.touch(SERVICE, place as u64);
        if let Some(service) = self.services.get_mut(place) {
            service.is_killed = true;
            self.machine.spawning.kill(service.pid);
        }
        self.check_exit(place);
    }

    pub(crate) fn check_exit(&mut self, place: usize) {
        let Some(service) = self.services.get(place).filter(|service| service.is_running()) else {
            return;
        };
        if service.is_endpoint() {
            self.end_endpoint(place);
        } else if let Some(code) = self.machine.spawning.reap(service.pid) {
            self.service_ended(place, code);
        }
    }

    /// A service has ended, as told or not.
    pub(crate) fn service_ended(&mut self, place: usize, code: i32) {
        let Some(service) = self.services.get_mut(place) else { return };
        let told = service.state == ServiceState::Stopping;
        if let Some(outbox) = service.outbox.take() {
            self.machine.poller.remove(&outbox.channel().source());
        }
        if let Some(exit) = service.exit.take() {
            self.machine.poller.remove(&exit);
        }
        let abandoned = service.abandon();
        let sessions = core::mem::take(&mut service.sessions);
        let memory = &*self.machine.memory;
        let completed = |id| self.sessions.get(id).is_some_and(|it| it.has_completed(memory));
        service.has_worked |= service.counters.completed > 0 || sessions.iter().any(completed);
        self.bury(place, code);
        self.close_held(place);
        for region in self.grants.forget(place) {
            self.touch(REGION, region);
        }
        for id in sessions {
            self.touch(SESSION, id.0);
            if let Some(session) = self.sessions.get_mut(&id) {
                let left = match told {
                    true => Vec::new(),
                    false => session.mark_dead(&*self.machine.waiting, &*self.machine.memory),
                };
                let keeper = self.records.as_ref().map(|records| &records.keeper);
                for (offset, value) in left {
                    keeper.inspect(|it| it.poke(keeper_key(SESSION, id.0), offset, value));
                }
                session.phase = match session.phase {
                    Phase::Opening { request } => Phase::Opening { request },
                    _ => Phase::Over,
                };
            }
            self.session_over(id);
        }
        for (number, awaited) in abandoned {
            self.abandoned(awaited);
            self.answer_ended(Standing::Message { place, number });
        }
        self.forget_endpoint(place);
        self.pause_or_resume();
        self.start_what_can();
    }

    /// Decides what comes after a service's end.
    fn bury(&mut self, place: usize, code: i32) {
        self.touch(SERVICE, place as u64);
        let now = self.machine.waiting.now();
        let Some(service) = self.services.get_mut(place) else { return };
        (service.pulse, service.deadline) = (Pulse::None, None);
        if service.state == ServiceState::Stopping {
            service.state = ServiceState::Stopped;
            return;
        }
        let ready = (service.ready != Instant(0)).then_some(service.ready);
        let end = End { at: now, code, ready, had_worked: service.has_worked };
        let next = service.lives.ended(end, service.unit.restart);
        (service.state, service.deadline) = match next {
            Next::StartAt(at) => (ServiceState::Restarting, Some(at)),
            Next::Quarantine => (ServiceState::Quarantined, None),
            Next::Nothing { failed: true } => (ServiceState::Failed, None),
            Next::Nothing { failed: false } => (ServiceState::Stopped, None),
        };
        self.log_end(place, code, next, now);
    }

    fn log_end(&mut self, place: usize, code: i32, next: Next, now: Instant) {
        let Some(service) = self.services.get(place) else { return };
        if service.is_endpoint() {
            let (name, pid) = (service.name.as_str().to_owned(), service.pid.to_string());
            return self.log(
                Level::Information,
                format!("endpoint {name} is gone"),
                &[("pid", &*pid)],
            );
        }
        let how = match code {
            signal @ ..0 => format!("was ended by signal {}", -signal),
            code => format!("has ended with exit code {code}"),
        };
        let what_next = match next {
            Next::StartAt(at) if at <= now => "it is started again at once".to_owned(),
            Next::StartAt(at) => {
                format!("it is started again in {} ms", at.since_ns(now) / 1_000_000)
            }
            Next::Quarantine => "it is quarantined: it has ended too often".to_owned(),
            Next::Nothing { .. } => "it is not started again".to_owned(),
        };
        let text = format!("service {} {how}; {what_next}", service.unit.name);
        let (pid, words) = (service.pid.to_string(), service.last_words.clone());
        let level = if code == 0 { Level::Information } else { Level::Error };
        let fields: &[_] = if words.is_empty() || !service.is_killed {
            &[("pid", &*pid)]
        } else {
            &[("pid", &*pid), ("last_words", &*words)]
        };
        self.log(level, text, fields);
    }
}
