//! The service as clients have it, with a clock, randomness and a store that the test holds.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use auth::{AuthConfig, AuthService, HashCost, Surroundings};
use capability::Rights;
use control::message::{
    ActsAs, AuthReply, AuthRequest, ChainFault, Header, LogIn, MapUser, Message, NewUser,
    PeerIdentity, PrincipalKind, PrincipalNamed, Secret, SessionsAfter, SetPassword,
};
use control::platform::Random;
use control::service::{Broker, BrokeredRegion, LocalFuture, RegionId, Sender, Service};
use control::store::Store;
use control::token::{Caveat, Token};
use dataplane::SessionId;
use dataplane::entry::Errno;
use dataplane::log::Level;
use dataplane::platform::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

const SECOND: i64 = 1_000_000_000;
const PASSWORD: &[u8] = b"correct horse";

/// Files that can be made to fail: whole, or after a part was appended.
#[derive(Default)]
struct Files {
    files: RefCell<BTreeMap<&'static str, Vec<u8>>>,
    /// How many more calls succeed.
    budget: Cell<Option<usize>>,
}

impl Files {
    fn spend(&self) -> Result<(), Errno> {
        match self.budget.get() {
            Some(0) => Err(Errno::ENOSPC),
            budget => {
                self.budget.set(budget.map(|left| left - 1));
                Ok(())
            }
        }
    }
}

fn ready<T: 'static>(value: T) -> LocalFuture<'static, T> {
    Box::pin(async { value })
}

impl Store for Files {
    fn read(&self, name: &'static str) -> LocalFuture<'static, Result<Option<Vec<u8>>, Errno>> {
        ready(Ok(self.files.borrow().get(name).cloned()))
    }

    fn replace(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        ready(self.spend().map(|()| drop(self.files.borrow_mut().insert(name, contents))))
    }

    fn append(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        let done = self.spend();
        let kept = if done.is_ok() { contents.len() } else { contents.len() / 2 };
        self.files.borrow_mut().entry(name).or_default().extend(contents.iter().take(kept));
        ready(done)
    }

    fn rename(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        let mut files = self.files.borrow_mut();
        let done = self.spend().and_then(|()| files.remove(from).ok_or(Errno::ENOENT));
        ready(done.map(|contents| drop(files.insert(to, contents))))
    }
}

/// Hears which user sessions have ended.
#[derive(Default)]
struct Heard(RefCell<Vec<u64>>);

impl Broker for Heard {
    fn create_region(&self, _: u64) -> LocalFuture<'static, Result<BrokeredRegion, Errno>> {
        ready(Err(Errno::ENOMEM))
    }
    fn destroy_region(&self, _: RegionId) {}
    fn offer(&self, _: SessionId, _: u32, _: RegionId) {}
    fn withdraw(&self, _: SessionId, _: u32) {}
    fn log(&self, _: Level, _: &dyn std::fmt::Display, _: &[(&str, &str)]) {}
    fn deauthenticate(&self, session: u64) {
        self.0.borrow_mut().push(session);
    }
}

/// One byte after the other, each time the same.
struct Numbers(AtomicU8);

impl Random for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.load(Ordering::Relaxed).wrapping_mul(13).wrapping_add(7);
            self.0.store(*byte, Ordering::Relaxed);
        }
    }
}

struct System {
    clock: Rc<Cell<i64>>,
    files: Rc<Files>,
    heard: Rc<Heard>,
    service: AuthService,
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}

fn service(clock: &Rc<Cell<i64>>, files: &Rc<Files>, heard: &Rc<Heard>) -> AuthService {
    let (time, first) = (Rc::clone(clock), clock.get().to_le_bytes()[0]);
    let surroundings = Surroundings {
        now: Box::new(move || Timestamp(time.get())),
        random: Arc::new(Numbers(AtomicU8::new(first))),
        hashing: Box::new(()),
        store: files.clone(),
    };
    let cost = HashCost { memory_kib: 8, passes: 1 };
    let config = AuthConfig { cost, ..AuthConfig::default() };
    AuthService::new(config, surroundings, heard.clone())
}

impl System {
    fn new() -> Self {
        let clock = Rc::new(Cell::new(1_000_000 * SECOND));
        let (files, heard) = (Rc::new(Files::default()), Rc::new(Heard::default()));
        let service = service(&clock, &files, &heard);
        now(service.start()).unwrap();
        Self { clock, files, heard, service }
    }

    /// With a principal `anna` who may read and write.
    fn with_anna() -> Self {
        let system = Self::new();
        let new = AuthRequest::AddUser(NewUser {
            name: name("anna"),
            kind: PrincipalKind::User,
            rights: Rights::READ | Rights::WRITE | Rights::CONNECT,
            acts_as: ActsAs(Some((1001, 1002))),
            password: secret(PASSWORD),
        });
        assert_eq!(system.ask(0, Rights::CONFIGURE, &new), AuthReply::Done);
        system
    }

    fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.get() + seconds * SECOND);
    }

    fn restart(&mut self) {
        self.service = service(&self.clock, &self.files, &self.heard);
        now(self.service.start()).unwrap();
    }

    fn ask(&self, uid: u32, rights: Rights, request: &AuthRequest) -> AuthReply {
        let sender = Sender { rights, badge: 0, identity: peer(uid) };
        let bytes = request.encode(Header::default());
        let answer = now(self.service.handle_message(sender, &bytes)).unwrap();
        AuthReply::decode(&answer).unwrap().1
    }

    fn log_in(&self, uid: u32, password: &[u8]) -> AuthReply {
        let log_in = LogIn { name: name("anna"), password: secret(password) };
        self.ask(uid, Rights::empty(), &AuthRequest::LogIn(log_in))
    }

    fn token(&self) -> Token {
        token(&self.log_in(7, PASSWORD))
    }

    fn show(&self, uid: u32, token: &Token) -> Result<Rights, Errno> {
        now(self.service.authenticate(peer(uid), &token.encode())).map(|allowed| allowed.rights)
    }

    fn log_of(&self) -> String {
        let log = self.files.files.borrow().get("audit.log").cloned().unwrap_or_default();
        String::from_utf8(log).unwrap()
    }

    fn fault(&self) -> ChainFault {
        match self.ask(0, Rights::AUDIT, &AuthRequest::VerifyAudit) {
            AuthReply::Verified(report) => report.fault,
            other => panic!("{other:?}"),
        }
    }
}

fn name(text: &str) -> control::message::Name {
    text.parse().unwrap()
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec()).unwrap()
}

fn peer(uid: u32) -> PeerIdentity {
    PeerIdentity { pid: 1, uid, gid: uid }
}

#[track_caller]
fn token(reply: &AuthReply) -> Token {
    match reply {
        AuthReply::LoggedIn(logged_in) => Token::decode(&logged_in.token).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(reply: &AuthReply, errno: Errno) {
    match reply {
        AuthReply::Refused(failed) => assert_eq!(failed.errno, errno, "{failed:?}"),
        other => panic!("{other:?}"),
    }
}

fn bytes(token: &Token) -> control::message::TokenBytes {
    token.encode().try_into().unwrap()
}

#[test]
fn who_knows_the_password_gets_what_the_principal_may() {
    let system = System::with_anna();
    let token = system.token();
    assert_eq!(system.show(9, &token), Ok(Rights::READ | Rights::WRITE | Rights::CONNECT));
    let shown = now(system.service.authenticate(peer(9), &token.encode())).unwrap();
    assert_eq!((shown.principal, shown.acts_as), (name("anna"), ActsAs(Some((1001, 1002)))));
    assert_eq!(shown.for_ns, AuthConfig::default().lasts_ns);
    refused(&system.log_in(7, b"wrong horse"), Errno::EACCES);
    let log = system.log_of();
    for what in
        ["login as anna", "token of anna used", "login failed as anna", "principal anna made"]
    {
        assert!(log.contains(what), "{what} is not in {log}");
    }
    assert_eq!(system.fault(), ChainFault::None);
}

#[test]
fn a_wrong_name_is_refused_like_a_wrong_password() {
    let system = System::with_anna();
    let nobody = LogIn { name: name("nobody"), password: secret(PASSWORD) };
    let answer = system.ask(1, Rights::all(), &AuthRequest::LogIn(nobody));
    assert_eq!(answer, system.log_in(2, b"wrong horse"));
}

#[test]
fn five_failures_lock_out_and_the_next_is_heard_after_the_delay() {
    let mut system = System::with_anna();
    for _ in 0..5 {
        refused(&system.log_in(7, b"wrong horse"), Errno::EACCES);
    }
    let second = SECOND.unsigned_abs();
    assert_eq!(system.log_in(7, PASSWORD), AuthReply::Locked(second));
    assert_eq!(system.log_in(8, PASSWORD), AuthReply::Locked(second), "by another user, too");
    system.restart();
    assert_eq!(system.log_in(7, PASSWORD), AuthReply::Locked(second), "after a restart, too");
    system.pass(1);
    refused(&system.log_in(7, b"wrong horse"), Errno::EACCES);
    assert_eq!(system.log_in(7, PASSWORD), AuthReply::Locked(2 * second));
    system.pass(2);
    token(&system.log_in(7, PASSWORD));
    refused(&system.log_in(7, b"wrong horse"), Errno::EACCES);
    token(&system.log_in(7, PASSWORD));
    assert!(system.log_of().contains("anna locked out for 1 s"));
}

#[test]
fn a_token_with_less_allows_less_and_does_not_log_out() {
    let system = System::with_anna();
    let whole = system.token();
    let less = whole.with(Caveat::Rights(Rights::READ)).unwrap();
    assert_eq!(system.show(9, &less), Ok(Rights::READ));
    let logged_out = system.ask(9, Rights::empty(), &AuthRequest::LogOut(bytes(&less)));
    refused(&logged_out, Errno::EPERM);
    let mine = whole.with(Caveat::User(9)).unwrap();
    assert!(system.show(9, &mine).is_ok());
    assert_eq!(system.show(8, &mine), Err(Errno::EACCES));
    let done = system.ask(9, Rights::empty(), &AuthRequest::LogOut(bytes(&whole)));
    assert_eq!(done, AuthReply::Done);
    for token in [&whole, &less] {
        assert_eq!(system.show(9, token), Err(Errno::EKEYREVOKED));
    }
    assert_eq!(*system.heard.0.borrow(), [whole.session()]);
}

#[test]
fn forged_tokens_are_refused_and_noted() {
    let system = System::with_anna();
    let whole = system.token().encode();
    for at in 0..whole.len() {
        let mut forged = whole.clone();
        forged[at] ^= 1;
        let shown = now(system.service.authenticate(peer(3), &forged));
        assert!(shown.is_err(), "changed at {at}");
    }
    assert!(system.log_of().contains("token refused"));
}

#[test]
fn a_session_ends_when_it_is_not_used_and_when_it_has_lasted() {
    let system = System::with_anna();
    let token = system.token();
    system.pass(29 * 60);
    assert!(system.show(7, &token).is_ok());
    system.pass(29 * 60);
    assert!(system.show(7, &token).is_ok(), "it was used");
    system.pass(30 * 60);
    assert_eq!(system.show(7, &token), Err(Errno::EKEYREVOKED));

    let token = system.token();
    for _ in 0..12 * 4 - 1 {
        system.pass(15 * 60);
        assert!(system.show(7, &token).is_ok());
    }
    system.pass(15 * 60);
    assert_eq!(system.show(7, &token), Err(Errno::EKEYREVOKED), "twelve hours are over");
    // The next login finds them, and has what they gave taken back.
    let sessions = system.heard.0.borrow().len();
    system.token();
    assert_eq!(system.heard.0.borrow().len(), sessions + 1);
}

#[test]
fn a_user_of_the_host_can_be_a_principal() {
    let system = System::with_anna();
    let as_peer = AuthRequest::LogInAsPeer;
    refused(&system.ask(1234, Rights::empty(), &as_peer), Errno::ENOENT);
    let map = AuthRequest::Map(MapUser { uid: 1234, name: name("anna") });
    assert_eq!(system.ask(0, Rights::CONFIGURE, &map), AuthReply::Done);
    let token = token(&system.ask(1234, Rights::empty(), &as_peer));
    assert!(system.show(1234, &token).is_ok());
    assert_eq!(system.ask(0, Rights::CONFIGURE, &AuthRequest::Unmap(1234)), AuthReply::Done);
    refused(&system.ask(1234, Rights::empty(), &as_peer), Errno::ENOENT);
}

#[test]
fn a_new_password_ends_all_sessions() {
    let system = System::with_anna();
    let token = system.token();
    let set = |old: &[u8], new: &[u8]| {
        let (old, new) = (secret(old), secret(new));
        AuthRequest::SetPassword(SetPassword { name: name("anna"), old, new })
    };
    refused(&system.ask(7, Rights::empty(), &set(b"wrong horse", b"new horse")), Errno::EACCES);
    refused(&system.ask(7, Rights::empty(), &set(b"", b"new horse")), Errno::EPERM);
    refused(&system.ask(7, Rights::empty(), &set(PASSWORD, b"short")), Errno::EINVAL);
    assert!(system.show(7, &token).is_ok());
    let done = system.ask(7, Rights::empty(), &set(PASSWORD, b"new horse"));
    assert_eq!(done, AuthReply::Done);
    assert_eq!(system.show(7, &token), Err(Errno::EKEYREVOKED));
    refused(&system.log_in(7, PASSWORD), Errno::EACCES);
    self::token(&system.log_in(7, b"new horse"));
    assert_eq!(system.ask(0, Rights::CONFIGURE, &set(b"", PASSWORD)), AuthReply::Done);
    self::token(&system.log_in(7, PASSWORD));
}

#[test]
fn each_request_of_administration_needs_its_right() {
    let system = System::with_anna();
    let nobody = PrincipalNamed { name: name("nobody") };
    let set = SetPassword { name: name("anna"), old: secret(b""), new: secret(b"new horse") };
    let all = SessionsAfter { token: Vec::new().try_into().unwrap(), after: 0 };
    let new = NewUser {
        name: name("bert"),
        kind: PrincipalKind::Application,
        rights: Rights::READ,
        acts_as: ActsAs(None),
        password: secret(b""),
    };
    let map = MapUser { uid: 1, name: name("anna") };
    for (right, request) in [
        (Rights::CONFIGURE, AuthRequest::EndSession(1)),
        (Rights::CONFIGURE, AuthRequest::SetPassword(set)),
        (Rights::CONFIGURE, AuthRequest::AddUser(new)),
        (Rights::CONFIGURE, AuthRequest::RemoveUser(nobody)),
        (Rights::CONFIGURE, AuthRequest::Map(map)),
        (Rights::CONFIGURE, AuthRequest::Unmap(1)),
        (Rights::CONFIGURE | Rights::AUDIT, AuthRequest::Users(0)),
        (Rights::AUDIT, AuthRequest::Sessions(all)),
        (Rights::AUDIT, AuthRequest::Audit(0)),
        (Rights::AUDIT, AuthRequest::VerifyAudit),
    ] {
        refused(&system.ask(0, Rights::all().difference(right), &request), Errno::EPERM);
        for right in right.iter() {
            let answer = system.ask(0, right, &request);
            let is_refused =
                matches!(&answer, AuthReply::Refused(failed) if failed.errno == Errno::EPERM);
            assert!(!is_refused, "{request:?} with {right:?}: {answer:?}");
        }
    }
}

#[test]
fn sessions_are_listed_to_whom_they_concern() {
    let system = System::with_anna();
    let token = system.token();
    system.token();
    let own = SessionsAfter { token: bytes(&token), after: 0 };
    let AuthReply::Sessions(sessions) = system.ask(7, Rights::empty(), &AuthRequest::Sessions(own))
    else {
        panic!("not listed")
    };
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| session.principal == name("anna") && session.uid == 7));
}

/// Whatever call of the store is the first to fail, what was answered with success is kept, and what
/// was not is not done, or done whole.
#[test]
fn a_store_that_fails_loses_nothing_that_was_answered() {
    for budget in 0..12 {
        let mut system = System::with_anna();
        system.files.budget.set(Some(budget));
        let new = AuthRequest::AddUser(NewUser {
            name: name("bert"),
            kind: PrincipalKind::User,
            rights: Rights::READ,
            acts_as: ActsAs(None),
            password: secret(PASSWORD),
        });
        let added = system.ask(0, Rights::CONFIGURE, &new);
        let removed = AuthRequest::RemoveUser(PrincipalNamed { name: name("anna") });
        let removed = system.ask(0, Rights::CONFIGURE, &removed);
        system.files.budget.set(None);
        system.restart();
        let AuthReply::Users(users) = system.ask(0, Rights::CONFIGURE, &AuthRequest::Users(0))
        else {
            panic!("not listed")
        };
        let is_there = |who: &str| users.iter().any(|user| user.name == name(who));
        assert_eq!(is_there("bert"), added == AuthReply::Done, "budget {budget}");
        assert_eq!(is_there("anna"), removed != AuthReply::Done, "budget {budget}");
        assert_eq!(system.fault(), ChainFault::None, "budget {budget}");
        assert_eq!(added == AuthReply::Done, budget >= 3, "budget {budget}");
    }
}

#[test]
fn a_damaged_database_is_not_replaced() {
    let system = System::with_anna();
    let mut kept = system.files.files.borrow().get("principals").cloned().unwrap();
    kept[20] ^= 1;
    system.files.files.borrow_mut().insert("principals", kept);
    let next = service(&system.clock, &system.files, &system.heard);
    assert_eq!(now(next.start()), Err(Errno::EPROTO));
}
