//! A service's end of its control channel: what it asks the broker, and the answers.

use super::log::Log;
use crate::message::{
    CreateRegion, Deauthenticate, DestroyRegion, Header, Message, Offer, ServiceMessage,
    SessionEnded, Withdraw,
};
use crate::platform::{Channel, ChannelError, Packet};
use crate::service::{Broker, BrokeredRegion, LocalFuture, RegionId};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt::Display;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use dataplane::SessionId;
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::platform::Waiting;

/// The answer to a request for a region, when it has come, and who waits for it.
#[derive(Default)]
struct Pending {
    answer: Option<Result<BrokeredRegion, Errno>>,
    waker: Option<Waker>,
}

pub(super) struct BrokerLink {
    line: Line,
    next_request: Cell<u64>,
    pending: Rc<RefCell<BTreeMap<u64, Pending>>>,
    pub(super) log: Log,
}

/// The channel to the broker.
#[derive(Clone)]
struct Line {
    channel: Arc<dyn Channel>,
    waiting: Arc<dyn Waiting>,
}

impl Line {
    fn send(&self, request: u64, message: &ServiceMessage) {
        let bytes = message.encode(Header::new(request));
        let packet = Packet { bytes, descriptors: Vec::new() };
        while self.channel.send(&packet) == Err(ChannelError::Full) {
            self.waiting.yield_now();
        }
    }

    fn destroy_region(&self, region: RegionId) {
        let destroy = DestroyRegion { region: region.0 };
        self.send(0, &ServiceMessage::DestroyRegion(destroy));
    }
}

impl BrokerLink {
    pub(super) fn new(channel: Arc<dyn Channel>, waiting: Arc<dyn Waiting>) -> Self {
        let log = Log::new(Arc::clone(&waiting));
        let line = Line { channel, waiting };
        Self { line, next_request: Cell::new(1), pending: Rc::default(), log }
    }

    pub(super) fn channel(&self) -> &Arc<dyn Channel> {
        &self.line.channel
    }

    /// Sends a message. Waits if the channel is full: the broker always reads, and never waits
    /// for a service. If the broker is gone, the loop around this ends on its own.
    pub(super) fn send(&self, request: u64, message: &ServiceMessage) {
        self.line.send(request, message);
    }

    pub(super) fn session_ended(&self, session: SessionId, reason: Errno) {
        let ended = SessionEnded { session, reason: Some(reason) };
        self.send(0, &ServiceMessage::SessionEnded(ended));
    }

    /// The broker has answered a request of ours.
    pub(super) fn answered(&self, request: u64, answer: Result<BrokeredRegion, Errno>) {
        let mut all = self.pending.borrow_mut();
        let Some(pending) = all.get_mut(&request) else {
            drop(all);
            // Nobody waits for it any more.
            if let Ok(region) = answer {
                self.line.destroy_region(region.id);
            }
            return;
        };
        pending.answer = Some(answer);
        if let Some(waker) = pending.waker.take() {
            waker.wake();
        }
    }
}

/// Forgets a request whose future was dropped, and gives back what it was answered with.
struct Forget {
    request: u64,
    pending: Rc<RefCell<BTreeMap<u64, Pending>>>,
    line: Line,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let pending = self.pending.borrow_mut().remove(&self.request);
        if let Some(Ok(region)) = pending.and_then(|pending| pending.answer) {
            self.line.destroy_region(region.id);
        }
    }
}

impl Broker for BrokerLink {
    fn create_region(&self, bytes: u64) -> LocalFuture<'static, Result<BrokeredRegion, Errno>> {
        let request = self.next_request.get();
        self.next_request.set(request + 1);
        let pending = Rc::clone(&self.pending);
        pending.borrow_mut().insert(request, Pending::default());
        self.send(request, &ServiceMessage::CreateRegion(CreateRegion { bytes }));
        let forget = Forget { request, pending, line: self.line.clone() };
        Box::pin(poll_fn(move |context| {
            let mut pending = forget.pending.borrow_mut();
            let Some(entry) = pending.get_mut(&forget.request) else {
                return Poll::Ready(Err(Errno::EIO));
            };
            match entry.answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => {
                    entry.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }

    fn destroy_region(&self, region: RegionId) {
        self.line.destroy_region(region);
    }

    fn offer(&self, session: SessionId, grant: u32, region: RegionId) {
        self.send(0, &ServiceMessage::Offer(Offer { session, region: region.0, grant }));
    }

    fn log(&self, level: Level, message: &dyn Display, fields: &[(&str, &str)]) {
        self.log.log(level, message, fields);
    }

    fn withdraw(&self, session: SessionId, grant: u32) {
        self.send(0, &ServiceMessage::Withdraw(Withdraw { session, grant }));
    }

    fn deauthenticate(&self, session: u64) {
        self.send(0, &ServiceMessage::Deauthenticate(Deauthenticate { session }));
    }
}
