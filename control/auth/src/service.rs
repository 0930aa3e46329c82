//! Messages in, answers out: what the service does about each request, and about tokens that clients
//! show the broker.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::Rights;
use control::message::{AuthReply, AuthRequest, Authenticated, Header, Message, PeerIdentity};
use control::platform::Random;
use control::service::{Broker, Sender, Service};
use control::store::Store;
use core::cell::{Cell, RefCell};
use dataplane::SessionInfo;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::platform::Timestamp;
use dataplane::service::{Answer, DataService};
use zeroize::Zeroize;

use crate::audit::Audit;
use crate::database::Database;
use crate::error::Refusal;
use crate::lockout::LockOutRules;
use crate::passwords::{HashCost, Hashing};
use crate::turns::Turns;

const DATABASE: &str = "principals";
/// Most records of the audit log in one answer.
const RECORDS: usize = 8;

/// How long user sessions last, and what hashing takes.
#[derive(Clone, Copy, Debug)]
pub struct AuthConfig {
    /// A user session ends when it was not used for so long, ns.
    pub idle_ns: u64,
    /// It ends after so long whatever happens, ns.
    pub lasts_ns: u64,
    /// Who has to wait that has failed.
    pub lock_out: LockOutRules,
    /// What a new password's hash takes.
    pub cost: HashCost,
    /// Passwords that may be checked or wait for it at a time.
    pub most_hashes: usize,
}

impl Default for AuthConfig {
    /// Half an hour, and twelve hours.
    fn default() -> Self {
        let minute = 60_000_000_000;
        let (cost, lock_out) = (HashCost::default(), LockOutRules::default());
        Self { idle_ns: 30 * minute, lasts_ns: 720 * minute, lock_out, cost, most_hashes: 16 }
    }
}

/// What the service needs of the world.
pub struct Surroundings {
    /// The time of day.
    pub now: Box<dyn Fn() -> Timestamp>,
    /// Keys, salts and numbers.
    pub random: Arc<dyn Random>,
    /// Threads for hashing.
    pub hashing: Box<dyn Hashing>,
    /// Where it keeps what it must not forget.
    pub store: Rc<dyn Store>,
}

/// The service.
pub struct AuthService {
    pub(crate) config: AuthConfig,
    pub(crate) surroundings: Surroundings,
    broker: Rc<dyn Broker>,
    pub(crate) database: RefCell<Database>,
    changes: Turns,
    pub(crate) audit: Audit,
    pub(crate) hashes: Cell<usize>,
}

impl AuthService {
    /// A service that has not started.
    #[must_use]
    pub fn new(config: AuthConfig, surroundings: Surroundings, broker: Rc<dyn Broker>) -> Self {
        Self {
            config,
            audit: Audit::new(Rc::clone(&surroundings.store)),
            surroundings,
            broker,
            database: RefCell::default(),
            changes: Turns::default(),
            hashes: Cell::new(0),
        }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from((self.surroundings.now)().0).unwrap_or(0)
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.surroundings.random.fill(&mut bytes);
        bytes
    }

    /// Changes what is kept, if that can be kept.
    pub(crate) async fn change<T>(
        &self,
        change: impl FnOnce(&mut Database) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let _turn = self.changes.take().await;
        let mut next = self.database.borrow().clone();
        let changed = change(&mut next)?;
        if next != *self.database.borrow() {
            self.surroundings.store.replace(DATABASE, next.encode()).await?;
            *self.database.borrow_mut() = next;
        }
        Ok(changed)
    }

    /// Notes something; what cannot be noted is not done.
    pub(crate) async fn note(&self, what: &str, sender: PeerIdentity) -> Result<(), Refusal> {
        let PeerIdentity { pid, uid, .. } = sender;
        let text = format!("{what} (by user {uid}, process {pid})");
        Ok(self.audit.record(self.now(), &text).await?)
    }

    /// User sessions have ended: what they gave is taken back.
    pub(crate) fn ended(&self, sessions: &[u64]) {
        sessions.iter().for_each(|session| self.broker.deauthenticate(*session));
    }

    async fn answer(&self, sender: Sender, request: AuthRequest) -> Result<AuthReply, Refusal> {
        let by = sender.identity;
        let configures = || needs(sender, Rights::CONFIGURE);
        match request {
            AuthRequest::LogIn(log_in) => self.log_in(by, log_in).await,
            AuthRequest::LogInAsPeer => self.log_in_as_peer(by).await,
            AuthRequest::LogOut(token) => self.log_out(by, &token).await,
            AuthRequest::EndSession(session) => {
                configures()?;
                self.end_session(by, session).await
            }
            AuthRequest::WhoAmI(token) => self.who_am_i(by, &token),
            AuthRequest::Sessions(which) if which.token.is_empty() => {
                needs(sender, Rights::AUDIT)?;
                Ok(self.sessions(None, which.after))
            }
            AuthRequest::Sessions(which) => {
                let (allowed, _) = self.allowed(by, &which.token)?;
                Ok(self.sessions(Some(allowed.principal), which.after))
            }
            AuthRequest::SetPassword(set) => {
                let without_old = set.old.bytes().is_empty();
                if without_old {
                    configures()?;
                }
                self.set_password(by, set, without_old).await
            }
            AuthRequest::AddUser(new) => {
                configures()?;
                self.add_user(by, new).await
            }
            AuthRequest::RemoveUser(named) => {
                configures()?;
                self.remove_user(by, named.name).await
            }
            AuthRequest::Map(map) => {
                configures()?;
                self.map(by, map.uid, Some(map.name)).await
            }
            AuthRequest::Unmap(uid) => {
                configures()?;
                self.map(by, uid, None).await
            }
            AuthRequest::Users(after) => {
                needs(sender, Rights::AUDIT).or_else(|_| configures())?;
                Ok(self.users(after))
            }
            AuthRequest::Audit(from) => {
                needs(sender, Rights::AUDIT)?;
                let records = self.audit.records(from, RECORDS).await?;
                let records = records.try_into().unwrap_or_default();
                Ok(AuthReply::Audit(control::message::AuditPage { records }))
            }
            AuthRequest::VerifyAudit => {
                needs(sender, Rights::AUDIT)?;
                Ok(AuthReply::Verified(self.audit.verify().await?))
            }
        }
    }
}

fn needs(sender: Sender, right: Rights) -> Result<(), Refusal> {
    if sender.rights.contains(right) { Ok(()) } else { Err(Refusal::NotAllowed) }
}

impl Service for AuthService {
    fn name(&self) -> &'static str {
        "auth"
    }

    /// What was kept is read. What is damaged is not replaced: then the service does not start.
    async fn start(&self) -> Result<(), Errno> {
        if let Some(bytes) = self.surroundings.store.read(DATABASE).await? {
            let database = Database::decode(&bytes).map_err(|_| Errno::EPROTO)?;
            *self.database.borrow_mut() = database;
        }
        self.audit.open(self.random(), self.now()).await
    }

    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        let (_, request) = AuthRequest::decode(message).map_err(|_| Errno::EINVAL)?;
        let reply = match self.answer(sender, request).await {
            Ok(reply) => reply,
            Err(refusal) => refusal.reply(),
        };
        Ok(reply.encode(Header::default()))
    }

    async fn authenticate(&self, peer: PeerIdentity, token: &[u8]) -> Result<Authenticated, Errno> {
        self.show(peer, token).await.map_err(Refusal::errno)
    }

    fn goes_on(&self, session: u64) -> bool {
        self.is_open(session)
    }

    async fn audit(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        // What the broker does is not undone because it cannot be noted.
        let _ = self.audit.record(self.now(), &text).await;
    }

    /// What is being noted, is.
    async fn stop(&self) {
        self.audit.settle().await;
    }
}

/// Requests by rings: there are none.
impl DataService for AuthService {
    type Session = ();
    type Held = ();

    fn open_session(&self, _: &SessionInfo) -> Result<(Rc<()>, Handle), Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    fn close_session(&self, _: &Rc<()>) {}

    fn supports(&self, _: Opcode) -> bool {
        false
    }

    fn request(self: &Rc<Self>, _: &Rc<()>, _: &Sqe) -> Answer<()> {
        Err::<dataplane::service::Completion<()>, _>(Errno::EOPNOTSUPP).into()
    }
}

/// Keys are not left behind in memory.
impl Drop for AuthService {
    fn drop(&mut self) {
        self.database.borrow_mut().sessions.values_mut().for_each(|it| it.key.zeroize());
    }
}
