//! Watching over the services: signs of life, deadlines, what operators want of them.
//!
//! ```text
//!   asked ──▶ answers in time ──▶ asked again after a while
//!     └─────▶ does not ──▶ asked by a signal where it is ──▶ says so, or not ──▶ killed
//! ```

use crate::commands::Refused;
use crate::init::{Init, Outcome};
use crate::records::SERVICE;
use crate::services::{Awaited, Pulse};
use alloc::format;
use alloc::vec::Vec;
use control::message::{ServiceAction, ServiceCommand, ServiceState};
use dataplane::entry::Errno;
use dataplane::platform::Instant;

/// How long a service may take to be gone when it is killed, ns.
const DIE_WITHIN_NS: u64 = 5_000_000_000;
/// The code of an end by force.
const KILLED: i32 = -9;
/// How long a service that gives no sign of life may take to say where it is, ns.
const SAY_WHERE_WITHIN_NS: u64 = 500_000_000;

impl Init {
    /// When something is to be done about a service.
    pub(crate) fn next_supervision(&self) -> Option<Instant> {
        let deadlines = |service: &crate::services::Service| {
            // One that waits for what it needs is started when that is ready.
            let waits = service.state == ServiceState::Restarting && !self.has_needs(service);
            let own = service.deadline.filter(|_| !waits);
            own.into_iter().chain(service.pulse.deadline()).min()
        };
        self.services.iter().filter_map(deadlines).min()
    }

    fn has_needs(&self, service: &crate::services::Service) -> bool {
        let serves = |at: &usize| self.services.get(*at).is_some_and(|needed| needed.serves());
        service.needs.iter().all(serves)
    }

    /// Does what is due.
    pub(crate) fn supervise(&mut self) {
        for place in 0..self.services.len() {
            let now = self.machine.waiting.now();
            let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            let Some(service) = self.services.get(place) else { return };
            let (late, asked) = (is_due(service.deadline), is_due(service.pulse.deadline()));
            if late || asked {
                // The answer may have come, and init not have been quick enough to see it.
                self.serve_service(place);
            }
            if late {
                self.too_late(place, now);
            }
            if asked {
                self.feel_pulse(place, now);
            }
        }
        self.start_what_can();
    }

    /// A service is not ready, or has not stopped, by its deadline.
    fn too_late(&mut self, place: usize, now: Instant) {
        let Some(service) = self.services.get_mut(place) else { return };
        let is_waited_for =
            matches!(service.state, ServiceState::Starting | ServiceState::Stopping);
        if !is_waited_for || service.deadline.is_none_or(|at| at > now) {
            return;
        }
        if service.is_killed {
            // Not even that has ended it: the kernel holds it. The system goes on without.
            self.service_ended(place, KILLED);
        } else {
            service.deadline = Some(now.after_ns(DIE_WITHIN_NS));
            self.fail_service(place);
        }
    }

    fn feel_pulse(&mut self, place: usize, now: Instant) {
        let Some(service) = self.services.get_mut(place) else { return };
        match service.pulse {
            Pulse::AskAt(at) if at <= now => {
                service.pulse = Pulse::AnswerBy(now.after_ns(service.unit.heartbeat_ns));
                service.ask(&ServiceCommand::Ping, Vec::new(), Awaited::Heartbeat);
            }
            Pulse::AnswerBy(at) if at <= now && service.is_endpoint() => self.end_endpoint(place),
            Pulse::AnswerBy(at) if at <= now => {
                service.pulse = Pulse::SayWhereBy(now.after_ns(SAY_WHERE_WITHIN_NS));
                self.machine.spawning.interrogate(service.pid);
            }
            Pulse::SayWhereBy(at) if at <= now => self.end_hung(place, &[]),
            _ => {}
        }
    }

    /// A service has given a sign of life.
    pub(crate) fn is_alive(&mut self, place: usize) {
        let now = self.machine.waiting.now();
        if let Some(service) = self.services.get_mut(place)
            && matches!(service.pulse, Pulse::AnswerBy(_))
        {
            service.pulse = Pulse::AskAt(now.after_ns(service.unit.heartbeat_ns / 2));
        }
    }

    /// A service that gave no sign of life has said where it is.
    pub(crate) fn said_where(&mut self, place: usize, frames: &[u64]) {
        let service = self.services.get(place);
        if service.is_some_and(|service| matches!(service.pulse, Pulse::SayWhereBy(_))) {
            self.end_hung(place, frames);
        }
    }

    fn end_hung(&mut self, place: usize, frames: &[u64]) {
        self.touch(SERVICE, place as u64);
        let Some(service) = self.services.get_mut(place) else { return };
        let seconds = service.unit.heartbeat_ns / 1_000_000_000;
        let head = format!("incarnation {} gave no sign of life for {seconds} s", service.epoch);
        service.last_words = match frames {
            [] => format!("{head}, and did not say where it was"),
            _ => format!("{head}; it was at\n{}", self.machine.spawning.describe(frames)),
        };
        service.pulse = Pulse::None;
        service.hung += 1;
        self.fail_service(place);
    }

    /// Starts, stops, or stops and starts a service, as an operator wants.
    pub(crate) fn control_service(
        &mut self,
        place: usize,
        action: ServiceAction,
    ) -> Result<(), Refused> {
        self.touch(SERVICE, place as u64);
        let service = self.services.get_mut(place).ok_or(crate::commands::NOT_HELD)?;
        if !service.is_unit() {
            return Err((Errno::EOPNOTSUPP, "a client serves this: it is not init's to control"));
        }
        let runs = service.is_running();
        if action == ServiceAction::Start && runs && service.state != ServiceState::Stopping {
            return Err((Errno::EALREADY, "the service is running"));
        }
        service.starts_again = action != ServiceAction::Stop;
        service.lives.forgive();
        if !runs || action != ServiceAction::Start {
            self.stop_service(place);
        }
        self.start_what_can();
        Ok(())
    }

    /// Asks the loop to end; an operator's signal, or a client's message.
    pub(crate) fn begin_stop(&mut self, outcome: Outcome) {
        let now = self.machine.waiting.now();
        if self.stopping.is_none() {
            (self.stopping, self.outcome) = (Some(now), outcome);
        }
    }
}
