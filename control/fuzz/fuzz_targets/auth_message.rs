//! Any bytes are a request to auth, or an answer of it, or neither, and each has only one encoding.
//!
//! The first byte of the input decides whether the header is made right, see `control_message`; its
//! kind is always the input's.

#![no_main]

use control::message::{AuthReply, AuthRequest, Header, Message};
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 32;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if choice & 1 == 1 && bytes.len() >= HEADER_BYTES {
        let (header, body) = bytes.split_at_mut(HEADER_BYTES);
        let valid = AuthRequest::LogInAsPeer.encode(Header::default());
        header[..6].copy_from_slice(&valid[..6]);
        header[7] = 7 + (header[7] & 1);
        header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
        header[12..16].fill(0);
    }
    if let Ok((header, request)) = AuthRequest::decode(&bytes) {
        assert_eq!(request.encode(header), bytes);
    }
    if let Ok((header, reply)) = AuthReply::decode(&bytes) {
        assert_eq!(reply.encode(header), bytes);
    }
});
