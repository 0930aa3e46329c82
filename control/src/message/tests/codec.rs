//! What is true of every message: encoding and decoding are each other's inverse, and nothing
//! that was cut, grown or altered is taken for something else.

extern crate std;

use core::fmt::Debug;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::{env, println};

use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

use super::values::{
    auth_reply, auth_request, broker_reply, client_message, header, service_command,
    service_message,
};
use crate::message::*;

/// Checks `test` on random values, from a seed that is printed and can be given.
fn check<T: Debug>(values: impl Strategy<Value = T>, test: impl Fn(T) -> TestCaseResult) {
    let seed = match env::var("PROPTEST_RNG_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(()),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    let config =
        Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&values, test).unwrap();
}

/// A message's bytes give the message back; cut, grown or altered bytes do not give another one.
fn survives<M: Message + Clone + Debug + PartialEq>(
    header: Header,
    message: &M,
    (cut, flipped): (prop::sample::Index, prop::sample::Index),
) -> TestCaseResult {
    let bytes = message.encode(header);
    prop_assert!(bytes.len() <= MAX_MESSAGE_BYTES);
    prop_assert!(message.descriptors() <= MAX_DESCRIPTORS);
    prop_assert_eq!(M::decode(&bytes), Ok((header, message.clone())));

    prop_assert!(M::decode(&bytes[..cut.index(bytes.len())]).is_err());
    let mut grown = bytes.clone();
    grown.push(0);
    prop_assert!(M::decode(&grown).is_err());

    let mut altered = bytes;
    let bit = flipped.index(altered.len() * 8);
    altered[bit / 8] ^= 1 << (bit % 8);
    takes_only_what_it_writes::<M>(&altered)
}

fn takes_only_what_it_writes<M: Message>(bytes: &[u8]) -> TestCaseResult {
    if let Ok((header, message)) = M::decode(bytes) {
        prop_assert_eq!(&message.encode(header)[..], bytes);
    }
    Ok(())
}

fn places() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index)> {
    any::<(prop::sample::Index, prop::sample::Index)>()
}

#[test]
fn client_messages_survive() {
    check((header(), client_message(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
}

#[test]
fn broker_replies_survive() {
    check((header(), broker_reply(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
}

#[test]
fn service_commands_survive() {
    check((header(), service_command(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
}

#[test]
fn service_messages_survive() {
    check((header(), service_message(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
}

#[test]
fn what_auth_is_asked_and_answers_survives() {
    check((header(), auth_request(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
    check((header(), auth_reply(), places()), |(header, message, places)| {
        survives(header, &message, places)
    });
}

/// Each fits the text of `Tell`, whatever it holds.
#[test]
fn what_auth_is_asked_and_answers_fits_a_text() {
    let longest = AuthRequest::SetPassword(SetPassword {
        name: name(64),
        old: Secret::new(alloc::vec![1; 512]).unwrap(),
        new: Secret::new(alloc::vec![1; 512]).unwrap(),
    });
    assert!(Text::try_from(longest.encode(Header::default())).is_ok());
    let record =
        AuditRecord { sequence: 1, time: 1, text: alloc::vec![b'a'; 400].try_into().unwrap() };
    let records = alloc::vec![record; 8].try_into().unwrap();
    let page = AuthReply::Audit(AuditPage { records });
    assert!(Text::try_from(page.encode(Header::default())).is_ok());
    let identity = AuthReply::Identity(Identity {
        name: name(64),
        kind: PrincipalKind::User,
        rights: capability::Rights::all(),
        for_ns: 1,
        acts_as: ActsAs(Some((1, 1))),
        services: alloc::vec![name(64); 16].try_into().unwrap(),
    });
    assert!(Text::try_from(identity.encode(Header::default())).is_ok());
    assert!(Secret::new(alloc::vec![1; 513]).is_none());
}

fn name(length: usize) -> Name {
    "a".repeat(length).parse().unwrap()
}

#[test]
fn any_body_is_decoded_or_refused() {
    let kinds = prop_oneof![
        1..3u16,
        0x0101..0x0120u16,
        0x0201..0x0208u16,
        0x0301..0x0311u16,
        0x0401..0x0411u16,
        0x0701..0x070fu16,
        0x0801..0x0808u16
    ];
    let body = proptest::collection::vec(prop_oneof![Just(0u8), Just(1u8), any::<u8>()], 0..300);
    check((kinds, 0..6u16, body), |(kind, descriptors, body)| {
        let mut bytes = ClientMessage::Hello.encode(Header::new(1));
        bytes[6..8].copy_from_slice(&kind.to_le_bytes());
        bytes[8..12].copy_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes[12..14].copy_from_slice(&descriptors.to_le_bytes());
        bytes.extend(body);
        takes_only_what_it_writes::<ClientMessage>(&bytes)?;
        takes_only_what_it_writes::<BrokerReply>(&bytes)?;
        takes_only_what_it_writes::<ServiceCommand>(&bytes)?;
        takes_only_what_it_writes::<ServiceMessage>(&bytes)?;
        takes_only_what_it_writes::<AuthRequest>(&bytes)?;
        takes_only_what_it_writes::<AuthReply>(&bytes)
    });
}

/// The bytes of a message with those from `offset` on replaced.
fn patched(message: &impl Message, offset: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = message.encode(Header::new(9));
    bytes[offset..offset + with.len()].copy_from_slice(with);
    bytes
}

fn malformed<T>(kind: u16, fault: Fault) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed { kind, request: 9, fault })
}

#[test]
fn what_is_no_message_cannot_be_answered() {
    let hello = ClientMessage::Hello;
    for (bytes, error) in [
        (Vec::new(), DecodeError::Size { bytes: 0 }),
        (alloc::vec![0; 31], DecodeError::Size { bytes: 31 }),
        (alloc::vec![0; 4097], DecodeError::Size { bytes: 4097 }),
        (patched(&hello, 0, &[1, 2, 3, 4]), DecodeError::Magic { magic: 0x0403_0201 }),
        (patched(&hello, 4, &[2]), DecodeError::Version { version: 2 }),
    ] {
        assert_eq!(ClientMessage::decode(&bytes), Err(error));
        assert_eq!(error.request(), None);
    }
}

#[test]
fn unknown_kinds_can_be_answered() {
    let bytes = patched(&ClientMessage::Hello, 6, &[0xff, 0x01]);
    let error = DecodeError::Unknown { kind: 0x01ff, request: 9 };
    assert_eq!(ClientMessage::decode(&bytes), Err(error));
    assert_eq!(error.request(), Some(9));
}

#[test]
fn a_message_is_unknown_in_the_other_directions() {
    let bytes = ServiceMessage::Ready(Confined::default()).encode(Header::new(9));
    let error = DecodeError::Unknown { kind: 0x0401, request: 9 };
    assert_eq!(ClientMessage::decode(&bytes), Err(error));
    assert_eq!(BrokerReply::decode(&bytes), Err(error));
    assert_eq!(ServiceCommand::decode(&bytes), Err(error));
}

#[test]
fn each_rule_of_the_header_is_checked() {
    let hello = ClientMessage::Hello;
    for (offset, with, fault) in [
        (8, 1u64, Fault::Length),
        (12, 1, Fault::Descriptors { count: 1 }),
        (14, 1, Fault::Reserved),
        (24, 7, Fault::Handle { word: 7 }),
        (24, 1 << 48, Fault::Handle { word: 1 << 48 }),
    ] {
        let width = if offset == 24 { 8 } else { 2 };
        let bytes = patched(&hello, offset, &with.to_le_bytes()[..width]);
        assert_eq!(ClientMessage::decode(&bytes), malformed(0x0101, fault));
    }
}

#[test]
fn each_rule_of_the_fields_is_checked() {
    let derive = ClientMessage::Derive(Derive { rights: capability::Rights::READ, badge: 0 });
    let bits = 1 << 63 | 1;
    assert_eq!(
        ClientMessage::decode(&patched(&derive, 39, &[0x80])),
        malformed(0x0105, Fault::Rights { bits })
    );

    let failed = BrokerReply::Failed(Failed::new(dataplane::entry::Errno::EPERM, "no"));
    for (offset, with, fault) in [
        (32, &[0][..], Fault::Errno { value: 0 }),
        (32, &[0, 16], Fault::Errno { value: 4096 }),
        (32, &[255; 4], Fault::Errno { value: -1 }),
        (36, &[3], Fault::Length),
        (36, &[1, 1], Fault::Text),
        (36, &[1], Fault::Length),
        (38, &[0x80], Fault::Text),
        (38, &[0x1b], Fault::Text),
    ] {
        let bytes = patched(&failed, offset, with);
        assert_eq!(BrokerReply::decode(&bytes), malformed(0x0002, fault), "{with:?} at {offset}");
    }

    let welcome = BrokerReply::Welcome(Welcome { features: 0, capabilities: List::default() });
    for (count, fault) in [(1, Fault::Length), (33, Fault::Count { count: 33 })] {
        let bytes = patched(&welcome, 40, &[count]);
        assert_eq!(BrokerReply::decode(&bytes), malformed(0x0201, fault));
    }
}

#[test]
fn errors_of_no_number_become_input_output_errors() {
    use dataplane::entry::Errno;
    for number in [0, -1, 4096, i32::MIN] {
        let bytes = BrokerReply::Failed(Failed::new(Errno(number), "")).encode(Header::new(1));
        let (_, message) = BrokerReply::decode(&bytes).unwrap();
        assert_eq!(message, BrokerReply::Failed(Failed::new(Errno::EIO, "")));
    }
}
