//! Messages of a service that has no business with what they are about: an endpoint's provider sends
//! each of them, about sessions, regions and user sessions of others, and answers what nobody asked.
//! Nothing comes of it. That the other half holds, every other test shows.

use crate::rows::{Ground, token};
use crate::stage::{System, ask, held};
use capability::Rights;
use control::client::{Connection, SessionOptions};
use control::message::{
    ActsAs, Authenticated, ClientMessage, Confined, CreateRegion, Deauthenticate, DestroyRegion,
    Failed, Header, Layers, List, MapGrant, Message as _, Offer, Opened, Page, Pong, Refused,
    SERVICE_NEEDS, ServiceCommand, ServiceMessage, SessionEnded, Stack, Told, Withdraw,
};
use control::platform::{Channel, Packet, Pairing};
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};
use platform::{linux, local};
use std::sync::Arc;

/// Numbers of regions and user sessions that others have.
const OTHERS: std::ops::Range<u64> = 0..64;
const NAME: &str = "hostile";
const PATIENCE_NS: u64 = 60_000_000_000;

/// Each message, and what makes it the business of others.
fn attempts(theirs: SessionId, grant: u32) -> Vec<(&'static str, Vec<ServiceMessage>)> {
    use ServiceMessage as It;
    let each = |make: fn(u64) -> ServiceMessage| OTHERS.map(make).collect::<Vec<_>>();
    let all = Authenticated {
        session: 1,
        principal: "anna".parse().unwrap(),
        rights: Rights::all(),
        for_ns: u64::MAX,
        acts_as: ActsAs(Some((0, 0))),
        services: List::default(),
    };
    let offer = |region| It::Offer(Offer { session: theirs, region, grant: 1000 });
    vec![
        ("Done", vec![It::Done]),
        ("Failed", vec![It::Failed(Failed::new(Errno::EIO, "nobody asked"))]),
        ("Ready", vec![It::Ready(Confined { layers: Layers::from_bits_truncate(u32::MAX) })]),
        ("CreateRegion", vec![It::CreateRegion(CreateRegion { bytes: u64::MAX })]),
        ("DestroyRegion", each(|region| It::DestroyRegion(DestroyRegion { region }))),
        ("Offer", OTHERS.map(offer).collect()),
        ("Withdraw", vec![It::Withdraw(Withdraw { session: theirs, grant })]),
        ("SessionEnded", vec![It::SessionEnded(SessionEnded { session: theirs, reason: None })]),
        ("Opened", vec![It::Opened(Opened { root: Handle::NONE })]),
        ("Pong", vec![It::Pong(Pong::default())]),
        ("Told", vec![It::Told(Told { text: b"nobody asked".to_vec().try_into().unwrap() })]),
        ("Statistics", vec![It::Statistics(Page::new([]))]),
        ("Stack", vec![It::Stack(Stack { frames: List::default() })]),
        ("Authenticated", vec![It::Authenticated(all)]),
        ("Refused", vec![It::Refused(Refused { call: 1, count: 1000 })]),
        ("Deauthenticate", each(|session| It::Deauthenticate(Deauthenticate { session }))),
    ]
}

fn send(channel: &dyn Channel, request: u64, message: &ServiceMessage) {
    let packet = Packet { bytes: message.encode(Header::new(request)), descriptors: Vec::new() };
    while channel.send(&packet) == Err(control::platform::ChannelError::Full) {
        std::thread::yield_now();
    }
}

fn provider(system: &System, connection: &Connection) -> Arc<dyn Channel> {
    let (_, descriptor) = connection.create_endpoint(NAME).unwrap();
    let channel = match system {
        System::Local(_) => local::Platform::new().other_half(&descriptor),
        System::Linux(_) => linux::Platform::new().other_half(&descriptor),
    };
    channel.unwrap()
}

/// Waits until everything that was sent so far has been heard.
fn await_heard(channel: &dyn Channel) {
    const NUMBER: u64 = 4711;
    let wish = CreateRegion { bytes: u64::MAX };
    send(channel, NUMBER, &ServiceMessage::CreateRegion(wish));
    loop {
        let packet = channel.receive_within(Some(PATIENCE_NS)).unwrap();
        let (header, command) = ServiceCommand::decode(&packet.bytes).unwrap();
        if header.request == NUMBER {
            assert!(matches!(command, ServiceCommand::Failed(_)), "there is no such memory");
            return;
        }
    }
}

fn check(system: &System) {
    let victim = system.connect();
    let (vfs, _) = held(&victim, "vfs");
    let ground = Ground::open(&victim, vfs);
    let (theirs, mut queue) = ground.session.unwrap();
    // One that works by a token.
    let token = token(&victim);
    let mut anna = system.connect();
    anna.authenticate(&token).unwrap();
    let mut hers = anna.connect("vfs", SessionOptions::default()).unwrap();
    let mut her_queue = hers.take_queue().unwrap();
    let maker = system.connect();
    let before = victim.status().unwrap().counts;

    let channel = provider(system, &maker);
    let attempts = attempts(theirs.id(), ground.grant);
    let tried: Vec<&str> = attempts.iter().map(|(name, _)| *name).collect();
    let rows: Vec<&str> = SERVICE_NEEDS.iter().map(|row| row.message).collect();
    assert_eq!(tried, rows, "each message is tried");
    for (name, messages) in &attempts {
        for message in messages {
            // As the answer to whatever may have been asked, or to nothing.
            (0..4).for_each(|request| send(&*channel, request, message));
        }
        await_heard(&*channel);
        queue.stat(theirs.root(), b".").unwrap_or_else(|error| panic!("{name}: {error}"));
        her_queue.stat(hers.root(), b".").unwrap_or_else(|error| panic!("{name}: {error}"));
        let mapped = |grant| {
            let map = ClientMessage::MapGrant(MapGrant { session: theirs.id(), grant });
            ask(&victim, None, &map, Vec::new())
        };
        assert!(mapped(ground.grant).is_ok(), "{name}: the grant is gone");
        assert_eq!(mapped(1000), Err(Errno::ENOENT), "{name}: a grant of another's");
        system.connect().authenticate(&token).unwrap();
    }
    let report = victim.status().unwrap();
    let hostile = report.services.iter().find(|it| it.name.as_str() == NAME).unwrap();
    assert_eq!((hostile.refused, hostile.confinement), (0, Layers::default()));
    drop((channel, maker));
    let begun = std::time::Instant::now();
    while victim.status().unwrap().counts.regions != before.regions {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "regions are left behind");
    }
}

#[test]
fn local() {
    check(&System::local());
}

#[test]
fn linux() {
    check(&System::linux());
}
