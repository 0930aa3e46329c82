//! Tokens: what stands for a user session, and can be handed on with fewer rights.
//!
//! A token is a chain. Its first link is made with a key that only the service `auth` has; each caveat
//! takes something away, and its link is made with the link before it, which is thrown away. So whoever
//! holds a token adds a caveat without asking anybody, nobody takes one off, and only `auth` can tell
//! whether the chain is whole (as with macaroons: Birgisson et al., NDSS 2014).
//!
//! | offset | size | meaning                                                   |
//! |--------|------|-----------------------------------------------------------|
//! | 0      | 1    | version, 1                                                |
//! | 1      | 8    | the user session                                          |
//! | 9      | 1    | number of caveats, at most 16                             |
//! | 10     | n    | caveats: kind u8, and then                                |
//! |        |      | 1: rights u64, the most that is allowed                   |
//! |        |      | 2: count u8 (1 to 16) of services, each: length u8, name  |
//! |        |      | 3: time u64, ns since 1970, after which nothing is allowed |
//! |        |      | 4: uid u32 of the only user of the host who may show it   |
//! | 10 + n | 32   | the last link                                             |
//!
//! The first link is HMAC-SHA-256 of bytes 0 to 9 under the session's key, each other one that of the
//! caveat's bytes under the link before it. As text, a token is its bytes in hexadecimal.

use crate::message::Name;
use alloc::string::String;
use alloc::vec::Vec;
use capability::Rights;
use core::fmt::{self, Write};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of a key, and of a link.
pub const KEY_BYTES: usize = 32;
/// Most caveats of a token.
const MOST_CAVEATS: usize = 16;
/// Most services of a caveat.
const MOST_SERVICES: usize = 16;
/// The longest token.
pub const MAX_TOKEN_BYTES: usize = 1024;
const VERSION: u8 = 1;

/// What a token takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// All rights but these.
    Rights(Rights),
    /// All services but these.
    Services(Vec<Name>),
    /// All use after this time, ns since 1970.
    NotAfter(u64),
    /// Use by any user of the host but this.
    User(u32),
}

/// These bytes, or this text, are no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidToken;

/// A token can have no more caveats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Stands for a user session, or for a part of what it may do.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    session: u64,
    caveats: Vec<Caveat>,
    link: [u8; KEY_BYTES],
}

impl fmt::Debug for Token {
    /// Without the link, by which it could be used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token {{ session: {}, caveats: {:?} }}", self.session, self.caveats)
    }
}

impl Token {
    /// The token of a user session, that allows all that the session does.
    #[must_use]
    pub fn new(session: u64, key: &[u8; KEY_BYTES]) -> Self {
        Self { session, caveats: Vec::new(), link: first_link(session, key) }
    }

    /// The user session that it says it is of.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.session
    }

    /// What was taken away.
    #[must_use]
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// One that allows less.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn with(&self, caveat: Caveat) -> Result<Self, TooLong> {
        let mut next = self.clone();
        next.link = link(&self.link, &bytes_of(&caveat).ok_or(TooLong)?);
        next.caveats.push(caveat);
        let fits = next.caveats.len() <= MOST_CAVEATS && next.encode().len() <= MAX_TOKEN_BYTES;
        if fits { Ok(next) } else { Err(TooLong) }
    }

    /// Whether each link was made from the one before it, the first with this key. Takes the same time
    /// whatever differs.
    #[must_use]
    pub fn is_made_with(&self, key: &[u8; KEY_BYTES]) -> bool {
        let mut expected = first_link(self.session, key);
        for caveat in &self.caveats {
            expected = link(&expected, &bytes_of(caveat).unwrap_or_default());
        }
        expected.ct_eq(&self.link).into()
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = head(self.session).to_vec();
        // There are at most 16.
        bytes.push(u8::try_from(self.caveats.len()).unwrap_or(u8::MAX));
        for caveat in &self.caveats {
            bytes.extend(bytes_of(caveat).unwrap_or_default());
        }
        bytes.extend(self.link);
        bytes
    }

    /// Reads a token that takes all of these bytes.
    ///
    /// # Errors
    /// [`InvalidToken`], for any bytes that [`Token::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidToken> {
        if bytes.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let mut input = bytes;
        let [version] = take(&mut input)?;
        let session = u64::from_le_bytes(take(&mut input)?);
        let [count] = take(&mut input)?;
        if version != VERSION || usize::from(count) > MOST_CAVEATS {
            return Err(InvalidToken);
        }
        let caveats = (0..count).map(|_| read_caveat(&mut input)).collect::<Result<_, _>>()?;
        let link = take(&mut input)?;
        if input.is_empty() { Ok(Self { session, caveats, link }) } else { Err(InvalidToken) }
    }

    /// As text, in hexadecimal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for byte in self.encode() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// From text in hexadecimal.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn from_text(text: &str) -> Result<Self, InvalidToken> {
        let digit = |character: &u8| char::from(*character).to_digit(16).ok_or(InvalidToken);
        let byte = |pair: &[u8]| match pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).map_err(|_| InvalidToken),
            _ => Err(InvalidToken),
        };
        let bytes = text.as_bytes().chunks(2).map(byte).collect::<Result<Vec<_>, _>>()?;
        Self::decode(&bytes)
    }
}

/// Takes so many bytes off the front.
fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], InvalidToken> {
    let (taken, rest) = input.split_first_chunk().ok_or(InvalidToken)?;
    *input = rest;
    Ok(*taken)
}

fn read_caveat(input: &mut &[u8]) -> Result<Caveat, InvalidToken> {
    Ok(match take(input)? {
        [1] => {
            let bits = u64::from_le_bytes(take(input)?);
            Caveat::Rights(Rights::from_bits(bits).ok_or(InvalidToken)?)
        }
        [2] => {
            let [count] = take(input)?;
            if count == 0 || usize::from(count) > MOST_SERVICES {
                return Err(InvalidToken);
            }
            Caveat::Services((0..count).map(|_| read_name(input)).collect::<Result<_, _>>()?)
        }
        [3] => Caveat::NotAfter(u64::from_le_bytes(take(input)?)),
        [4] => Caveat::User(u32::from_le_bytes(take(input)?)),
        _ => return Err(InvalidToken),
    })
}

fn read_name(input: &mut &[u8]) -> Result<Name, InvalidToken> {
    let [length] = take(input)?;
    let (name, rest) = input.split_at_checked(usize::from(length)).ok_or(InvalidToken)?;
    *input = rest;
    let text = core::str::from_utf8(name).map_err(|_| InvalidToken)?;
    text.parse().map_err(|_| InvalidToken)
}

/// The bytes of a caveat; none if it has more services than one may have, or none at all.
fn bytes_of(caveat: &Caveat) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match caveat {
        Caveat::Rights(rights) => {
            bytes.push(1);
            bytes.extend(rights.bits().to_le_bytes());
        }
        Caveat::Services(services) => {
            let count = services.len();
            if count == 0 || count > MOST_SERVICES {
                return None;
            }
            bytes.extend([2, u8::try_from(count).ok()?]);
            for service in services {
                bytes.push(u8::try_from(service.as_str().len()).ok()?);
                bytes.extend(service.as_str().bytes());
            }
        }
        Caveat::NotAfter(time) => {
            bytes.push(3);
            bytes.extend(time.to_le_bytes());
        }
        Caveat::User(uid) => {
            bytes.push(4);
            bytes.extend(uid.to_le_bytes());
        }
    }
    Some(bytes)
}

fn head(session: u64) -> [u8; 9] {
    let mut head = [VERSION; 9];
    let numbers = head.iter_mut().skip(1);
    numbers.zip(session.to_le_bytes()).for_each(|(to, from)| *to = from);
    head
}

fn first_link(session: u64, key: &[u8; KEY_BYTES]) -> [u8; KEY_BYTES] {
    link(key, &head(session))
}

/// HMAC-SHA-256.
pub fn link(key: &[u8; KEY_BYTES], bytes: &[u8]) -> [u8; KEY_BYTES] {
    // Keys of HMAC may have any length, so the fall-back is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; KEY_BYTES] };
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use core::fmt::Debug;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;
    use std::{env, println};

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    fn caveat() -> impl Strategy<Value = Caveat> {
        let name = "[a-z0-9-]{1,64}".prop_map(|text| text.parse().unwrap());
        prop_oneof![
            any::<u64>().prop_map(|bits| Caveat::Rights(Rights::from_bits_truncate(bits))),
            proptest::collection::vec(name, 1..4).prop_map(Caveat::Services),
            any::<u64>().prop_map(Caveat::NotAfter),
            any::<u32>().prop_map(Caveat::User),
        ]
    }

    fn token() -> impl Strategy<Value = Token> {
        (any::<u64>(), proptest::collection::vec(caveat(), 0..3)).prop_map(|(session, caveats)| {
            caveats
                .into_iter()
                .fold(Token::new(session, &KEY), |it, caveat| it.with(caveat).unwrap())
        })
    }

    /// Checks `test` on random values, from a seed that is printed and can be given.
    fn check<T: Debug>(values: impl Strategy<Value = T>, test: impl Fn(T) -> TestCaseResult) {
        let seed = match env::var("PROPTEST_RNG_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(()),
        };
        println!("PROPTEST_RNG_SEED={seed}");
        let rng_seed = RngSeed::Fixed(seed);
        let config = Config { rng_seed, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&values, test).unwrap();
    }

    #[test]
    fn a_token_is_its_bytes_and_its_text() {
        check(token(), |token| {
            prop_assert_eq!(Token::decode(&token.encode()), Ok(token.clone()));
            prop_assert_eq!(Token::from_text(&token.to_text()), Ok(token.clone()));
            prop_assert!(token.is_made_with(&KEY));
            prop_assert!(!token.is_made_with(&[8; KEY_BYTES]));
            Ok(())
        });
    }

    #[test]
    fn any_changed_bit_is_refused() {
        check((token(), any::<prop::sample::Index>()), |(token, at)| {
            let mut bytes = token.encode();
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!Token::decode(&bytes).is_ok_and(|changed| changed.is_made_with(&KEY)));
            Ok(())
        });
    }

    #[test]
    fn no_caveat_comes_off() {
        check((token(), caveat()), |(token, last)| {
            let less = token.with(last).unwrap();
            let mut forged = less.clone();
            forged.caveats.pop();
            prop_assert!(!forged.is_made_with(&KEY));
            // Nor is the order, which the chain was made in, any other.
            let mut turned = less.clone();
            turned.caveats.reverse();
            prop_assert!(turned.caveats == less.caveats || !turned.is_made_with(&KEY));
            Ok(())
        });
    }

    #[test]
    fn there_are_only_so_many_caveats() {
        let mut token = Token::new(1, &KEY);
        for _ in 0..MOST_CAVEATS {
            token = token.with(Caveat::User(1)).unwrap();
        }
        assert_eq!(token.with(Caveat::User(1)), Err(TooLong));
        assert_eq!(token.with(Caveat::Services(Vec::new())), Err(TooLong));
    }

    /// Written out, so that a change of the bytes is noticed.
    #[test]
    fn the_bytes_are_these() {
        let bytes = Token::new(3, &KEY).with(Caveat::User(5)).unwrap().encode();
        assert_eq!(bytes[..15], [1, 3, 0, 0, 0, 0, 0, 0, 0, 1, 4, 5, 0, 0, 0]);
        assert_eq!(bytes.len(), 15 + KEY_BYTES);
        assert_eq!(Token::decode(&bytes[..46]), Err(InvalidToken));
    }
}
