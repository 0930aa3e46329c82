//! What the reactor tells of its sessions: exact counts, and times of some of the requests.

use crate::harness::{Harness, Lane};
use crate::support::session::entry;
use dataplane::entry::{Errno, Opcode, Sqe};
use dataplane::platform::Waiting;
use dataplane::service::Statistics;
use dataplane::{SessionId, WaitMode};
use rings::Geometry;

/// One request in so many is timed; see `dataplane::service::timing`.
const INTERVAL: u64 = 251;
const PAST: SessionId = SessionId(0);

fn all(harness: &Harness) -> Vec<Statistics> {
    harness.reactor.statistics(PAST).collect()
}

fn of(harness: &Harness, session: SessionId) -> Statistics {
    let found = all(harness).into_iter().find(|each| each.session == session);
    found.unwrap_or_else(|| panic!("{session:?} has no statistics"))
}

/// Accepted, completed, errors, in flight.
fn counts(statistics: &Statistics) -> [u64; 4] {
    let counters = statistics.counters;
    [counters.accepted, counters.completed, counters.errors, statistics.in_flight]
}

fn serve(harness: &mut Harness, lane: &mut Lane, sqe: &Sqe) {
    lane.submit(sqe).unwrap();
    harness.turns(1);
    lane.take_all();
}

#[test]
fn counts_are_exact_and_each_session_has_its_own() {
    let mut harness = Harness::new();
    let (first, mut lane) = harness.open_one(WaitMode::Polling);
    let (second, mut other) = harness.open_one(WaitMode::Polling);
    for user_data in 0..300 {
        // Not known to the service: an error.
        let opcode = if user_data % 3 == 0 { Opcode::OpenAt } else { Opcode::Nop };
        serve(&mut harness, &mut lane, &entry(opcode, user_data));
    }
    serve(&mut harness, &mut other, &entry(Opcode::Nop, 1));
    assert_eq!(counts(&of(&harness, first)), [300, 300, 100, 0]);
    assert_eq!(counts(&of(&harness, second)), [1, 1, 0, 0]);
    assert_eq!(counts(&of(&harness, PAST)), [0; 4]);
    let total = harness.reactor.counters();
    assert_eq!((total.accepted, total.completed, total.errors), (301, 301, 100));
    assert_eq!(total.sessions, 2);
}

#[test]
fn one_request_in_an_interval_is_timed_however_they_come() {
    for depth in [1, 7, 8] {
        let mut harness = Harness::new();
        let (session, mut lane) = harness.open_one(WaitMode::Polling);
        let rounds = 3 * INTERVAL;
        for round in 0..rounds {
            (0..depth).for_each(|at| lane.submit(&entry(Opcode::Nop, round * 8 + at)).unwrap());
            while !lane.outstanding.is_empty() {
                harness.turns(1);
                lane.take_all();
            }
        }
        let timed = of(&harness, session).times.total();
        assert_eq!(timed, (rounds * depth).div_ceil(INTERVAL), "{depth} at a time");
    }
}

#[test]
fn a_request_that_waits_is_in_flight_and_its_time_is_told_when_it_ends() {
    const WAITS_NS: u64 = 5_000_000;
    let mut harness = Harness::new();
    // The first one of each session is timed.
    let (session, mut lane) = harness.open_one(WaitMode::Adaptive);
    lane.submit(&Sqe { arg0: WAITS_NS, ..entry(Opcode::Timeout, 1) }).unwrap();
    lane.submit(&entry(Opcode::Read, 2)).unwrap();
    harness.turns(2);
    let waiting = of(&harness, session);
    assert_eq!(counts(&waiting), [2, 0, 0, 2]);
    assert_eq!(waiting.times.total(), 0);

    harness.service.finish(session, 2);
    harness.turns(1);
    assert_eq!(counts(&of(&harness, session)), [2, 1, 0, 1]);

    let before = harness.time.now();
    while lane.take_all().iter().all(|(sqe, _)| sqe.user_data != 1) {
        harness.turns(1);
    }
    let longest = harness.time.now().since_ns(before) + WAITS_NS;
    let ended = of(&harness, session);
    assert_eq!(counts(&ended), [2, 2, 1, 0], "ETIME counts as an error");
    assert_eq!(ended.times.total(), 1);
    let took = ended.times.quantile_ns(1000).unwrap();
    assert!((WAITS_NS..longest + longest / 8).contains(&took), "{took} ns");
}

#[test]
fn what_a_session_did_outlives_it_and_what_it_left_is_not_in_flight() {
    let mut harness = Harness::new();
    let (first, mut lane) = harness.open_one(WaitMode::Adaptive);
    let (second, _lane) = harness.open_one(WaitMode::Adaptive);
    serve(&mut harness, &mut lane, &entry(Opcode::Nop, 1));
    lane.submit(&entry(Opcode::Read, 2)).unwrap();
    harness.turns(1);
    assert_eq!(of(&harness, first).in_flight, 1);
    harness.close(first, None);
    let sessions: Vec<_> = all(&harness).iter().map(|each| each.session).collect();
    assert_eq!(sessions, [PAST, second]);
    let past = of(&harness, PAST);
    assert_eq!((counts(&past), past.times.total()), ([2, 1, 0, 0], 1));
    let later: Vec<_> = harness.reactor.statistics(SessionId(3)).collect();
    assert_eq!(later, []);
}

#[test]
fn a_revoked_session_answers_first_and_is_then_past() {
    let mut harness = Harness::new();
    let (session, mut lane) = harness.open_one(WaitMode::Adaptive);
    lane.submit(&entry(Opcode::Read, 1)).unwrap();
    harness.turns(1);
    lane.submit(&entry(Opcode::Nop, 2)).unwrap();
    harness.revoke(session);
    assert_eq!(counts(&of(&harness, PAST)), [2, 2, 2, 0]);
    assert_eq!(of(&harness, PAST).times.total(), 1);
    let revoked = lane.take_all().iter().all(|(_, cqe)| cqe.status() == Errno::EKEYREVOKED.into());
    assert!(revoked);
}

#[test]
fn the_first_request_after_a_long_rest_is_timed() {
    for (rest_ns, timed) in [(900_000, 1), (1_000_000, 5)] {
        let mut harness = Harness::new();
        let (session, mut lane) = harness.open_one(WaitMode::Sleeping);
        for user_data in 0..10 {
            // Finds nothing, and parks.
            harness.turns(2);
            if user_data % 2 == 0 {
                harness.time.advance_ns(rest_ns);
            }
            lane.submit(&entry(Opcode::Nop, user_data)).unwrap();
            harness.turns(2);
            lane.take_all();
        }
        assert_eq!(of(&harness, session).times.total(), timed, "rests of {rest_ns} ns");
    }
}

#[test]
fn a_request_that_ends_a_batch_is_timed_when_it_is_its_turn() {
    let mut harness = Harness::new();
    let (blocks, mut lanes) = harness.open(1, Geometry::new(256, 256).unwrap(), WaitMode::Polling);
    let lane = &mut lanes[0];
    // The first is timed, then the one with this number, which is the last of a batch of 32.
    for user_data in 0..INTERVAL + 1 - 32 {
        serve(&mut harness, lane, &entry(Opcode::Nop, user_data));
    }
    (300..332).for_each(|user_data| lane.submit(&entry(Opcode::Nop, user_data)).unwrap());
    harness.turns(1);
    assert_eq!(of(&harness, blocks.plan.id).times.total(), 2);
}
