//! What services have done for their sessions, and who may know.

use crate::{Open, System};
use capability::Rights;
use control::client::ConnectError;
use control::message::ClientStatistics;
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};

fn of(open: &Open, session: SessionId) -> Option<ClientStatistics> {
    let capability = open.connection.capability("vfs").unwrap();
    let all = open.connection.statistics(capability).unwrap();
    all.into_iter().find(|each| each.statistics.work.session == session)
}

pub(crate) fn statistics_are_exact_for_each_session(system: &System) {
    let mut open = system.session();
    let other = system.session();
    let nop = Sqe::new(Opcode::Nop, Handle::NONE);
    for _ in 0..500 {
        open.queue.call(nop).unwrap();
    }
    open.queue.stat(open.root, b"nothing").unwrap_err();
    let forever = Sqe { arg0: u64::MAX / 2, ..Sqe::new(Opcode::Timeout, Handle::NONE) };
    let pending = open.queue.submit(forever).unwrap();
    // Requests of a queue are accepted in order.
    open.queue.call(nop).unwrap();

    let session = open.session.id();
    let ClientStatistics { client, statistics } = of(&open, session).unwrap();
    let work = statistics.work;
    assert_eq!((work.accepted, work.completed, work.errors, work.in_flight), (503, 502, 1, 1));
    assert!(statistics.times.total() >= 502 / 251, "{:?}", statistics.times);
    assert_eq!(client.uid, rustix::process::getuid().as_raw());
    assert_eq!(client.pid, std::process::id());
    let idle = of(&open, other.session.id()).unwrap().statistics;
    assert_eq!((idle.work.accepted, idle.times.total()), (0, 0));

    let cancel = Sqe { op_flags: 2, ..Sqe::new(Opcode::Cancel, Handle::NONE) };
    open.queue.call(cancel).unwrap();
    open.queue.wait_for(pending).unwrap();
    assert_eq!(of(&open, session).unwrap().statistics.work.in_flight, 0);
}

pub(crate) fn a_session_that_has_ended_is_only_in_the_sum(system: &System) {
    let observer = system.session();
    for _ in 0..40 {
        let mut open = system.session();
        open.queue.call(Sqe::new(Opcode::Nop, Handle::NONE)).unwrap();
        let session = open.session.id();
        assert!(of(&observer, session).is_some());
        open.session.close().unwrap();
        assert!(of(&observer, session).is_none());
    }
    let past = of(&observer, SessionId::default()).unwrap();
    assert_eq!((past.statistics.work.accepted, past.statistics.work.in_flight), (40, 0));
    assert_eq!((past.client.pid, past.client.uid), (0, 0));
}

/// More than one message can tell of.
pub(crate) fn statistics_of_many_sessions_are_told_in_parts(system: &System) {
    let sessions: Vec<Open> = (0..150).map(|_| system.session()).collect();
    let capability = sessions[0].connection.capability("vfs").unwrap();
    let told = sessions[0].connection.statistics(capability).unwrap();
    let told: Vec<SessionId> = told.iter().map(|each| each.statistics.work.session).collect();
    let opened = sessions.iter().map(|open| open.session.id());
    let expected: Vec<SessionId> = std::iter::once(SessionId::default()).chain(opened).collect();
    assert_eq!(told, expected);
}

pub(crate) fn statistics_take_the_right_to_audit(system: &System) {
    let connection = system.connect();
    let held = connection.capability("vfs").unwrap();
    let refused = |capability| match connection.statistics(capability) {
        Err(ConnectError::Refused { errno, .. }) => errno,
        other => panic!("not refused: {other:?}"),
    };
    let without = Rights::CONNECT | Rights::READ | Rights::WRITE | Rights::CREATE | Rights::MOUNT;
    let derived = connection.derive(held, without, 0).unwrap();
    assert_eq!(refused(derived), Errno::EPERM);
    let auditor = connection.derive(held, Rights::AUDIT, 0).unwrap();
    assert!(connection.statistics(auditor).is_ok());
    // Of a service it is, not of the system.
    assert_eq!(refused(connection.capability("init").unwrap()), Errno::EPERM);
    connection.revoke(auditor).unwrap();
    assert_eq!(refused(auditor), Errno::EPERM);
}
