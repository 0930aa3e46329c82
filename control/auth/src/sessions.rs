//! User sessions, and what a token of one allows.

use alloc::vec::Vec;
use control::message::{ActsAs, Authenticated, Name};
use control::token::{Caveat, KEY_BYTES, Token};

use crate::bytes::{Reader, write_name};
use crate::error::Refusal;
use crate::principals::Principal;

/// A principal that has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserSession {
    pub(crate) principal: Name,
    /// The user of the host that has logged in.
    pub(crate) uid: u32,
    /// What its tokens are made with.
    pub(crate) key: [u8; KEY_BYTES],
    /// All three in ns since 1970.
    pub(crate) opened: u64,
    pub(crate) used: u64,
    pub(crate) expires: u64,
}

impl UserSession {
    /// Whether it is over at this time, because it has lasted long enough or was not used.
    pub(crate) fn is_over(&self, now: u64, idle_ns: u64) -> bool {
        now >= self.expires || now.saturating_sub(self.used) >= idle_ns
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_name(out, &self.principal);
        out.extend(self.uid.to_le_bytes());
        out.extend(self.key);
        for time in [self.opened, self.used, self.expires] {
            out.extend(time.to_le_bytes());
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            principal: reader.name()?,
            uid: reader.u32()?,
            key: reader.array()?,
            opened: reader.u64()?,
            used: reader.u64()?,
            expires: reader.u64()?,
        })
    }
}

/// What a token that is made as it should be allows who shows it: what the principal may, without what
/// each caveat takes away.
pub(crate) fn allowed(
    token: &Token,
    session: &UserSession,
    principal: &Principal,
    shown_by: u32,
    now: u64,
) -> Result<Authenticated, Refusal> {
    let mut rights = principal.rights;
    let mut until = session.expires;
    let mut services: Option<Vec<Name>> = None;
    for caveat in token.caveats() {
        match caveat {
            Caveat::Rights(these) => rights &= *these,
            Caveat::NotAfter(time) => until = until.min(*time),
            Caveat::User(uid) if *uid == shown_by => {}
            Caveat::User(_) => return Err(Refusal::Wrong),
            Caveat::Services(these) => {
                let before = services.take();
                let both = |name: &&Name| before.as_ref().is_none_or(|all| all.contains(name));
                services = Some(these.iter().filter(both).copied().collect());
            }
        }
    }
    // An empty list stands for all services.
    if until <= now || services.as_ref().is_some_and(Vec::is_empty) {
        return Err(Refusal::NoSession);
    }
    Ok(Authenticated {
        session: token.session(),
        principal: session.principal,
        rights,
        for_ns: until - now,
        acts_as: ActsAs(principal.acts_as),
        services: services.unwrap_or_default().try_into().unwrap_or_default(),
    })
}

/// Whether something allows nothing that another one does not.
#[cfg(test)]
fn is_less(less: &Authenticated, more: &Authenticated) -> bool {
    more.rights.contains(less.rights)
        && less.for_ns <= more.for_ns
        && less.acts_as == more.acts_as
        && less.principal == more.principal
        && (more.services.is_empty()
            || !less.services.is_empty()
                && less.services.iter().all(|name| more.services.contains(name)))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use capability::Rights;
    use control::message::PrincipalKind;
    use core::fmt::Debug;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;
    use std::{env, println};

    const KEY: [u8; KEY_BYTES] = [3; KEY_BYTES];

    fn session() -> UserSession {
        let principal = "anna".parse().unwrap();
        UserSession { principal, uid: 1, key: KEY, opened: 0, used: 0, expires: 1000 }
    }

    fn caveat() -> impl Strategy<Value = Caveat> {
        let names = ["vfs", "auth", "init", "logger"].map(|name| name.parse().unwrap());
        prop_oneof![
            any::<u64>().prop_map(|bits| Caveat::Rights(Rights::from_bits_truncate(bits))),
            prop::sample::subsequence(names.to_vec(), 1..=4).prop_map(Caveat::Services),
            (0..2000u64).prop_map(Caveat::NotAfter),
            (1..3u32).prop_map(Caveat::User),
        ]
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

    /// Whatever is added to a token, by whomever, in any order.
    #[test]
    fn no_derivation_gains_anything() {
        let values = (prop::collection::vec(caveat(), 1..8), any::<u64>(), 1..3u32);
        check(values, |(caveats, bits, shown_by)| {
            let rights = Rights::from_bits_truncate(bits);
            let acts_as = Some((5, 6));
            let kind = PrincipalKind::User;
            let principal = Principal { kind, rights, acts_as, password: None };
            let mut token = Token::new(9, &KEY);
            let mut before = allowed(&token, &session(), &principal, shown_by, 10);
            for caveat in caveats {
                token = token.with(caveat).unwrap();
                prop_assert!(token.is_made_with(&KEY));
                let now = allowed(&token, &session(), &principal, shown_by, 10);
                match (&before, &now) {
                    (Ok(more), Ok(less)) => prop_assert!(is_less(less, more), "{less:?} {more:?}"),
                    (Err(_), Ok(gained)) => prop_assert!(false, "gained {gained:?}"),
                    (_, Err(_)) => {}
                }
                before = now;
            }
            Ok(())
        });
    }

    #[test]
    fn each_caveat_takes_away_what_it_says() {
        let rights = Rights::READ | Rights::WRITE;
        let kind = PrincipalKind::User;
        let principal = Principal { kind, rights, acts_as: None, password: None };
        let whole = Token::new(9, &KEY);
        let of = |caveat: Caveat, at| {
            allowed(&whole.with(caveat).unwrap(), &session(), &principal, 1, at)
        };
        assert_eq!(
            of(Caveat::Rights(Rights::READ | Rights::MOUNT), 0).unwrap().rights,
            Rights::READ
        );
        assert_eq!(of(Caveat::NotAfter(10), 4).unwrap().for_ns, 6);
        assert_eq!(of(Caveat::NotAfter(10), 10), Err(Refusal::NoSession));
        assert_eq!(of(Caveat::User(2), 0), Err(Refusal::Wrong));
        let vfs: Name = "vfs".parse().unwrap();
        assert_eq!(of(Caveat::Services([vfs].into()), 0).unwrap().services[..], [vfs]);
        assert_eq!(allowed(&whole, &session(), &principal, 7, 999).unwrap().for_ns, 1);
        assert_eq!(allowed(&whole, &session(), &principal, 7, 1000), Err(Refusal::NoSession));
        assert!(session().is_over(30, 30) && !session().is_over(29, 30));
    }
}
