//! Clients that serve others: the vfs in a thread of the client's, and providers that are not honest.

use crate::System;
use crate::common::files::{Parts, serve_files};
use capability::{Handle, Rights};
use control::client::{ConnectError, Connection, Session, SessionOptions};
use control::message::{
    Confined, Header, HeldCapability, Message as _, Opened, ServiceCommand, ServiceMessage,
};
use control::platform::{Channel, Packet, Pairing};
use control::runtime::ServeError;
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{self, Errno};
use dataplane::file::OpenFlags;
use platform::{linux, local};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(30);
const NAME: &str = "shared-files";
const ALL: Rights = Rights::CONNECT
    .union(Rights::READ)
    .union(Rights::WRITE)
    .union(Rights::CREATE)
    .union(Rights::DERIVE)
    .union(Rights::REVOKE);

/// A client that serves files, and its capability for them.
struct Provider {
    connection: Connection,
    endpoint: Handle,
    serving: JoinHandle<Result<(), ServeError>>,
}

fn provider(system: &System) -> Provider {
    let connection = system.connect();
    let (endpoint, descriptor) = connection.create_endpoint(NAME).unwrap();
    let serving = match system {
        System::Local(_) => thread::spawn(move || {
            let platform = local::Platform::new();
            let channel = platform.other_half(&descriptor).unwrap();
            drop(descriptor);
            let parts = Parts {
                waiting: platform.waiting(),
                memory: platform.memory(),
                doorbells: platform.doorbells(),
            };
            serve_files(channel, parts, local::poller().unwrap())
        }),
        System::Linux(_) => thread::spawn(move || {
            let platform = linux::Platform::new();
            let channel = platform.other_half(&descriptor).unwrap();
            drop(descriptor);
            let parts = Parts {
                waiting: platform.waiting(),
                memory: platform.memory(),
                doorbells: platform.doorbells(),
            };
            serve_files(channel, parts, linux::poller().unwrap())
        }),
    };
    Provider { connection, endpoint, serving }
}

/// Connects, once the endpoint is served.
fn open(connection: &Connection, by: Handle) -> (Session, Queue) {
    let begun = Instant::now();
    loop {
        match connection.connect_by(by, NAME, SessionOptions::default()) {
            Ok(mut session) => {
                let queue = session.take_queue().unwrap();
                return (session, queue);
            }
            Err(error) => {
                assert_eq!(error.errno(), Errno::ENOTCONN, "{error}");
                assert!(begun.elapsed() < WITHIN, "it is never served");
            }
        }
    }
}

#[track_caller]
fn refused<T>(outcome: Result<T, ConnectError>, expected: Errno) {
    match outcome {
        Err(ConnectError::Refused { errno, .. }) => assert_eq!(errno, expected),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was allowed"),
    }
}

fn hand(provider: &Provider, guest: &Connection, rights: Rights) -> HeldCapability {
    guest.take(provider.connection.hand(provider.endpoint, rights, 0).unwrap()).unwrap()
}

fn store(queue: &mut Queue, root: entry::Handle, name: &[u8]) -> Result<(), ClientError> {
    let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
    let file = queue.open(root, name, flags, 0o600)?;
    queue.write(file, 0, b"what was said")?;
    let mut read = [0; 13];
    queue.read(file, 0, &mut read)?;
    assert_eq!(&read, b"what was said");
    queue.close(file)
}

pub(crate) fn an_endpoint_is_for_those_who_are_handed_it(system: &System) {
    let provider = provider(system);
    let guest = system.connect();
    assert!(guest.capability(NAME).is_err(), "nobody is given it");
    let held = hand(&provider, &guest, ALL);
    assert_eq!((held.service.as_str(), held.rights), (NAME, ALL));
    let (session, mut queue) = open(&guest, held.handle);
    store(&mut queue, session.root(), b"a").unwrap();
    // With fewer rights one can do less, as with any service.
    let less = hand(&provider, &guest, Rights::CONNECT | Rights::READ);
    let (looking, mut look) = open(&guest, less.handle);
    let denied = store(&mut look, looking.root(), b"b");
    assert_eq!(denied, Err(ClientError::Service(Errno::EPERM)));
    // What is revoked ends; the others go on.
    guest.revoke(less.handle).unwrap();
    assert_eq!(store(&mut look, looking.root(), b"a"), Err(ClientError::Ended(Errno::EKEYREVOKED)));
    store(&mut queue, session.root(), b"a").unwrap();
    // It is not init's to control, nor the provider's to call it something of the system.
    let by = provider.connection.derive(provider.endpoint, ALL, 0).unwrap();
    refused(provider.connection.connect_by(by, "vfs", SessionOptions::default()), Errno::EPERM);
}

pub(crate) fn what_is_registered_is_given_to_all(system: &System) {
    let provider = provider(system);
    let before = system.connect();
    provider.connection.register(provider.endpoint).unwrap();
    assert!(before.capability(NAME).is_err(), "those before have to greet again");
    let guest = system.connect();
    let (session, mut queue) = open(&guest, guest.capability(NAME).unwrap());
    store(&mut queue, session.root(), b"a").unwrap();
    let report = guest.status().unwrap();
    let shown = report.services.iter().find(|service| service.name.as_str() == NAME).unwrap();
    assert_eq!((shown.pid, shown.sessions), (std::process::id(), 1));
    // Names are taken once, and some are init's.
    for name in [NAME, "vfs", "init", "auth", "logger"] {
        refused(guest.create_endpoint(name), Errno::EEXIST);
    }
    // Only who serves it can register it.
    refused(guest.register(guest.capability(NAME).unwrap()), Errno::ENOENT);
    refused(provider.connection.register(guest_handle(&provider)), Errno::ENOENT);
}

/// A capability of the provider's that is on something else.
fn guest_handle(provider: &Provider) -> Handle {
    provider.connection.capability("vfs").unwrap()
}

pub(crate) fn an_endpoint_ends_with_its_maker(system: &System) {
    let provider = provider(system);
    let guest = system.connect();
    let held = hand(&provider, &guest, ALL);
    let (session, mut queue) = open(&guest, held.handle);
    let (root, serving) = (session.root(), provider.serving);
    store(&mut queue, root, b"a").unwrap();
    drop(provider.connection);
    let begun = Instant::now();
    while let Ok(()) = store(&mut queue, root, b"a") {
        assert!(begun.elapsed() < WITHIN, "it goes on");
    }
    assert_eq!(store(&mut queue, root, b"a"), Err(ClientError::Ended(Errno::ENOTCONN)));
    assert_eq!(serving.join().unwrap(), Err(ServeError::BrokerGone));
    let again = guest.connect_by(held.handle, NAME, SessionOptions::default());
    refused(again, Errno::EPERM);
    // The name is free, and what was held of the first is not of the second.
    let second = self::provider(system);
    refused(guest.connect_by(held.handle, NAME, SessionOptions::default()), Errno::EPERM);
    let held = hand(&second, &guest, ALL);
    let (session, mut queue) = open(&guest, held.handle);
    store(&mut queue, session.root(), b"a").unwrap();
}

/// The channel of an endpoint whose provider is this test.
fn raw(system: &System, connection: &Connection) -> (Handle, Arc<dyn Channel>) {
    let (endpoint, descriptor) = connection.create_endpoint(NAME).unwrap();
    let channel = match system {
        System::Local(_) => local::Platform::new().other_half(&descriptor),
        System::Linux(_) => linux::Platform::new().other_half(&descriptor),
    };
    (endpoint, channel.unwrap())
}

fn send(channel: &dyn Channel, request: u64, message: &ServiceMessage) {
    let bytes = message.encode(Header::new(request));
    channel.send(&Packet { bytes, descriptors: Vec::new() }).unwrap();
}

/// Whoever keeps descriptors for init may take a moment to let go.
fn await_hang_up(channel: &dyn Channel) {
    let begun = Instant::now();
    while channel.is_connected() {
        assert!(begun.elapsed() < WITHIN, "it is not cut off");
    }
}

pub(crate) fn a_provider_that_acknowledges_nothing_is_cut_off(system: &System) {
    let (maker, guest) = (system.connect(), system.connect());
    let (endpoint, channel) = raw(system, &maker);
    send(&*channel, 0, &ServiceMessage::Ready(Confined::default()));
    let held = guest.take(maker.hand(endpoint, ALL, 0).unwrap()).unwrap();
    let opener = thread::spawn(move || {
        let (session, queue) = open(&guest, held.handle);
        (guest, session, queue)
    });
    let opened = |packet: &Packet| match ServiceCommand::decode(&packet.bytes).unwrap() {
        (header, ServiceCommand::OpenSession(_)) => Some(header.request),
        _ => None,
    };
    let request = loop {
        let packet = channel.receive_within(Some(30_000_000_000)).unwrap();
        if let Some(request) = opened(&packet) {
            break request;
        }
    };
    send(&*channel, request, &ServiceMessage::Opened(Opened { root: entry::Handle::NONE }));
    let (guest, session, mut queue) = opener.join().unwrap();
    // It is told to let the session go, and does not.
    guest.revoke(held.handle).unwrap();
    let over = store(&mut queue, session.root(), b"a");
    assert!(matches!(over, Err(ClientError::Ended(_))), "{over:?}");
    await_hang_up(&*channel);
    works(system);
}

pub(crate) fn a_provider_that_talks_nonsense_is_cut_off(system: &System) {
    let maker = system.connect();
    let (_, channel) = raw(system, &maker);
    channel.send(&Packet { bytes: b"nonsense".to_vec(), descriptors: Vec::new() }).unwrap();
    await_hang_up(&*channel);
    // What it says of others' sessions, users and regions counts for nothing.
    let (_, channel) = raw(system, &maker);
    send(&*channel, 0, &ServiceMessage::Ready(Confined::default()));
    let mut session = maker.connect("vfs", SessionOptions::default()).unwrap();
    let mut queue = session.take_queue().unwrap();
    let ended = control::message::SessionEnded { session: session.id(), reason: None };
    send(&*channel, 0, &ServiceMessage::SessionEnded(ended));
    let all = control::message::Deauthenticate { session: 1 };
    send(&*channel, 0, &ServiceMessage::Deauthenticate(all));
    let region = control::message::DestroyRegion { region: 1 };
    send(&*channel, 0, &ServiceMessage::DestroyRegion(region));
    works(system);
    store(&mut queue, session.root(), b"still-there").unwrap();
}

/// Somebody else comes and goes as ever.
fn works(system: &System) {
    let connection = system.connect();
    let mut session = connection.connect("vfs", SessionOptions::default()).unwrap();
    let mut queue = session.take_queue().unwrap();
    store(&mut queue, session.root(), b"works").unwrap();
}

pub(crate) fn endpoints_are_bounded(system: &System) {
    const MOST: usize = 8;
    let maker = system.connect();
    let made: Vec<_> =
        (0..MOST).map(|n| maker.create_endpoint(&format!("endpoint-{n}")).unwrap()).collect();
    refused(maker.create_endpoint("one-more"), Errno::EDQUOT);
    drop(made);
    // Each ends with its channel.
    let begun = Instant::now();
    while let Err(ConnectError::Refused { errno, .. }) = maker.create_endpoint("one-more") {
        assert_eq!(errno, Errno::EDQUOT);
        assert!(begun.elapsed() < WITHIN, "their places are never free");
    }
}
