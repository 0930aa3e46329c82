//! Listening, connecting, and why it may fail.

use crate::subject::{LOST_NS, Report, Subject, packet};
use dataplane::platform::Token;
use platform::{ConnectError, ListenError};

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("connections are reported and accepted", connections);
    check("an address has one listener, and is free after it", one_listener);
    check("nobody listens", nobody_listens);
}

fn address(name: &str) -> String {
    format!("@conformance-{}-{name}", std::process::id())
}

fn connections(subject: &Subject) {
    let address = address("connections");
    let listener = subject.listen(&address).unwrap();
    let poller = subject.poller();
    poller.add(&listener.source(), Token(1)).unwrap();
    assert!(listener.accept().is_none());
    for _ in 0..2 {
        let client = subject.connect(&address).unwrap();
        client.send(&packet(b"hello")).unwrap();
        assert_eq!(subject.ready(&*poller), [Token(1)]);
        let server = listener.accept().unwrap();
        assert!(listener.accept().is_none());
        assert_eq!(server.receive_within(Some(LOST_NS)).unwrap().bytes, b"hello");
        server.send(&packet(b"welcome")).unwrap();
        assert_eq!(client.receive_within(Some(LOST_NS)).unwrap().bytes, b"welcome");
        assert_eq!(server.peer().pid, std::process::id());
        drop(server);
        assert!(!client.is_connected());
    }
}

fn one_listener(subject: &Subject) {
    let address = address("one");
    let listener = subject.listen(&address).unwrap();
    assert_eq!(subject.listen(&address).err(), Some(ListenError::InUse));
    drop(listener);
    assert!(subject.listen(&address).is_ok());
}

fn nobody_listens(subject: &Subject) {
    let refused = subject.connect(&address("nobody")).err();
    assert_eq!(refused, Some(ConnectError::NotListening));
}
