//! Starting services, talking to them, and ending them.

use crate::subject::{EXIT_CODE, LOST_NS, Report, Subject, packet, unit};
use control::platform::{ChannelError, SpawnError};

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("a service talks through its control channel", talks);
    check("its exit code is told, once", exit_code);
    check("a killed service ends", killed);
    check("a service ends when its channel closes", channel_closed);
    check("an unknown service is refused", unknown);
}

fn talks(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("echo")).unwrap();
    for round in 0..100u8 {
        started.channel.send(&packet(&[round, 1, 2])).unwrap();
        let answer = started.channel.receive_within(Some(LOST_NS)).unwrap();
        assert_eq!(answer.bytes, [round, 1, 2]);
    }
    assert_eq!(spawner.reap(started.pid), None, "it still runs");
}

fn exit_code(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("exit")).unwrap();
    assert_eq!(subject.reaped(&*spawner, &started), EXIT_CODE);
    assert_eq!(spawner.reap(started.pid), None);
    assert_eq!(spawner.resident_bytes(started.pid), 0);
    spawner.kill(started.pid);
    assert!(matches!(started.channel.receive(), Err(ChannelError::Closed)));
}

fn killed(subject: &Subject) {
    let spawner = subject.spawner();
    let started = spawner.spawn(&unit("echo")).unwrap();
    spawner.kill(started.pid);
    subject.reaped(&*spawner, &started);
    let closed = started.channel.receive_within(Some(LOST_NS));
    assert!(matches!(closed, Err(ChannelError::Closed)));
}

fn channel_closed(subject: &Subject) {
    let spawner = subject.spawner();
    let mut started = spawner.spawn(&unit("echo")).unwrap();
    let (replacement, _other) = subject.pair();
    started.channel = replacement;
    assert_eq!(subject.reaped(&*spawner, &started), 0);
}

fn unknown(subject: &Subject) {
    assert_eq!(subject.refused_spawn(), Some(SpawnError::UnknownRole));
}
