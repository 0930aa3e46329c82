//! What is asked of the service: logging in and out, tokens, principals.

use alloc::format;
use alloc::vec::Vec;
use control::message::{
    ActsAs, AuthReply, Authenticated, Identity, LogIn, LoggedIn, Name, NewUser, PeerIdentity,
    Secret, SetPassword, UserEntry, UserSession as Listed,
};
use control::token::Token;

use crate::error::Refusal;
use crate::lockout::Subject;
use crate::passwords::Password;
use crate::principals::Principal;
use crate::service::AuthService;
use crate::sessions::{UserSession, allowed};

/// The shortest password, bytes.
const SHORTEST: usize = 8;
/// How old the time may be at which a session was last used, where it is kept, ns; and how often the use
/// of a token is noted.
const USED_WITHIN_NS: u64 = 60_000_000_000;
/// Entries of one answer.
const PAGE: usize = 16;

impl AuthService {
    /// Whether this is the principal's password, counting failures; what is kept of it.
    async fn check_password(
        &self,
        by: PeerIdentity,
        name: Name,
        password: Secret,
    ) -> Result<Password, Refusal> {
        let _place = HashPlace::take(self)?;
        let who = [Subject::Principal(name), Subject::User(by.uid)];
        let (now, rules) = (self.now(), &self.config.lock_out);
        // Counted before it is known, so that many at a time are not more than one after the other.
        let wait = self
            .change(|database| match database.lock_out.wait(rules, &who, now) {
                0 => Ok(database.lock_out.failed(rules, &who, now)),
                wait => Err(Refusal::Locked(wait)),
            })
            .await?;
        let kept = self.database.borrow().principals.get(&name).and_then(|it| it.password.clone());
        let compared = kept.clone().unwrap_or_else(|| Password::of_nobody(self.config.cost));
        let is_right = compared.is(&*self.surroundings.hashing, password).await?;
        match kept.filter(|_| is_right) {
            Some(kept) => Ok(kept),
            None => {
                self.note(&format!("login failed as {}", name.as_str()), by).await?;
                if wait > 0 {
                    let seconds = wait / 1_000_000_000;
                    self.note(&format!("{} locked out for {seconds} s", name.as_str()), by).await?;
                }
                Err(Refusal::Wrong)
            }
        }
    }

    pub(crate) async fn log_in(
        &self,
        by: PeerIdentity,
        LogIn { name, password }: LogIn,
    ) -> Result<AuthReply, Refusal> {
        let checked = self.check_password(by, name, password).await?;
        self.open_session(by, name, Some(&checked)).await
    }

    pub(crate) async fn log_in_as_peer(&self, by: PeerIdentity) -> Result<AuthReply, Refusal> {
        let mapped = self.database.borrow().users.get(&by.uid).copied();
        self.open_session(by, mapped.ok_or(Refusal::NotMapped)?, None).await
    }

    async fn open_session(
        &self,
        by: PeerIdentity,
        name: Name,
        checked: Option<&Password>,
    ) -> Result<AuthReply, Refusal> {
        let number = u64::from_le_bytes(self.random());
        let (key, now) = (self.random(), self.now());
        let expires = now.saturating_add(self.config.lasts_ns);
        let session =
            UserSession { principal: name, uid: by.uid, key, opened: now, used: now, expires };
        self.note(&format!("login as {}", name.as_str()), by).await?;
        let idle_ns = self.config.idle_ns;
        let ended = self
            .change(|database| {
                let ended = database.end_sessions(|other| other.is_over(now, idle_ns));
                // It may have been changed, or be gone, since it was looked at.
                let principal = database.principals.get(&name).ok_or(Refusal::Wrong)?;
                let is_mapped = database.users.get(&by.uid) == Some(&name);
                match checked {
                    Some(checked) if principal.password.as_ref() != Some(checked) => {
                        return Err(Refusal::Wrong);
                    }
                    None if !is_mapped => return Err(Refusal::NotMapped),
                    Some(_) => database
                        .lock_out
                        .succeeded(&[Subject::Principal(name), Subject::User(by.uid)]),
                    None => {}
                }
                database.add_session(number, session)?;
                Ok(ended)
            })
            .await?;
        self.ended(&ended);
        let token = Token::new(number, &key).encode().try_into().unwrap_or_default();
        Ok(AuthReply::LoggedIn(LoggedIn { for_ns: self.config.lasts_ns, token }))
    }

    /// What a token allows who shows it, and the token.
    pub(crate) fn allowed(
        &self,
        by: PeerIdentity,
        token: &[u8],
    ) -> Result<(Authenticated, Token), Refusal> {
        let token = Token::decode(token).map_err(|_| Refusal::Wrong)?;
        let database = self.database.borrow();
        let session = database.sessions.get(&token.session()).ok_or(Refusal::NoSession)?;
        if !token.is_made_with(&session.key) {
            return Err(Refusal::Wrong);
        }
        let now = self.now();
        if session.is_over(now, self.config.idle_ns) {
            return Err(Refusal::NoSession);
        }
        let principal = database.principals.get(&session.principal).ok_or(Refusal::NoSession)?;
        Ok((allowed(&token, session, principal, by.uid, now)?, token))
    }

    /// Whether a user session goes on.
    pub(crate) fn is_open(&self, number: u64) -> bool {
        let (database, now) = (self.database.borrow(), self.now());
        let session = database.sessions.get(&number);
        session.is_some_and(|session| !session.is_over(now, self.config.idle_ns))
    }

    /// A client shows the broker a token.
    pub(crate) async fn show(
        &self,
        by: PeerIdentity,
        token: &[u8],
    ) -> Result<Authenticated, Refusal> {
        let who = [Subject::User(by.uid)];
        let (now, rules) = (self.now(), &self.config.lock_out);
        let is_locked = self.database.borrow().lock_out.wait(rules, &who, now) > 0;
        let before = match self.allowed(by, token) {
            Ok((allowed, _)) => allowed,
            // A forged token of a session that there is, or one that is somebody else's.
            Err(Refusal::Wrong) if !is_locked && Token::decode(token).is_ok() => {
                self.change(|database| Ok(database.lock_out.failed(rules, &who, now))).await?;
                self.note("token refused", by).await?;
                return Err(Refusal::Wrong);
            }
            Err(refusal) => return Err(refusal),
        };
        self.used(by, &before, now).await?;
        // The user session may have ended while that was noted, and nobody would take back what is
        // given for it now.
        Ok(self.allowed(by, token)?.0)
    }

    /// Keeps when a session was used, and notes it, not more often than makes a difference.
    async fn used(
        &self,
        by: PeerIdentity,
        allowed: &Authenticated,
        now: u64,
    ) -> Result<(), Refusal> {
        let number = allowed.session;
        let session = self.database.borrow().sessions.get(&number).cloned();
        let session = session.ok_or(Refusal::NoSession)?;
        let is_first = session.used == session.opened;
        if !is_first && now.saturating_sub(session.used) < USED_WITHIN_NS {
            return Ok(());
        }
        self.change(|database| {
            let session = database.sessions.get_mut(&number).ok_or(Refusal::NoSession)?;
            session.used = now.max(session.opened + 1);
            Ok(())
        })
        .await?;
        self.note(&format!("token of {} used", allowed.principal.as_str()), by).await
    }

    pub(crate) fn who_am_i(&self, by: PeerIdentity, token: &[u8]) -> Result<AuthReply, Refusal> {
        let (allowed, _) = self.allowed(by, token)?;
        let database = self.database.borrow();
        let principal = database.principals.get(&allowed.principal).ok_or(Refusal::NoSession)?;
        Ok(AuthReply::Identity(Identity {
            name: allowed.principal,
            kind: principal.kind,
            rights: allowed.rights,
            for_ns: allowed.for_ns,
            acts_as: allowed.acts_as,
            services: allowed.services,
        }))
    }

    pub(crate) async fn log_out(
        &self,
        by: PeerIdentity,
        token: &[u8],
    ) -> Result<AuthReply, Refusal> {
        let (allowed, token) = self.allowed(by, token)?;
        if !token.caveats().is_empty() {
            return Err(Refusal::Narrowed);
        }
        self.end_session(by, allowed.session).await
    }

    pub(crate) async fn end_session(
        &self,
        by: PeerIdentity,
        number: u64,
    ) -> Result<AuthReply, Refusal> {
        let session = self.database.borrow().sessions.get(&number).cloned();
        let session = session.ok_or(Refusal::NoSession)?;
        self.note(&format!("logout of {}", session.principal.as_str()), by).await?;
        self.change(|database| {
            database.sessions.remove(&number).map(drop).ok_or(Refusal::NoSession)
        })
        .await?;
        self.ended(&[number]);
        Ok(AuthReply::Done)
    }

    /// User sessions, of all principals or of one.
    pub(crate) fn sessions(&self, whose: Option<Name>, after: u64) -> AuthReply {
        let (now, database) = (self.now(), self.database.borrow());
        let lives = |session: &UserSession| !session.is_over(now, self.config.idle_ns);
        let behind = (core::ops::Bound::Excluded(after), core::ops::Bound::Unbounded);
        let listed = database.sessions.range(behind).filter(|(_, session)| {
            lives(session) && whose.is_none_or(|name| session.principal == name)
        });
        let listed = listed.take(PAGE).map(|(number, session)| Listed {
            session: *number,
            principal: session.principal,
            uid: session.uid,
            since_ns: now.saturating_sub(session.opened),
            idle_ns: now.saturating_sub(session.used),
            for_ns: session.expires.saturating_sub(now),
        });
        AuthReply::Sessions(listed.collect::<Vec<_>>().try_into().unwrap_or_default())
    }

    pub(crate) async fn set_password(
        &self,
        by: PeerIdentity,
        SetPassword { name, old, new }: SetPassword,
        without_old: bool,
    ) -> Result<AuthReply, Refusal> {
        if new.bytes().len() < SHORTEST {
            return Err(Refusal::TooShort);
        }
        let checked = match without_old {
            true => None,
            false => Some(self.check_password(by, name, old).await?),
        };
        let password = self.new_password(new).await?;
        self.note(&format!("password of {} set", name.as_str()), by).await?;
        let ended = self
            .change(|database| {
                let principal = database.principals.get_mut(&name).ok_or(Refusal::NoPrincipal)?;
                if checked.is_some() && principal.password != checked {
                    return Err(Refusal::Wrong);
                }
                principal.password = Some(password);
                let mut whose = Vec::from([Subject::Principal(name)]);
                // An administrator has not shown that he knows a password.
                whose.extend(checked.map(|_| Subject::User(by.uid)));
                database.lock_out.succeeded(&whose);
                Ok(database.end_sessions(|session| session.principal == name))
            })
            .await?;
        self.ended(&ended);
        Ok(AuthReply::Done)
    }

    async fn new_password(&self, password: Secret) -> Result<Password, Refusal> {
        let _place = HashPlace::take(self)?;
        let (hashing, cost) = (&*self.surroundings.hashing, self.config.cost);
        Ok(Password::new(hashing, cost, self.random(), password).await?)
    }

    pub(crate) async fn add_user(
        &self,
        by: PeerIdentity,
        new: NewUser,
    ) -> Result<AuthReply, Refusal> {
        let NewUser { name, kind, rights, acts_as: ActsAs(acts_as), password } = new;
        let password = match password.bytes().len() {
            0 => None,
            SHORTEST.. => Some(self.new_password(password).await?),
            _ => return Err(Refusal::TooShort),
        };
        if self.database.borrow().principals.contains_key(&name) {
            return Err(Refusal::Exists);
        }
        let what = format!("principal {} made, with rights {:#x}", name.as_str(), rights.bits());
        self.note(&what, by).await?;
        let principal = Principal { kind, rights, acts_as, password };
        self.change(|database| database.add_principal(name, principal)).await?;
        Ok(AuthReply::Done)
    }

    pub(crate) async fn remove_user(
        &self,
        by: PeerIdentity,
        name: Name,
    ) -> Result<AuthReply, Refusal> {
        if !self.database.borrow().principals.contains_key(&name) {
            return Err(Refusal::NoPrincipal);
        }
        self.note(&format!("principal {} removed", name.as_str()), by).await?;
        let ended = self.change(|database| database.remove_principal(&name)).await?;
        self.ended(&ended);
        Ok(AuthReply::Done)
    }

    pub(crate) async fn map(
        &self,
        by: PeerIdentity,
        uid: u32,
        name: Option<Name>,
    ) -> Result<AuthReply, Refusal> {
        let whom = name.as_ref().map_or("nobody", Name::as_str);
        self.note(&format!("user {uid} of the host is {whom}"), by).await?;
        self.change(|database| match name {
            Some(name) => database.map_user(uid, name),
            None => database.users.remove(&uid).map(drop).ok_or(Refusal::NotMapped),
        })
        .await?;
        Ok(AuthReply::Done)
    }

    pub(crate) fn users(&self, after: u32) -> AuthReply {
        let database = self.database.borrow();
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let entries = database.principals.iter().skip(after).take(PAGE).map(|(name, principal)| {
            let uids = database.users.iter().filter(|(_, it)| *it == name).map(|(uid, _)| *uid);
            UserEntry {
                name: *name,
                kind: principal.kind,
                rights: principal.rights,
                acts_as: ActsAs(principal.acts_as),
                uids: uids.take(8).collect::<Vec<_>>().try_into().unwrap_or_default(),
            }
        });
        AuthReply::Users(entries.collect::<Vec<_>>().try_into().unwrap_or_default())
    }
}

/// One of the passwords that may be checked at a time.
struct HashPlace<'a>(&'a AuthService);

impl<'a> HashPlace<'a> {
    fn take(service: &'a AuthService) -> Result<Self, Refusal> {
        let taken = service.hashes.get();
        if taken >= service.config.most_hashes {
            return Err(Refusal::Busy);
        }
        service.hashes.set(taken + 1);
        Ok(Self(service))
    }
}

impl Drop for HashPlace<'_> {
    fn drop(&mut self) {
        self.0.hashes.set(self.0.hashes.get().saturating_sub(1));
    }
}
