//! Any bytes are a token or not; a token has only one encoding, and none that was not made with the key
//! passes for one that was.

#![no_main]

use control::token::{Caveat, Token};
use libfuzzer_sys::fuzz_target;

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|input: &[u8]| {
    if let Ok(token) = Token::decode(input) {
        assert_eq!(token.encode(), input);
        assert_eq!(Token::from_text(&token.to_text()), Ok(token.clone()));
        // The fuzzer does not find a link of 32 bytes.
        assert!(!token.is_made_with(&KEY));
        if let Ok(less) = token.with(Caveat::User(1)) {
            assert_eq!(Token::decode(&less.encode()), Ok(less));
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(token) = Token::from_text(text) {
            assert!(token.to_text().eq_ignore_ascii_case(text));
        }
    }
});
