//! Random programs of several clients against one reactor: whatever they do, every request that
//! was accepted is answered exactly once, and truly.

use crate::cases;
use crate::harness::{Harness, Lane};
use crate::support::session::entry;
use dataplane::entry::{Cqe, Errno, Handle, Opcode, Sqe, SqeFlags};
use dataplane::platform::{Doorbell, Waiting};
use dataplane::{SessionId, WaitMode};
use proptest::prelude::*;
use rings::{Geometry, State};
use std::sync::Arc;

/// One step; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Open { queues: u16, sq_shift: u32, cq_shift: u32, waiting: u8 },
    Submit { lane: usize, request: Request },
    Take { lane: usize, most: usize },
    Sleep { lane: usize },
    Ring { lane: usize },
    Finish { which: usize },
    Disturb { which: usize },
    Turn { turns: usize },
    Advance { ns: u64 },
    Foreign { which: usize },
    Spawn { polls: u8 },
    Close { lane: usize },
    Revoke { lane: usize },
}

#[derive(Clone, Debug)]
enum Request {
    Nop,
    Probe,
    Now,
    Held,
    Later,
    Waking { polls: u64 },
    Many { reports: u64, room: u64 },
    Timeout { ns: u64, absolute: bool },
    Cancel { back: u64 },
    CancelHandle,
    CancelAll,
    Noise { words: [u64; 8] },
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        1 => Just(Request::Nop),
        1 => Just(Request::Probe),
        3 => Just(Request::Now),
        2 => Just(Request::Held),
        4 => Just(Request::Later),
        2 => (0..4u64).prop_map(|polls| Request::Waking { polls }),
        3 => (0..40u64, 0..40u64).prop_map(|(reports, room)| Request::Many { reports, room }),
        3 => (0..300_000u64, any::<bool>())
            .prop_map(|(ns, absolute)| Request::Timeout { ns, absolute }),
        2 => (0..8u64).prop_map(|back| Request::Cancel { back }),
        1 => Just(Request::CancelHandle),
        1 => Just(Request::CancelAll),
        1 => any::<[u64; 8]>().prop_map(|words| Request::Noise { words }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0..16usize;
    prop_oneof![
        2 => (1..3u16, 1..5u32, 1..5u32, any::<u8>()).prop_map(
            |(queues, sq_shift, cq_shift, waiting)| Step::Open {
                queues,
                sq_shift,
                cq_shift,
                waiting
            }
        ),
        24 => (lane.clone(), request())
            .prop_map(|(lane, request)| Step::Submit { lane, request }),
        10 => (lane.clone(), 1..20usize).prop_map(|(lane, most)| Step::Take { lane, most }),
        3 => lane.clone().prop_map(|lane| Step::Sleep { lane }),
        1 => lane.clone().prop_map(|lane| Step::Ring { lane }),
        6 => (0..16usize).prop_map(|which| Step::Finish { which }),
        1 => (0..16usize).prop_map(|which| Step::Disturb { which }),
        16 => prop_oneof![3 => 1..3usize, 1 => 60..150usize].prop_map(|turns| Step::Turn { turns }),
        2 => (0..400_000u64).prop_map(|ns| Step::Advance { ns }),
        1 => (0..3usize).prop_map(|which| Step::Foreign { which }),
        1 => (0..3u8).prop_map(|polls| Step::Spawn { polls }),
        1 => lane.clone().prop_map(|lane| Step::Close { lane }),
        1 => lane.prop_map(|lane| Step::Revoke { lane }),
    ]
}

/// A lane, and whose it is.
struct Client {
    session: SessionId,
    lane: Lane,
}

struct World {
    harness: Harness,
    clients: Vec<Client>,
    user_data: u64,
    spawned: std::rc::Rc<std::cell::Cell<usize>>,
}

impl World {
    fn new() -> Self {
        let mut harness = Harness::new();
        for _ in 0..3 {
            harness.add_foreign();
        }
        Self { harness, clients: Vec::new(), user_data: 0, spawned: std::rc::Rc::default() }
    }

    fn client(&mut self, which: usize) -> Option<&mut Client> {
        let count = self.clients.len().max(1);
        self.clients.get_mut(which % count)
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Open { queues, sq_shift, cq_shift, waiting } => {
                self.open(queues, sq_shift, cq_shift, waiting);
            }
            Step::Submit { lane, ref request } => self.submit(lane, request),
            Step::Take { lane, most } => self.take(lane, most),
            Step::Sleep { lane } => {
                let time = Arc::clone(&self.harness.time);
                if let Some(client) = self.client(lane) {
                    client.lane.wake_up();
                    client.lane.sleep(&time);
                }
            }
            Step::Ring { lane } => {
                if let Some(client) = self.client(lane) {
                    Harness::disturb(&client.lane);
                }
            }
            Step::Finish { which } => {
                if let Some((session, user_data)) = self.pending(which) {
                    assert!(self.harness.service.finish(session, user_data));
                }
            }
            Step::Disturb { which } => {
                if let Some((session, user_data)) = self.pending(which) {
                    self.harness.service.disturb(session, user_data);
                }
            }
            Step::Turn { turns } => self.turns(turns),
            Step::Advance { ns } => self.harness.time.advance_ns(ns),
            Step::Foreign { which } => self.harness.foreign[which].ring(),
            Step::Spawn { polls } => self.spawn(polls),
            Step::Close { lane } => self.close(lane),
            Step::Revoke { lane } => self.revoke(lane),
        }
    }

    fn pending(&self, which: usize) -> Option<(SessionId, u64)> {
        let pending = self.harness.service.pending();
        pending.get(which % pending.len().max(1)).copied()
    }

    fn open(&mut self, queues: u16, sq_shift: u32, cq_shift: u32, waiting: u8) {
        if self.clients.len() >= 12 {
            return;
        }
        let modes = [WaitMode::Adaptive, WaitMode::Polling, WaitMode::Sleeping];
        let waiting = modes[usize::from(waiting) % modes.len()];
        let geometry = Geometry::new(1 << sq_shift, 1 << cq_shift).unwrap();
        let (blocks, lanes) = self.harness.open(queues, geometry, waiting);
        let session = blocks.plan.id;
        self.clients.extend(lanes.into_iter().map(|lane| Client { session, lane }));
    }

    fn submit(&mut self, which: usize, request: &Request) {
        self.user_data += 1;
        let sqe = self.sqe(request);
        if let Some(client) = self.client(which) {
            // A full queue is the client's to empty.
            let _full = client.lane.submit(&sqe);
        }
    }

    fn sqe(&self, request: &Request) -> Sqe {
        let user_data = self.user_data;
        let plain = |opcode| entry(opcode, user_data);
        match *request {
            Request::Nop => plain(Opcode::Nop),
            Request::Probe => Sqe { buffer_offset: 8, len: 80, ..plain(Opcode::Probe) },
            Request::Now => plain(Opcode::Fsync),
            Request::Held => plain(Opcode::ReadGrant),
            // Handles by the parity of their user data, so that CANCEL has some to choose.
            Request::Later => Sqe { handle_slot: user_data as u32 % 2, ..plain(Opcode::Read) },
            Request::Waking { polls } => Sqe { offset: polls, ..plain(Opcode::Write) },
            Request::Many { reports, room } => Sqe {
                flags: SqeFlags::MULTISHOT.bits(),
                offset: reports,
                arg0: room,
                ..plain(Opcode::Watch)
            },
            Request::Timeout { ns, absolute: false } => Sqe { arg0: ns, ..plain(Opcode::Timeout) },
            Request::Timeout { ns, absolute: true } => {
                let at = self.harness.time.now().after_ns(ns);
                Sqe { arg0: at.0, op_flags: 1, ..plain(Opcode::Timeout) }
            }
            Request::Cancel { back } => {
                Sqe { arg0: user_data.saturating_sub(back), ..plain(Opcode::Cancel) }
            }
            Request::CancelHandle => {
                let handle = Handle { slot: 1, generation: 0 };
                Sqe { user_data, op_flags: 1, ..Sqe::new(Opcode::Cancel, handle) }
            }
            Request::CancelAll => Sqe { op_flags: 2, ..plain(Opcode::Cancel) },
            Request::Noise { words } => Sqe { user_data, ..Sqe::from_words(words) },
        }
    }

    fn take(&mut self, which: usize, most: usize) {
        let Some(client) = self.client(which) else { return };
        client.lane.wake_up();
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(one) = client.lane.take() else { break };
            taken.push(one);
        }
        crate::support::session::notify(&mut client.lane.client, &client.lane.doorbell);
        for (sqe, cqe) in &taken {
            self.judge(sqe, cqe);
        }
    }

    /// Whether a request can have been answered so.
    fn judge(&self, sqe: &Sqe, cqe: &Cqe) {
        let status = cqe.status().result();
        let cancelled = status == Err(Errno::ECANCELED);
        let is_many = sqe.opcode() == Opcode::Watch && sqe.flags == SqeFlags::MULTISHOT.bits();
        let well_formed = (sqe.flags == 0 || is_many) && sqe.credential == 0 && sqe.reserved == 0;
        let answered = status == Ok(0) && cqe.aux == !sqe.user_data;
        let true_answer = match sqe.opcode() {
            _ if !well_formed => {
                matches!(status, Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::EPERM))
            }
            Opcode::Fsync | Opcode::ReadGrant => answered,
            Opcode::Read | Opcode::Write | Opcode::Watch => answered || cancelled,
            Opcode::Nop => matches!(status, Ok(0) | Err(Errno::EINVAL)),
            Opcode::Probe => matches!(status, Ok(80) | Err(Errno::EINVAL | Errno::EFAULT)),
            Opcode::Timeout => {
                let over = sqe.op_flags != 1 || self.harness.time.now().0 >= sqe.arg0;
                cancelled || status == Err(Errno::EINVAL) || (over && status == Err(Errno::ETIME))
            }
            Opcode::Cancel => matches!(status, Ok(1..) | Err(Errno::ENOENT | Errno::EINVAL)),
            _ => status == Err(Errno::EOPNOTSUPP),
        };
        assert!(true_answer, "{sqe:?} was answered with {cqe:?}");
    }

    fn turns(&mut self, turns: usize) {
        for _ in 0..turns {
            self.harness.turns(1);
            for client in &self.clients {
                self.harness.check_woken(&client.lane);
            }
        }
    }

    fn spawn(&mut self, polls: u8) {
        let mut left = polls;
        let spawned = std::rc::Rc::clone(&self.spawned);
        spawned.set(spawned.get() + 1);
        self.harness.reactor.spawn(Box::pin(std::future::poll_fn(move |context| {
            if left == 0 {
                spawned.set(spawned.get() - 1);
                return std::task::Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })));
    }

    fn remove(&mut self, session: SessionId) -> Vec<Client> {
        self.clients.extract_if(.., |client| client.session == session).collect()
    }

    fn close(&mut self, which: usize) {
        let Some(session) = self.client(which).map(|client| client.session) else { return };
        let executed = self.harness.service.executed_for(session);
        self.harness.close(session, None);
        self.turns(3);
        assert_eq!(self.harness.service.executed_for(session), executed);
        for mut client in self.remove(session) {
            for (sqe, cqe) in client.lane.take_all() {
                self.judge(&sqe, &cqe);
            }
            assert_eq!(client.lane.blocks.state(), State::Closed(0));
        }
    }

    fn revoke(&mut self, which: usize) {
        let Some(session) = self.client(which).map(|client| client.session) else { return };
        let executed = self.harness.service.executed_for(session);
        self.harness.revoke(session);
        self.turns(3);
        assert_eq!(self.harness.service.executed_for(session), executed);
        for mut client in self.remove(session) {
            // What reports have left no slot for is answered by the session's end.
            let had_room = client.lane.blocks.spare() > 0;
            for (sqe, cqe) in client.lane.take_all() {
                if cqe.status().result() != Err(Errno::EKEYREVOKED) {
                    self.judge(&sqe, &cqe);
                }
            }
            let unanswered = client.lane.outstanding.len();
            assert!(unanswered == 0 || !had_room, "a revoked request has no answer");
            let revoked = Errno::EKEYREVOKED.0.unsigned_abs();
            assert_eq!(client.lane.blocks.state(), State::Closed(revoked));
        }
    }

    /// Lets everything come to its end: each request must be answered.
    fn finish(&mut self) {
        for round in 0..1_000 {
            for (session, user_data) in self.harness.service.pending() {
                self.harness.service.finish(session, user_data);
            }
            self.turns(70);
            for at in 0..self.clients.len() {
                self.take(at, usize::MAX);
            }
            let outstanding = |client: &Client| !client.lane.outstanding.is_empty();
            if round > 0 && !self.clients.iter().any(outstanding) {
                assert_eq!(self.spawned.get(), 0, "a task of the service's own did not end");
                return;
            }
            // Noise may have asked for a time that never comes.
            if round > 20 {
                for at in 0..self.clients.len() {
                    self.submit(at, &Request::CancelAll);
                }
            }
        }
        panic!("a request was never answered");
    }
}

proptest! {
    #![proptest_config(cases::cases(200))]

    #[test]
    fn every_request_is_answered_once_and_nobody_sleeps_too_long(
        steps in prop::collection::vec(step(), cases::steps(300)),
    ) {
        let mut world = World::new();
        world.open(2, 3, 3, 0);
        steps.iter().for_each(|step| world.play(step));
        world.finish();
        let counters = world.harness.reactor.counters();
        prop_assert_eq!(counters.quarantined, 0);
        let mut statistics = world.harness.reactor.statistics(SessionId(1));
        prop_assert!(statistics.all(|each| each.in_flight == 0));
        drop(statistics);
        let sessions: std::collections::BTreeSet<_> =
            world.clients.iter().map(|client| client.session).collect();
        prop_assert_eq!(world.harness.reactor.sessions(), sessions.len());
        for session in sessions {
            world.harness.close(session, None);
        }
        prop_assert_eq!(world.harness.service.sessions(), 0);
        prop_assert_eq!(world.harness.poller.watched(), 3);
    }
}
