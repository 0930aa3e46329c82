//! A reactor and its clients, on one thread; whatever happens, the rules that hold at all times
//! are checked after each turn.

use crate::support::machine::{FOREIGN, FakeDoorbell, FakePoller, FakeTime};
use crate::support::service::FakeService;
use crate::support::session::{Blocks, Plan, QueueBlocks, notify, submit, take};
use dataplane::entry::{Cqe, CqeFlags, Errno, Opcode, Sqe};
use dataplane::platform::{Doorbell, Instant, Token, Waiting};
use dataplane::service::{Ended, Reactor};
use dataplane::{Owner, SessionId, WaitMode};
use rings::{ClientQueue, Full, Geometry};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// One queue of a client.
pub(crate) struct Lane {
    pub(crate) client: ClientQueue<Owner>,
    pub(crate) blocks: QueueBlocks,
    pub(crate) doorbell: Arc<FakeDoorbell>,
    /// Submitted, and not yet seen completed.
    pub(crate) outstanding: BTreeMap<u64, Sqe>,
    /// Set while the client sleeps: the value of the word it sleeps on.
    pub(crate) asleep: Option<u64>,
    watch: Rc<RefCell<Watch>>,
}

/// What the poller must know of a lane to judge a sleep.
struct Watch {
    blocks: QueueBlocks,
    submitted: u64,
    seen_accepted: u64,
    /// When each accepted timeout is due, by index in the submission ring.
    due: BTreeMap<u64, Instant>,
}

impl Watch {
    fn must_not_sleep(&self) -> bool {
        self.blocks.accepted() < self.submitted && self.blocks.spare() > 0
    }

    fn next_due(&self) -> Option<Instant> {
        let in_flight = self.blocks.in_flight();
        in_flight.iter().filter_map(|(index, _)| self.due.get(index)).min().copied()
    }

    /// Notes when timeouts that were accepted since are due.
    fn note(&mut self, now: Instant) {
        let accepted = self.blocks.accepted();
        for (index, sqe) in self.blocks.in_flight() {
            if index >= self.seen_accepted && sqe.opcode() == Opcode::Timeout {
                let relative = sqe.op_flags == 0;
                let at = if relative { now.after_ns(sqe.arg0) } else { Instant(sqe.arg0) };
                self.due.insert(index, at);
            }
        }
        self.seen_accepted = accepted;
    }
}

impl Lane {
    /// Submits, and rings if the service sleeps.
    pub(crate) fn submit(&mut self, sqe: &Sqe) -> Result<(), Full> {
        assert!(!self.outstanding.contains_key(&sqe.user_data), "the test reuses user data");
        submit(&mut self.client, &self.doorbell, sqe)?;
        self.watch.borrow_mut().submitted += 1;
        self.outstanding.insert(sqe.user_data, *sqe);
        Ok(())
    }

    /// Takes a completion, which must be of a request that has not ended.
    pub(crate) fn take(&mut self) -> Option<(Sqe, Cqe)> {
        let cqe = take(&mut self.client).unwrap()?;
        let sqe = self.outstanding.get(&cqe.user_data).copied();
        let sqe = sqe.unwrap_or_else(|| panic!("{cqe:?} answers nothing that was asked"));
        if cqe.flags().contains(CqeFlags::MORE) {
            assert_eq!(sqe.opcode(), Opcode::Watch, "one request, one completion");
        } else {
            self.outstanding.remove(&cqe.user_data);
        }
        Some((sqe, cqe))
    }

    /// Takes all there is, and tells the service.
    pub(crate) fn take_all(&mut self) -> Vec<(Sqe, Cqe)> {
        let taken: Vec<_> = std::iter::from_fn(|| self.take()).collect();
        self.client.publish_cq_head();
        notify(&mut self.client, &self.doorbell);
        taken
    }

    /// Goes to sleep unless something is there.
    pub(crate) fn sleep(&mut self, time: &FakeTime) {
        notify(&mut self.client, &self.doorbell);
        let sequence = self.client.arm();
        time.falls_asleep(self.client.wake_sequence());
        if self.client.is_ready() {
            self.client.disarm();
        } else {
            self.asleep = Some(sequence);
        }
    }

    pub(crate) fn wake_up(&mut self) {
        if self.asleep.take().is_some() {
            self.client.disarm();
        }
    }
}

/// What each queue of each session has seen.
type Watches = BTreeMap<(SessionId, u16), Rc<RefCell<Watch>>>;

/// The reactor and all around it.
pub(crate) struct Harness {
    pub(crate) time: Arc<FakeTime>,
    pub(crate) poller: FakePoller,
    pub(crate) service: Rc<FakeService>,
    pub(crate) reactor: Reactor<FakeService>,
    pub(crate) foreign: Vec<Arc<FakeDoorbell>>,
    /// Tokens that the reactor handed over.
    pub(crate) tokens: Vec<Token>,
    watches: Rc<RefCell<Watches>>,
    sessions: u64,
}

impl Harness {
    pub(crate) fn new() -> Self {
        let time = FakeTime::new();
        let poller = FakePoller::new(&time);
        let service = Rc::new(FakeService::default());
        let waiting: Arc<dyn Waiting> = time.clone();
        let reactor = Reactor::new(Rc::clone(&service), waiting, Box::new(poller.clone()));
        let watches: Rc<RefCell<BTreeMap<_, Rc<RefCell<Watch>>>>> = Rc::default();
        poller.set_audit(Box::new({
            let (watches, service) = (Rc::clone(&watches), Rc::clone(&service));
            move || {
                if service.woken() > 0 {
                    return Err("a future was woken".to_owned());
                }
                let watches = watches.borrow();
                let waits =
                    |(_, watch): &(&_, &Rc<RefCell<Watch>>)| watch.borrow().must_not_sleep();
                if let Some((lane, _)) = watches.iter().find(waits) {
                    return Err(format!("{lane:?} has submitted"));
                }
                Ok(watches.values().filter_map(|watch| watch.borrow().next_due()).min())
            }
        }));
        Self {
            time,
            poller,
            service,
            reactor,
            foreign: Vec::new(),
            tokens: Vec::new(),
            watches,
            sessions: 0,
        }
    }

    /// Opens a session and takes up its queues.
    pub(crate) fn open(
        &mut self,
        queues: u16,
        geometry: Geometry,
        waiting: WaitMode,
    ) -> (Blocks, Vec<Lane>) {
        self.sessions += 1;
        let id = SessionId(self.sessions);
        let blocks = Blocks::new(Plan { id, queues, geometry, waiting });
        self.reactor.open(blocks.parts()).unwrap();
        let lanes = (0..queues).map(|index| self.lane(&blocks, index)).collect();
        (blocks, lanes)
    }

    /// A session of one queue of 8 and 8 slots.
    pub(crate) fn open_one(&mut self, waiting: WaitMode) -> (SessionId, Lane) {
        let (blocks, mut lanes) = self.open(1, Geometry::new(8, 8).unwrap(), waiting);
        (blocks.plan.id, lanes.remove(0))
    }

    fn lane(&mut self, blocks: &Blocks, index: u16) -> Lane {
        let queue = blocks.queue(index);
        let watch = Rc::new(RefCell::new(Watch {
            blocks: queue.clone(),
            submitted: 0,
            seen_accepted: 0,
            due: BTreeMap::new(),
        }));
        self.watches.borrow_mut().insert((blocks.plan.id, index), Rc::clone(&watch));
        Lane {
            client: queue.client_end(),
            blocks: queue,
            doorbell: Arc::clone(&blocks.doorbell),
            outstanding: BTreeMap::new(),
            asleep: None,
            watch,
        }
    }

    pub(crate) fn close(&mut self, id: SessionId, errno: Option<Errno>) {
        self.reactor.close(id, errno);
        self.forget(id);
    }

    pub(crate) fn revoke(&mut self, id: SessionId) {
        self.reactor.revoke(id);
        self.forget(id);
    }

    /// Nobody waits for this session any more.
    pub(crate) fn forget(&mut self, id: SessionId) {
        self.watches.borrow_mut().retain(|(session, _), _| *session != id);
    }

    /// Watches a source that is not a session.
    pub(crate) fn add_foreign(&mut self) -> (Arc<FakeDoorbell>, Token) {
        let doorbell = Arc::<FakeDoorbell>::default();
        let token = Token(FOREIGN + self.foreign.len() as u64);
        let source: dataplane::Descriptor = doorbell.clone();
        self.reactor.poller().add(&source, token).unwrap();
        self.foreign.push(Arc::clone(&doorbell));
        (doorbell, token)
    }

    /// One turn of a microsecond.
    pub(crate) fn turn(&mut self) -> Vec<Ended> {
        let now = self.time.now();
        let mut tokens = Vec::new();
        let ended = self.reactor.turn(&mut tokens);
        self.poller.handed_over(&tokens);
        self.tokens.append(&mut tokens);
        for watch in self.watches.borrow().values() {
            watch.borrow_mut().note(now);
            let _checked = watch.borrow().blocks.spare();
        }
        self.time.advance_ns(1_000);
        ended
    }

    pub(crate) fn turns(&mut self, turns: usize) {
        for _ in 0..turns {
            let ended = self.turn();
            assert_eq!(ended, [], "an honest session was ended");
        }
    }

    /// A sleeping client that has a completion was woken.
    pub(crate) fn check_woken(&self, lane: &Lane) {
        if let Some(sequence) = lane.asleep
            && lane.client.is_ready()
        {
            let word = lane.client.wake_sequence();
            let now = word.load(rings::sync::Ordering::Relaxed);
            assert_ne!(now, sequence, "answered a sleeper and left its word");
            assert!(self.time.was_woken(word), "answered a sleeper and did not wake it");
        }
    }

    /// Rings for no reason.
    pub(crate) fn disturb(lane: &Lane) {
        lane.doorbell.ring();
    }
}
