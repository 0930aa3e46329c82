//! Rules of the reactor, one by one.

use crate::cases;
use crate::harness::{Harness, Lane};
use crate::support::session::{Blocks, Plan, entry};
use dataplane::entry::{Cqe, CqeFlags, Errno, Handle, Opcode, Sqe, SqeFlags};
use dataplane::platform::{Doorbell, Waiting};
use dataplane::service::OpenError;
use dataplane::{SessionId, WaitMode};
use rings::sync::Ordering;
use rings::{Geometry, Producer, State, layout};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Most submissions taken from one queue in one turn.
const BATCH: usize = 32;
/// More turns than the reactor makes without looking at what is parked.
const LOOK: usize = 70;

fn answered(lane: &mut Lane) -> Vec<Cqe> {
    lane.take_all().into_iter().map(|(_, cqe)| cqe).collect()
}

fn results(lane: &mut Lane) -> Vec<Result<u32, Errno>> {
    answered(lane).iter().map(|cqe| cqe.status().result()).collect()
}

#[test]
fn a_flood_does_not_starve_others() {
    let mut harness = Harness::new();
    let large = Geometry::new(256, 256).unwrap();
    let (_, mut flood) = harness.open(1, large, WaitMode::Adaptive);
    let (_, mut other) = harness.open_one(WaitMode::Adaptive);
    for user_data in 0..256 {
        flood[0].submit(&entry(Opcode::Nop, user_data)).unwrap();
    }
    for user_data in 0..4 {
        other.submit(&entry(Opcode::Nop, user_data)).unwrap();
        harness.turns(1);
        assert_eq!(answered(&mut other).len(), 1);
        assert_eq!(answered(&mut flood[0]).len(), BATCH);
    }
}

#[test]
fn parked_sessions_are_looked_at_now_and_then_while_others_are_served() {
    let mut harness = Harness::new();
    let sessions = cases::steps(100).end;
    let mut parked: Vec<_> =
        (0..sessions).map(|_| harness.open_one(WaitMode::Sleeping).1).collect();
    let (_, _polled) = harness.open_one(WaitMode::Polling);
    harness.turns(2);
    // Published, and not told: what only a look at the ring can find.
    for lane in &mut parked {
        lane.client.submit(&entry(Opcode::Nop, 1).to_words()).unwrap();
    }
    harness.turns(1);
    assert!(parked.iter().all(|lane| lane.blocks.accepted() == 0), "looked at in every turn");
    harness.turns(10 * LOOK);
    assert!(parked.iter().all(|lane| lane.blocks.accepted() == 1), "not looked at");
}

#[test]
fn with_every_session_parked_each_turn_is_a_sleep() {
    let mut harness = Harness::new();
    let sessions = cases::steps(20).end;
    let mut lanes: Vec<_> = (0..sessions).map(|_| harness.open_one(WaitMode::Adaptive).1).collect();
    // Spins, then yields, then sleeps.
    harness.turns(cases::steps(5_000).end);
    let last = &mut lanes[sessions - 1];
    let (sleeps, yields) = (harness.poller.sleeps(), harness.time.yields.load(Ordering::Relaxed));
    harness.turns(20);
    assert_eq!(harness.poller.sleeps(), sleeps + 20);
    assert_eq!(harness.time.yields.load(Ordering::Relaxed), yields);
    last.submit(&entry(Opcode::Nop, 1)).unwrap();
    harness.turns(2);
    assert_eq!(answered(last).len(), 1);
}

/// The poller panics if the reactor sleeps with a token in hand.
#[test]
fn what_was_found_for_others_is_handed_over_before_any_sleep() {
    let mut harness = Harness::new();
    let (doorbell, token) = harness.add_foreign();
    let (_, mut lane) = harness.open_one(WaitMode::Sleeping);
    let mut user_data = 0;
    for round in 0..cases::steps(LOOK).end {
        // Traffic keeps the reactor from sleeping; the first turn without any is sooner or later
        // one in which it looks, finds the token, and has nothing else to do.
        for _ in 0..LOOK - round % 7 {
            user_data += 1;
            lane.submit(&entry(Opcode::Nop, user_data)).unwrap();
            harness.turns(1);
            answered(&mut lane);
        }
        doorbell.ring();
        harness.turns(2);
        assert_eq!(std::mem::take(&mut harness.tokens), [token]);
    }
}

#[test]
fn cancelling_ends_what_it_names_and_nothing_else() {
    let mut harness = Harness::new();
    let (_, mut lanes) = harness.open(2, Geometry::new(8, 8).unwrap(), WaitMode::Adaptive);
    let (other, lane) = lanes.split_at_mut(1);
    let lane = &mut lane[0];
    let handle = Handle { slot: 2, generation: 5 };
    let on_handle = |user_data| Sqe { user_data, ..Sqe::new(Opcode::Read, handle) };
    other[0].submit(&on_handle(21)).unwrap();
    for sqe in [on_handle(1), on_handle(2), entry(Opcode::Read, 3), entry(Opcode::Read, 4)] {
        lane.submit(&sqe).unwrap();
    }
    lane.submit(&Sqe { arg0: 1_000_000, ..entry(Opcode::Timeout, 5) }).unwrap();
    harness.turns(1);
    let mut cancel = |sqe: Sqe| {
        lane.submit(&sqe).unwrap();
        harness.turns(1);
        let mut ended: Vec<_> =
            answered(lane).iter().map(|cqe| (cqe.user_data, cqe.status().result())).collect();
        ended.sort_by_key(|(user_data, _)| *user_data);
        ended
    };
    let gone = Err(Errno::ECANCELED);
    let by_user_data = Sqe { arg0: 3, ..entry(Opcode::Cancel, 10) };
    assert_eq!(cancel(by_user_data), [(3, gone), (10, Ok(1))]);
    let again = Sqe { user_data: 11, ..by_user_data };
    assert_eq!(cancel(again), [(11, Err(Errno::ENOENT))]);
    let of_another_queue = Sqe { arg0: 21, ..entry(Opcode::Cancel, 16) };
    assert_eq!(cancel(of_another_queue), [(16, Err(Errno::ENOENT))]);
    let by_handle = Sqe { op_flags: 1, user_data: 12, ..Sqe::new(Opcode::Cancel, handle) };
    assert_eq!(cancel(by_handle), [(1, gone), (2, gone), (12, Ok(2))]);
    let all = Sqe { op_flags: 2, ..entry(Opcode::Cancel, 13) };
    assert_eq!(cancel(all), [(4, gone), (5, gone), (13, Ok(2))]);
    assert_eq!(cancel(Sqe { user_data: 14, ..all }), [(14, Err(Errno::ENOENT))]);
    let both = Sqe { op_flags: 3, ..entry(Opcode::Cancel, 15) };
    assert_eq!(cancel(both), [(15, Err(Errno::EINVAL))]);
    assert_eq!(harness.service.pending(), [(SessionId(1), 21)]);
    assert_eq!(answered(&mut other[0]).len(), 0);
}

#[test]
fn what_has_had_its_outcome_is_not_cancelled() {
    let mut harness = Harness::new();
    let (session, mut lane) = harness.open_one(WaitMode::Adaptive);
    for user_data in [1, 2] {
        lane.submit(&entry(Opcode::Read, user_data)).unwrap();
    }
    harness.turns(1);
    // Finished, and not looked at since.
    assert!(harness.service.finish(session, 1));
    lane.submit(&Sqe { arg0: 1, ..entry(Opcode::Cancel, 3) }).unwrap();
    lane.submit(&Sqe { op_flags: 2, ..entry(Opcode::Cancel, 4) }).unwrap();
    harness.turns(1);
    let ended = answered(&mut lane);
    let ended: Vec<_> = ended.iter().map(|cqe| (cqe.user_data, cqe.status().result())).collect();
    let (gone, none) = (Err(Errno::ECANCELED), Err(Errno::ENOENT));
    assert_eq!(ended, [(1, Ok(0)), (3, none), (2, gone), (4, Ok(1))]);
}

#[test]
fn revoking_answers_everything_and_executes_nothing_more() {
    let mut harness = Harness::new();
    let (id, mut lane) = harness.open_one(WaitMode::Adaptive);
    lane.submit(&entry(Opcode::Read, 1)).unwrap();
    lane.submit(&Sqe { arg0: 1_000_000, ..entry(Opcode::Timeout, 2) }).unwrap();
    lane.submit(&Sqe { offset: 1_000, ..entry(Opcode::Write, 3) }).unwrap();
    harness.turns(3);
    for user_data in 4..8 {
        lane.submit(&entry(Opcode::Fsync, user_data)).unwrap();
    }
    let executed = harness.service.executed_for(id);
    harness.revoke(id);
    assert_eq!(results(&mut lane), [Err(Errno::EKEYREVOKED); 7]);
    assert_eq!(harness.service.sessions(), 0);
    assert_eq!(lane.blocks.state(), State::Closed(128));
    // What is submitted from now on reaches nobody.
    lane.client.submit(&entry(Opcode::Fsync, 9).to_words()).unwrap();
    lane.doorbell.ring();
    harness.turns(10 * LOOK);
    assert_eq!(harness.service.executed_for(id), executed);
}

#[test]
fn closing_drops_what_is_pending_and_wakes_the_client() {
    let mut harness = Harness::new();
    let (id, mut lane) = harness.open_one(WaitMode::Adaptive);
    lane.submit(&entry(Opcode::Read, 1)).unwrap();
    lane.submit(&entry(Opcode::ReadGrant, 2)).unwrap();
    harness.turns(1);
    assert_eq!(answered(&mut lane).len(), 1);
    let time = harness.time.clone();
    lane.sleep(&time);
    let sequence = lane.asleep.unwrap();
    // The fake service panics if anything of the session is left when it hears of the end.
    harness.close(id, Some(Errno::ENOSPC));
    assert_eq!(lane.blocks.state(), State::Closed(28));
    assert_ne!(lane.client.wake_sequence().load(Ordering::Relaxed), sequence);
    assert!(time.was_woken(lane.client.wake_sequence()));
    assert_eq!(harness.poller.watched(), 0);
}

/// Ends a session by `scribble`, beside another that must not notice.
fn quarantined_by(scribble: impl FnOnce(&mut Harness, &mut Lane)) {
    let mut harness = Harness::new();
    let (hostile, mut lane) = harness.open_one(WaitMode::Adaptive);
    let (_, mut victim) = harness.open_one(WaitMode::Adaptive);
    victim.submit(&entry(Opcode::Read, 1)).unwrap();
    harness.turns(1);
    scribble(&mut harness, &mut lane);
    harness.forget(hostile);
    victim.submit(&entry(Opcode::Fsync, 2)).unwrap();
    let ended = harness.turn();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].session, ended[0].errno), (hostile, Errno::EPROTO));
    assert_eq!(lane.blocks.state(), State::Closed(71));
    assert_eq!(harness.reactor.counters().quarantined, 1);
    assert_eq!(harness.service.sessions(), 1);
    assert!(harness.service.finish(SessionId(2), 1));
    harness.turns(2);
    assert_eq!(results(&mut victim), [Ok(0), Ok(0)]);
}

#[test]
fn a_lap_that_cannot_be_ends_that_session_alone() {
    quarantined_by(|harness, lane| {
        lane.submit(&entry(Opcode::Read, 1)).unwrap();
        lane.submit(&entry(Opcode::ReadGrant, 2)).unwrap();
        harness.turns(1);
        let last_word_of_slot_2 = layout::CLIENT_SLOTS + 2 * 64 + 56;
        lane.blocks.client.store(last_word_of_slot_2, 7 << 32, Ordering::Release).unwrap();
    });
}

#[test]
fn a_head_that_cannot_be_ends_that_session_alone() {
    quarantined_by(|harness, lane| {
        for user_data in 0..8 {
            lane.submit(&entry(Opcode::Nop, user_data)).unwrap();
        }
        harness.turns(1);
        // No spare slot, so the service looks at the head before it accepts more.
        let client = lane.blocks.client.clone();
        let geometry = lane.blocks.geometry;
        let slots = client.slots(layout::CLIENT_SLOTS, geometry.sq_entries().ilog2()).unwrap();
        Producer::new(slots, 8, 8).push(&entry(Opcode::Nop, 9).to_words()).unwrap();
        client.store(layout::CLIENT_CQ_HEAD, 9, Ordering::Release).unwrap();
    });
}

#[test]
fn a_client_that_consumes_nothing_gets_no_more_than_its_slots_and_costs_nothing() {
    let mut harness = Harness::new();
    let geometry = Geometry::new(16, 4).unwrap();
    let (blocks, _honest) = harness.open(1, geometry, WaitMode::Sleeping);
    let queue = blocks.queue(0);
    harness.forget(blocks.plan.id);
    let slots = queue.client.slots(layout::CLIENT_SLOTS, 4).unwrap();
    let mut greedy = Producer::new(slots, 0, 0);
    for user_data in 0..16 {
        greedy.push(&entry(Opcode::Fsync, user_data).to_words()).unwrap();
    }
    blocks.doorbell.ring();
    harness.turns(3);
    assert_eq!((queue.accepted(), queue.posted()), (4, 4));
    let sleeps = harness.poller.sleeps();
    harness.turns(10);
    assert_eq!(harness.poller.sleeps(), sleeps + 10);
    for consumed in 1..=12 {
        queue.client.store(layout::CLIENT_CQ_HEAD, consumed, Ordering::Release).unwrap();
        blocks.doorbell.ring();
        harness.turns(3);
        assert_eq!(queue.posted(), consumed + 4);
    }
    assert_eq!(harness.service.executed_for(blocks.plan.id), 16);
}

#[test]
fn what_is_held_is_let_go_when_the_client_has_consumed_it() {
    let mut harness = Harness::new();
    let (blocks, mut lanes) = harness.open(1, Geometry::new(64, 64).unwrap(), WaitMode::Sleeping);
    let (id, lane) = (blocks.plan.id, &mut lanes[0]);
    for user_data in 0..40 {
        lane.submit(&entry(Opcode::ReadGrant, user_data)).unwrap();
    }
    harness.turns(5);
    assert_eq!(harness.service.held(id), 40);
    for consumed in 1..=40 {
        lane.take().unwrap();
        lane.client.publish_cq_head();
        Harness::disturb(lane);
        harness.turns(2);
        assert_eq!(harness.service.held(id), 40 - consumed);
    }
}

#[test]
fn a_busy_client_does_not_pile_up_what_is_held() {
    let mut harness = Harness::new();
    let (blocks, mut lanes) = harness.open(1, Geometry::new(64, 64).unwrap(), WaitMode::Polling);
    for user_data in 0..cases::steps(1_000).end as u64 {
        lanes[0].submit(&entry(Opcode::ReadGrant, user_data)).unwrap();
        harness.turns(1);
        lanes[0].take().unwrap();
        lanes[0].client.publish_cq_head();
        assert!(harness.service.held(blocks.plan.id) <= BATCH + 2);
    }
}

#[test]
fn a_future_is_polled_when_it_was_woken_and_at_no_other_time() {
    let mut harness = Harness::new();
    let (id, mut lane) = harness.open_one(WaitMode::Polling);
    lane.submit(&entry(Opcode::Read, 1)).unwrap();
    lane.submit(&entry(Opcode::Read, 2)).unwrap();
    harness.turns(10 * LOOK);
    assert_eq!(harness.service.polls(), 2);
    harness.service.disturb(id, 1);
    harness.turns(LOOK);
    assert_eq!(harness.service.polls(), 3);
    assert!(harness.service.finish(id, 2));
    harness.turns(1);
    assert_eq!(harness.service.polls(), 4);
    assert_eq!(answered(&mut lane)[0].user_data, 2);
}

#[test]
fn a_background_task_runs_whenever_it_is_woken_and_ends() {
    let mut harness = Harness::new();
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let task = Rc::new(());
    let alive = Rc::downgrade(&task);
    let mut polls = 0;
    harness.reactor.spawn(Box::pin({
        let wakers = Rc::clone(&wakers);
        poll_fn(move |context| {
            let _ = &task;
            polls += 1;
            wakers.borrow_mut().push(context.waker().clone());
            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
        })
    }));
    for polls in 1..=3 {
        harness.turns(5);
        assert_eq!(wakers.borrow().len(), polls);
        assert_eq!(alive.strong_count(), usize::from(polls < 3));
        let waker = wakers.borrow()[polls - 1].clone();
        waker.wake();
    }
    harness.turns(5);
    assert_eq!(wakers.borrow().len(), 3);
}

#[test]
fn timeouts_are_over_in_order_and_never_early() {
    let mut harness = Harness::new();
    let (_, mut lane) = harness.open_one(WaitMode::Sleeping);
    let start = harness.time.now();
    for (user_data, ns) in [(1, 300_000), (2, 100_000), (3, 200_000)] {
        lane.submit(&Sqe { arg0: ns, ..entry(Opcode::Timeout, user_data) }).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        harness.turns(1);
        for cqe in answered(&mut lane) {
            assert_eq!(cqe.status().result(), Err(Errno::ETIME));
            seen.push((cqe.user_data, harness.time.now().since_ns(start) / 100_000));
        }
    }
    assert_eq!(seen, [(2, 1), (3, 2), (1, 3)]);
    // All are over: from now on each turn is a sleep without end.
    harness.turns(5);
    let sleeps = harness.poller.sleeps();
    let now = harness.time.now();
    harness.turns(5);
    assert_eq!(harness.poller.sleeps(), sleeps + 5);
    assert_eq!(harness.time.now(), now.after_ns(5_000));
}

#[test]
fn a_timeout_that_was_cancelled_wakes_nobody() {
    let mut harness = Harness::new();
    let (_, mut lane) = harness.open_one(WaitMode::Sleeping);
    lane.submit(&Sqe { arg0: 1_000, ..entry(Opcode::Timeout, 1) }).unwrap();
    lane.submit(&Sqe { arg0: 1, ..entry(Opcode::Cancel, 2) }).unwrap();
    harness.turns(3);
    lane.submit(&entry(Opcode::Read, 3)).unwrap();
    // The harness panics if the reactor sleeps until an instant that is over more than once.
    harness.turns(20);
    assert_eq!(results(&mut lane), [Err(Errno::ECANCELED), Ok(1)]);
}

#[test]
fn nothing_is_left_of_a_session_that_was_refused() {
    let mut harness = Harness::new();
    let geometry = Geometry::new(4, 4).unwrap();
    let plan = Plan { id: SessionId(1), queues: 2, geometry, waiting: WaitMode::Adaptive };
    let blocks = Blocks::new(plan);

    harness.service.refuses.set(true);
    let refused = harness.reactor.open(blocks.parts());
    assert_eq!(refused, Err(OpenError::Refused(Errno::EACCES)));

    let mut parts = blocks.parts();
    parts.ledgers = parts.ledgers.view(0, 128).unwrap();
    assert!(matches!(harness.reactor.open(parts), Err(OpenError::OutOfBounds(_))));

    harness.poller.refuse();
    assert_eq!(harness.reactor.open(blocks.parts()), Err(OpenError::Resources));

    assert_eq!(harness.service.sessions(), 0);
    assert_eq!((harness.reactor.sessions(), harness.poller.watched()), (0, 0));
    harness.turns(3);
}

fn watch(user_data: u64, reports: u64, room: u64) -> Sqe {
    let flags = SqeFlags::MULTISHOT.bits();
    Sqe { flags, offset: reports, arg0: room, ..entry(Opcode::Watch, user_data) }
}

/// Completions with more to come, and the last.
fn shots(lane: &mut Lane) -> (usize, usize) {
    let taken = answered(lane);
    let more = taken.iter().filter(|cqe| cqe.flags().contains(CqeFlags::MORE)).count();
    (more, taken.len() - more)
}

#[test]
fn a_request_has_as_many_completions_as_it_reports_and_one_last() {
    let mut harness = Harness::new();
    let (id, mut lane) = harness.open_one(WaitMode::Sleeping);
    lane.submit(&watch(1, 3, 100)).unwrap();
    harness.turns(3);
    assert_eq!(shots(&mut lane), (3, 0));
    lane.sleep(&harness.time);
    harness.service.fire(id, 1, 2);
    harness.turns(3);
    harness.check_woken(&lane);
    lane.wake_up();
    assert_eq!(shots(&mut lane), (2, 0));
    assert!(harness.service.finish(id, 1));
    harness.turns(3);
    assert_eq!(shots(&mut lane), (0, 1));
    assert!(lane.outstanding.is_empty());
    // Its slot is free again.
    lane.submit(&watch(2, 1, 1)).unwrap();
    lane.submit(&Sqe { arg0: 2, ..entry(Opcode::Cancel, 3) }).unwrap();
    harness.turns(3);
    let results = results(&mut lane);
    assert!(results.contains(&Err(Errno::ECANCELED)) && results.contains(&Ok(1)), "{results:?}");
}

#[test]
fn reports_take_no_slot_that_a_request_in_flight_needs() {
    let mut harness = Harness::new();
    let geometry = Geometry::new(4, 4).unwrap();
    let (_, mut lanes) = harness.open(1, geometry, WaitMode::Sleeping);
    let lane = &mut lanes[0];
    lane.submit(&watch(1, 100, 1_000)).unwrap();
    lane.submit(&entry(Opcode::Read, 2)).unwrap();
    harness.turns(5);
    // Four slots, two of which are spoken for.
    let mut reports = 0;
    while reports < 100 {
        let (more, last) = shots(lane);
        assert!((1..=2).contains(&more) && last == 0, "{more} at a time");
        reports += more;
        harness.turns(3);
    }
    assert_eq!(shots(lane), (0, 0));
}

#[test]
fn who_waits_for_room_is_asked_again_when_the_client_gets_on_and_costs_nothing_meanwhile() {
    let mut harness = Harness::new();
    let (id, mut lane) = harness.open_one(WaitMode::Sleeping);
    lane.submit(&watch(1, 10, 2)).unwrap();
    harness.turns(5);
    assert_eq!(shots(&mut lane), (2, 0));
    harness.turns(3);
    let (sleeps, polls) = (harness.poller.sleeps(), harness.service.polls());
    harness.turns(10);
    assert_eq!(harness.poller.sleeps(), sleeps + 10);
    assert_eq!(harness.service.polls(), polls, "asked though nothing has changed");
    harness.service.make_room(id, 1, 3);
    lane.doorbell.ring();
    harness.turns(5);
    assert_eq!(shots(&mut lane), (3, 0));
    // Also while it is busy with something else.
    harness.service.make_room(id, 1, 1);
    lane.submit(&entry(Opcode::Nop, 2)).unwrap();
    harness.turns(1);
    harness.turns(1);
    assert_eq!(shots(&mut lane), (1, 1));
}

#[test]
fn one_watch_among_thousands_of_reports_does_not_hold_up_others() {
    let mut harness = Harness::new();
    let large = Geometry::new(4, 1024).unwrap();
    let (_, mut lanes) = harness.open(1, large, WaitMode::Adaptive);
    let (_, mut other) = harness.open_one(WaitMode::Adaptive);
    lanes[0].submit(&watch(1, 900, 900)).unwrap();
    other.submit(&entry(Opcode::Nop, 2)).unwrap();
    harness.turns(2);
    assert_eq!(answered(&mut other).len(), 1);
    let (more, _) = shots(&mut lanes[0]);
    assert!(more <= 2 * BATCH, "{more} in two turns");
}

#[test]
fn only_watch_has_many_completions() {
    let mut harness = Harness::new();
    let (_, mut lane) = harness.open_one(WaitMode::Adaptive);
    let flags = SqeFlags::MULTISHOT.bits();
    lane.submit(&Sqe { flags, ..entry(Opcode::Nop, 1) }).unwrap();
    lane.submit(&Sqe { flags: flags | 1, ..watch(2, 0, 0) }).unwrap();
    lane.submit(&Sqe { flags: 1, ..entry(Opcode::Nop, 3) }).unwrap();
    harness.turns(2);
    let expected = [Errno::EINVAL, Errno::EOPNOTSUPP, Errno::EOPNOTSUPP].map(Err);
    assert_eq!(results(&mut lane), expected);
}

#[test]
fn watches_that_take_every_slot_still_end() {
    let mut harness = Harness::new();
    let (blocks, mut lanes) = harness.open(1, Geometry::new(2, 2).unwrap(), WaitMode::Sleeping);
    let lane = &mut lanes[0];
    lane.submit(&watch(1, 0, 10)).unwrap();
    lane.submit(&watch(2, 5, 10)).unwrap();
    harness.turns(3);
    assert_eq!(shots(lane), (0, 0), "there is no slot but for the last ones");
    assert!(harness.service.finish(blocks.plan.id, 1));
    harness.turns(3);
    assert_eq!(shots(lane), (0, 1));
    let mut reports = 0;
    for _ in 0..5 {
        harness.turns(3);
        reports += shots(lane).0;
    }
    assert_eq!(reports, 5);
}

#[test]
fn requests_that_waited_for_room_and_ended_leave_nothing_to_look_at() {
    for cycles in [2u64, 200] {
        let mut harness = Harness::new();
        let (_, mut lanes) = harness.open(1, Geometry::new(128, 128).unwrap(), WaitMode::Sleeping);
        let lane = &mut lanes[0];
        let mut user_data = 0;
        for _ in 0..cycles {
            user_data += 1;
            lane.submit(&Sqe { op_flags: 2, ..entry(Opcode::Cancel, user_data) }).unwrap();
            for _ in 0..31 {
                user_data += 1;
                lane.submit(&watch(user_data, 1, 0)).unwrap();
            }
            harness.turns(1);
            lane.take_all();
        }
        Harness::disturb(lane);
        let before = harness.service.polls();
        harness.turns(2);
        let polls = harness.service.polls() - before;
        assert!(polls < 200, "{polls} looks at 31 watches, after {cycles} cycles");
    }
}

#[test]
fn reports_without_end_do_not_keep_requests_out() {
    let mut harness = Harness::new();
    let (_, mut lanes) = harness.open(1, Geometry::new(4, 4).unwrap(), WaitMode::Adaptive);
    let lane = &mut lanes[0];
    lane.submit(&watch(1, u64::MAX, u64::MAX)).unwrap();
    for _ in 0..10 {
        harness.turns(1);
        assert!(shots(lane).0 > 0);
    }
    lane.submit(&Sqe { op_flags: 2, ..entry(Opcode::Cancel, 2) }).unwrap();
    for _ in 0..5 {
        harness.turns(1);
        lane.take_all();
    }
    assert!(lane.outstanding.is_empty(), "{:?}", lane.outstanding);
}
