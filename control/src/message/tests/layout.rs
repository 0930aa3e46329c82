//! The bytes of some messages, written out: a change of them is a new version.

use alloc::vec;
use alloc::vec::Vec;

use capability::{Handle, Rights};
use dataplane::entry::{self, Errno};
use dataplane::{Histogram, SessionId, WaitMode};

use crate::message::*;

/// The header of a message, up to its request.
fn header_bytes(kind: u16, body_bytes: u32, descriptors: u16) -> Vec<u8> {
    let mut bytes = b"VCTL\x01\0".to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(body_bytes.to_le_bytes());
    bytes.extend(descriptors.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn connect() {
    let message = ClientMessage::Connect(Connect {
        service: name("vfs"),
        arena_bytes: 0x10_0000,
        features: 3,
        sq_entries: 64,
        cq_entries: 128,
        queues: 2,
        waiting: WaitMode::Sleeping,
    });
    let mut expected = header_bytes(0x0102, 92, 0);
    expected.extend(0x1122_3344_5566_7788u64.to_le_bytes());
    expected.extend([5, 0, 0, 0, 9, 0, 0, 0]);
    expected.extend(b"vfs");
    expected.extend([0; 61]);
    expected.extend([0, 0, 0x10, 0, 0, 0, 0, 0]);
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([64, 0, 0, 0, 128, 0, 0, 0, 2, 0, 2, 0]);
    let header =
        Header { request: 0x1122_3344_5566_7788, capability: Handle::from_word(9 << 32 | 5) };
    assert_eq!(message.encode(header), expected);
}

#[test]
fn open_session() {
    let credentials = Credentials { uid: 1000, gid: 100, groups: vec![4, 27].try_into().unwrap() };
    let message = ServiceCommand::OpenSession(OpenSession {
        terms: SessionTerms {
            session: SessionId(1),
            badge: 2,
            rights: Rights::READ | Rights::WRITE,
            arena_bytes: 4,
            epoch: 5,
            sq_entries: 6,
            cq_entries: 7,
            max_handles: 8,
            max_in_flight: 9,
            max_pinned_pages: 10,
            queues: 11,
            waiting: WaitMode::Polling,
        },
        credentials: vec![credentials].try_into().unwrap(),
    });
    assert_eq!(message.descriptors(), 5);
    let mut expected = header_bytes(0x0301, 60 + 4 + 20, 5);
    expected.extend(8u64.to_le_bytes());
    expected.extend(0u64.to_le_bytes());
    for word in 1..=4u64 {
        expected.extend(word.to_le_bytes());
    }
    for word in 5..=10u32 {
        expected.extend(word.to_le_bytes());
    }
    expected.extend([11, 0, 1, 0]);
    for word in [1u32, 1000, 100, 2, 4, 27] {
        expected.extend(word.to_le_bytes());
    }
    assert_eq!(message.encode(Header::new(8)), expected);
}

#[test]
fn set_credential() {
    let credentials = Credentials { uid: 1000, gid: 100, groups: vec![4].try_into().unwrap() };
    let body = SetCredential { session: SessionId(3), index: 7, credentials };
    let mut words = vec![3, 0, 0, 0, 0, 0, 0, 0, 7, 0];
    for word in [1000u32, 100, 1, 4] {
        words.extend(word.to_le_bytes());
    }
    let header = Header::new(8);
    for (kind, bytes) in [
        (0x010c, ClientMessage::SetCredential(body.clone()).encode(header)),
        (0x0309, ServiceCommand::SetCredential(body).encode(header)),
    ] {
        let mut expected = header_bytes(kind, 26, 0);
        expected.extend(8u64.to_le_bytes());
        expected.extend(0u64.to_le_bytes());
        expected.extend(&words);
        assert_eq!(bytes, expected);
    }
}

#[test]
fn handles_errors_and_texts() {
    let root = entry::Handle { slot: 1, generation: 2 };
    let bytes = ServiceMessage::Opened(Opened { root }).encode(Header::default());
    assert_eq!(bytes[32..], [1, 0, 0, 0, 2, 0, 0, 0]);

    let ended = SessionEnded { session: SessionId(3), reason: Some(Errno::EPROTO) };
    let bytes = ServiceMessage::SessionEnded(ended).encode(Header::default());
    assert_eq!(bytes[32..], [3, 0, 0, 0, 0, 0, 0, 0, 71, 0, 0, 0]);

    let failed = Failed::new(Errno::EPERM, "no");
    let bytes = BrokerReply::Failed(failed).encode(Header::default());
    assert_eq!(bytes[32..], [1, 0, 0, 0, 2, 0, b'n', b'o']);
}

#[test]
fn each_kind_has_its_number() {
    let kind = |bytes: Vec<u8>| u16::from_le_bytes([bytes[6], bytes[7]]);
    let client = |message: ClientMessage| kind(message.encode(Header::default()));
    let session = SessionNamed { session: SessionId(0) };
    let derive = Derive { rights: Rights::empty(), badge: 0 };
    let map = MapGrant { session: SessionId(0), grant: 0 };
    assert_eq!(client(ClientMessage::Hello), 0x0101);
    assert_eq!(client(ClientMessage::Disconnect(session)), 0x0103);
    assert_eq!(client(ClientMessage::MapGrant(map)), 0x0104);
    assert_eq!(client(ClientMessage::Derive(derive)), 0x0105);
    assert_eq!(client(ClientMessage::Revoke), 0x0106);
    assert_eq!(client(ClientMessage::Status), 0x0107);
    assert_eq!(client(ClientMessage::Shutdown), 0x0108);

    let reply = |message: BrokerReply| kind(message.encode(Header::default()));
    assert_eq!(reply(BrokerReply::Done), 0x0001);
    assert_eq!(reply(BrokerReply::Mapped(Mapped { grant: 0 })), 0x0203);

    let command = |message: ServiceCommand| kind(message.encode(Header::default()));
    assert_eq!(command(ServiceCommand::CloseSession(session)), 0x0302);
    assert_eq!(command(ServiceCommand::RevokeSession(session)), 0x0303);
    assert_eq!(command(ServiceCommand::Stop), 0x0304);
    assert_eq!(command(ServiceCommand::Ping), 0x0305);

    let message = |message: ServiceMessage| kind(message.encode(Header::default()));
    assert_eq!(message(ServiceMessage::Ready(Confined::default())), 0x0401);
    assert_eq!(message(ServiceMessage::CreateRegion(CreateRegion { bytes: 0 })), 0x0402);
    assert_eq!(message(ServiceMessage::DestroyRegion(DestroyRegion { region: 0 })), 0x0403);
    assert_eq!(message(ServiceMessage::Pong(Pong::default())), 0x0408);
}

#[test]
fn statistics() {
    let mut times = Histogram::default();
    (0..3).for_each(|_| times.record(5));
    times.record(1000);
    let work = Work { session: SessionId(1), accepted: 2, completed: 3, errors: 4, in_flight: 5 };
    let statistics = SessionStatistics { work, times };
    let client = ClientIdentity { pid: 6, uid: 7 };
    let page = Page::new([ClientStatistics { client, statistics }]).followed_by(Some(SessionId(8)));
    let mut expected = header_bytes(0x0208, 12 + 8 + 40 + 2 + 2 * 10, 0);
    for word in [0, 0, 8u64] {
        expected.extend(word.to_le_bytes());
    }
    expected.extend([1, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0]);
    for word in 1..=5u64 {
        expected.extend(word.to_le_bytes());
    }
    expected.extend([2, 0, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 63, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(BrokerReply::Statistics(page).encode(Header::default()), expected);
}

#[test]
fn confinement() {
    let layers = Layers::default()
        .with(Layer::NoNewPrivileges, LayerState::InForce)
        .with(Layer::SystemCalls, LayerState::NotInKernel)
        .with(Layer::Mounts, LayerState::NotPermitted)
        .with(Layer::ResourceLimits, LayerState::InForce);
    let mut expected = header_bytes(0x0401, 4, 0);
    expected.extend([0; 16]);
    expected.extend([0b1000_1101, 0, 0b0100, 0]);
    assert_eq!(ServiceMessage::Ready(Confined { layers }).encode(Header::default()), expected);
    assert_eq!(layers.held_and_wanted(), (2, 4));

    let mut unknown = expected;
    unknown[35] = 1;
    let fault = Fault::Layers { bits: layers.bits() | 1 << 24 };
    let error = DecodeError::Malformed { kind: 0x0401, request: 0, fault };
    assert_eq!(ServiceMessage::decode(&unknown), Err(error));

    let mut expected = header_bytes(0x040e, 8, 0);
    expected.extend([0; 16]);
    expected.extend([101, 0, 0, 0, 3, 0, 0, 0]);
    let refused = ServiceMessage::Refused(Refused { call: 101, count: 3 });
    assert_eq!(refused.encode(Header::default()), expected);
}
