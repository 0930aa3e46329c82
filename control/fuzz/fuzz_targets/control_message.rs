//! Any bytes are a message of a direction or not, and a message has only one encoding.
//!
//! The first byte of the input fixes most of the header, which random bytes seldom get right: its
//! lowest bit decides whether magic, version, reserved word and length are made right.

#![no_main]

use control::message::{
    BrokerReply, ClientMessage, GuardianCommand, GuardianReply, Header, LaunchCommand, LaunchReply,
    Message, ServiceCommand, ServiceMessage,
};
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 32;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if choice & 1 == 1 {
        mend(&mut bytes);
    }
    check::<ClientMessage>(&bytes);
    check::<BrokerReply>(&bytes);
    check::<ServiceCommand>(&bytes);
    check::<ServiceMessage>(&bytes);
    check::<LaunchCommand>(&bytes);
    check::<LaunchReply>(&bytes);
    check::<GuardianCommand>(&bytes);
    check::<GuardianReply>(&bytes);
});

fn check<M: Message>(bytes: &[u8]) {
    if let Ok((header, message)) = M::decode(bytes) {
        assert_eq!(message.encode(header), bytes);
    }
}

/// Makes right the parts of a header that do not depend on the kind.
fn mend(bytes: &mut [u8]) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let (header, body) = bytes.split_at_mut(HEADER_BYTES);
    let valid = ClientMessage::Hello.encode(Header::default());
    header[..6].copy_from_slice(&valid[..6]);
    if let Ok(body_bytes) = u32::try_from(body.len()) {
        header[8..12].copy_from_slice(&body_bytes.to_le_bytes());
    }
    header[14..16].fill(0);
}
