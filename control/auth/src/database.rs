//! What this service keeps: principals, users of the host, user sessions and failures. One file, written
//! whole at each change.
//!
//! | offset | size | meaning                                                                 |
//! |--------|------|-------------------------------------------------------------------------|
//! | 0      | 8    | `VAUTHDB1`; the last character is the version                            |
//! | 8      | n    | four lists, each behind its number (u32)                                 |
//! |        |      | principals: name, kind u8, rights u64, acts u8, uid u32, gid u32, has a password u8, password |
//! |        |      | users of the host: uid u32, name                                         |
//! |        |      | user sessions: number u64, name, uid u32, key (32), opened, used, expires u64 each |
//! |        |      | failures: 0 u8 and name, or 1 u8 and uid u32; count u32, last u64         |
//! | 8 + n  | 32   | SHA-256 of all before                                                    |
//!
//! A name is its length u8, then its text. A password is memory u32 (KiB), passes u32, salt (16), hash
//! (32). Times are ns since 1970. Numbers are little-endian.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::message::Name;
use sha2::{Digest, Sha256};

use crate::bytes::{Reader, write_list, write_name};
use crate::error::Refusal;
use crate::lockout::LockOut;
use crate::principals::Principal;
use crate::sessions::UserSession;

const MAGIC: &[u8; 8] = b"VAUTHDB1";
const CHECKSUM_BYTES: usize = 32;
const MOST_PRINCIPALS: usize = 1024;
const MOST_USERS: usize = 1024;
const MOST_SESSIONS: usize = 1024;
const MOST_SESSIONS_EACH: usize = 64;

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) principals: BTreeMap<Name, Principal>,
    /// Which principal a user of the host is.
    pub(crate) users: BTreeMap<u32, Name>,
    pub(crate) sessions: BTreeMap<u64, UserSession>,
    pub(crate) lock_out: LockOut,
}

/// Not a database of this version, or not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

impl Database {
    pub(crate) fn add_principal(
        &mut self,
        name: Name,
        principal: Principal,
    ) -> Result<(), Refusal> {
        if self.principals.contains_key(&name) {
            return Err(Refusal::Exists);
        }
        if self.principals.len() >= MOST_PRINCIPALS {
            return Err(Refusal::TooMany);
        }
        self.principals.insert(name, principal);
        Ok(())
    }

    /// A principal goes, with all that is its own; the user sessions that ended by that.
    pub(crate) fn remove_principal(&mut self, name: &Name) -> Result<Vec<u64>, Refusal> {
        self.principals.remove(name).ok_or(Refusal::NoPrincipal)?;
        self.users.retain(|_, principal| principal != name);
        Ok(self.end_sessions(|session| session.principal == *name))
    }

    pub(crate) fn map_user(&mut self, uid: u32, name: Name) -> Result<(), Refusal> {
        if !self.principals.contains_key(&name) {
            return Err(Refusal::NoPrincipal);
        }
        if self.users.len() >= MOST_USERS && !self.users.contains_key(&uid) {
            return Err(Refusal::TooMany);
        }
        self.users.insert(uid, name);
        Ok(())
    }

    pub(crate) fn add_session(&mut self, number: u64, session: UserSession) -> Result<(), Refusal> {
        let own = self.sessions.values().filter(|other| other.principal == session.principal);
        if own.count() >= MOST_SESSIONS_EACH || self.sessions.len() >= MOST_SESSIONS {
            return Err(Refusal::TooMany);
        }
        self.sessions.insert(number, session);
        Ok(())
    }

    /// Ends some user sessions; returns which.
    pub(crate) fn end_sessions(&mut self, which: impl Fn(&UserSession) -> bool) -> Vec<u64> {
        self.sessions
            .extract_if(.., |_, session| which(session))
            .map(|(number, _)| number)
            .collect()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        write_list(&mut out, self.principals.iter(), |out, (name, principal)| {
            write_name(out, name);
            principal.write(out);
        });
        write_list(&mut out, self.users.iter(), |out, (uid, name)| {
            out.extend(uid.to_le_bytes());
            write_name(out, name);
        });
        write_list(&mut out, self.sessions.iter(), |out, (number, session)| {
            out.extend(number.to_le_bytes());
            session.write(out);
        });
        self.lock_out.write(&mut out);
        let checksum = Sha256::digest(&out);
        out.extend(checksum);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let at = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(Damaged)?;
        let (body, checksum) = bytes.split_at_checked(at).ok_or(Damaged)?;
        let body_of_this_version = body.strip_prefix(MAGIC).ok_or(Damaged)?;
        if Sha256::digest(body).as_slice() != checksum {
            return Err(Damaged);
        }
        let reader = &mut Reader(body_of_this_version);
        let database = Self::read(reader).ok_or(Damaged)?;
        if reader.0.is_empty() { Ok(database) } else { Err(Damaged) }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let principals = reader.list(|reader| Some((reader.name()?, Principal::read(reader)?)))?;
        let users = reader.list(|reader| Some((reader.u32()?, reader.name()?)))?;
        let sessions = reader.list(|reader| Some((reader.u64()?, UserSession::read(reader)?)))?;
        Some(Self {
            principals: principals.into_iter().collect(),
            users: users.into_iter().collect(),
            sessions: sessions.into_iter().collect(),
            lock_out: LockOut::read(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockout::{LockOutRules, Subject};
    use crate::passwords::{HashCost, Password};
    use capability::Rights;
    use control::message::PrincipalKind;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    pub(crate) fn some() -> Database {
        let mut database = Database::default();
        let password = Some(Password::of_nobody(HashCost::default()));
        let kind = PrincipalKind::Service;
        let anna = Principal { kind, rights: Rights::READ, acts_as: Some((1, 2)), password };
        database.add_principal(name("anna"), anna.clone()).unwrap();
        let bert = Principal { acts_as: None, password: None, ..anna };
        database.add_principal(name("bert"), bert).unwrap();
        database.map_user(7, name("anna")).unwrap();
        let session = UserSession {
            principal: name("anna"),
            uid: 7,
            key: [9; 32],
            opened: 1,
            used: 2,
            expires: 3,
        };
        database.add_session(5, session).unwrap();
        database.lock_out.failed(
            &LockOutRules::default(),
            &[Subject::User(7), Subject::Principal(name("carl"))],
            4,
        );
        database
    }

    #[test]
    fn it_is_its_bytes_and_no_others() {
        let database = some();
        let bytes = database.encode();
        assert_eq!(Database::decode(&bytes), Ok(database));
        for at in 0..bytes.len() {
            assert_eq!(Database::decode(&bytes[..at]), Err(Damaged), "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Database::decode(&changed), Err(Damaged), "changed at {at}");
        }
        assert_eq!(Database::decode(&Database::default().encode()), Ok(Database::default()));
    }

    #[test]
    fn a_principal_goes_with_all_that_is_its_own() {
        let mut database = some();
        assert_eq!(database.remove_principal(&name("anna")), Ok([5].into()));
        assert!(database.users.is_empty() && database.sessions.is_empty());
        assert_eq!(database.remove_principal(&name("anna")), Err(Refusal::NoPrincipal));
        assert_eq!(database.map_user(8, name("anna")), Err(Refusal::NoPrincipal));
    }

    #[test]
    fn nobody_has_more_sessions_than_so_many() {
        let mut database = some();
        let session = database.sessions[&5].clone();
        for number in 100..100 + MOST_SESSIONS_EACH as u64 - 1 {
            database.add_session(number, session.clone()).unwrap();
        }
        assert_eq!(database.add_session(99, session), Err(Refusal::TooMany));
    }
}
