//! A message of each kind that is accepted if it has what it needs, and what answers it then.

use crate::rows::{Ground, Outcome};
use capability::Rights;
use control::client::{Connection, SessionOptions};
use control::message::{
    BrokerReply, ClientMessage, ConfigurationAction, Configure, Connect, Control, CreateEndpoint,
    Credentials, Derive, Hand, List, ListFrom, MapGrant, NodeNamed, Register, ServiceAction,
    SessionNamed, SetCredential, ShownToken, Tell,
};
use dataplane::entry::Errno;
use dataplane::{Descriptor, SessionId};

/// A message of the row, as it is tried.
pub(crate) struct Case {
    /// The message's name in the table.
    pub(crate) row: &'static str,
    /// The message, about the session if it is about one.
    pub(crate) message: fn(&Ground) -> ClientMessage,
    /// What the service that it is for wants besides.
    pub(crate) besides: Rights,
    /// What comes along.
    pub(crate) descriptors: fn() -> Vec<Descriptor>,
    /// What must have been done before it can be accepted.
    pub(crate) prepare: fn(&Connection),
    /// Whether this is how it is answered.
    pub(crate) is_accepted: fn(&Outcome) -> bool,
}

fn is_done(outcome: &Outcome) -> bool {
    *outcome == Ok(BrokerReply::Done)
}

fn is_told(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(BrokerReply::Told(_)))
}

fn session(ground: &Ground) -> SessionId {
    ground.session.as_ref().map(|(session, _)| session.id()).unwrap_or_default()
}

fn named(ground: &Ground) -> SessionNamed {
    SessionNamed { session: session(ground) }
}

fn tell_of(text: &[u8]) -> Tell {
    Tell { text: text.to_vec().try_into().unwrap() }
}

pub(crate) fn hello() -> Case {
    Case::new("Hello", |_| ClientMessage::Hello, |it| matches!(it, Ok(BrokerReply::Welcome(_))))
}

pub(crate) fn status() -> Case {
    let is_report = |it: &Outcome| matches!(it, Ok(BrokerReply::StatusReport(_)));
    Case::new("Status", |_| ClientMessage::Status, is_report)
}

pub(crate) fn connect() -> Case {
    let message = |_: &Ground| {
        let options = SessionOptions::default();
        ClientMessage::Connect(Connect {
            service: "vfs".parse().unwrap(),
            arena_bytes: options.arena_bytes,
            features: 0,
            sq_entries: options.sq_entries,
            cq_entries: options.cq_entries,
            queues: options.queues,
            waiting: options.waiting,
        })
    };
    Case::new("Connect", message, |it| matches!(it, Ok(BrokerReply::Connected(_))))
}

pub(crate) fn disconnect() -> Case {
    Case::new("Disconnect", |ground| ClientMessage::Disconnect(named(ground)), is_done)
}

pub(crate) fn map_grant() -> Case {
    let message = |ground: &Ground| {
        ClientMessage::MapGrant(MapGrant { session: session(ground), grant: ground.grant })
    };
    Case::new("MapGrant", message, |it| matches!(it, Ok(BrokerReply::Mapped(_))))
}

pub(crate) fn derive() -> Case {
    let message = |_: &Ground| ClientMessage::Derive(Derive { rights: Rights::empty(), badge: 0 });
    Case::new("Derive", message, |it| matches!(it, Ok(BrokerReply::Derived(_))))
}

pub(crate) fn revoke() -> Case {
    Case::new("Revoke", |_| ClientMessage::Revoke, is_done)
}

pub(crate) fn shutdown() -> Case {
    Case::new("Shutdown", |_| ClientMessage::Shutdown, is_done)
}

pub(crate) fn reboot() -> Case {
    Case::new("Reboot", |_| ClientMessage::Reboot, is_done)
}

/// While the service lives, what has what it needs is told to come back later; what is answered when
/// it is dead is shown in `scenarios`.
pub(crate) fn remains() -> Case {
    let message = |ground: &Ground| ClientMessage::Remains(named(ground));
    Case::new("Remains", message, |it| *it == Err(Errno::EBUSY))
}

pub(crate) fn tell() -> Case {
    let usage = Case::new("Tell", |_| ClientMessage::Tell(tell_of(b"usage")), is_told);
    Case { besides: Rights::AUDIT, ..usage }
}

pub(crate) fn tell_with() -> Case {
    let message = |_: &Ground| ClientMessage::TellWith(tell_of(b"mount\0host\0ro\0/m"));
    let descriptors =
        || vec![platform::linux::descriptor(std::fs::File::open("/").unwrap().into())];
    Case { descriptors, prepare: make_directory, ..Case::new("TellWith", message, is_told) }
}

/// Makes the directory that is mounted on.
fn make_directory(client: &Connection) {
    let mut session = client.connect("vfs", SessionOptions::default()).unwrap();
    session.take_queue().unwrap().mkdir(session.root(), b"m", 0o755).unwrap();
}

pub(crate) fn set_credential() -> Case {
    let message = |ground: &Ground| {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let credentials = Credentials { uid, gid, groups: List::default() };
        let session = session(ground);
        ClientMessage::SetCredential(SetCredential { session, index: 1, credentials })
    };
    Case::new("SetCredential", message, is_done)
}

pub(crate) fn statistics() -> Case {
    let message = |_: &Ground| ClientMessage::Statistics(named(&Ground::default()));
    Case::new("Statistics", message, |it| matches!(it, Ok(BrokerReply::Statistics(_))))
}

pub(crate) fn control() -> Case {
    let message = |_: &Ground| ClientMessage::Control(Control { action: ServiceAction::Restart });
    Case::new("Control", message, is_done)
}

pub(crate) fn configure() -> Case {
    let message = |_: &Ground| {
        let (key, value) = (List::default(), List::default());
        ClientMessage::Configure(Configure { action: ConfigurationAction::Show, key, value })
    };
    // A system in threads has no configuration to show.
    let is_known = |it: &Outcome| is_told(it) || *it == Err(Errno::EOPNOTSUPP);
    Case::new("Configure", message, is_known)
}

pub(crate) fn hand() -> Case {
    let message = |_: &Ground| ClientMessage::Hand(Hand { rights: Rights::empty(), badge: 0 });
    Case::new("Hand", message, |it| matches!(it, Ok(BrokerReply::Ticket(_))))
}

/// That a ticket which does not count is refused is in `handing`.
pub(crate) fn take() -> Case {
    let message = |ground: &Ground| ClientMessage::Take(ground.ticket);
    Case::new("Take", message, |it| matches!(it, Ok(BrokerReply::Taken(_))))
}

/// What one can be used for is in `endpoints`.
pub(crate) fn create_endpoint() -> Case {
    let message = |_: &Ground| {
        ClientMessage::CreateEndpoint(CreateEndpoint { name: "something".parse().unwrap() })
    };
    Case::new("CreateEndpoint", message, |it| matches!(it, Ok(BrokerReply::Endpoint(_))))
}

/// Of an endpoint that there is not; what it does to one that there is is in `endpoints`.
pub(crate) fn register() -> Case {
    let message = |_: &Ground| {
        let endpoint = capability::Handle::from_word(1 << 32 | 0xffff).unwrap();
        ClientMessage::Register(Register { endpoint })
    };
    Case::new("Register", message, |it| *it == Err(Errno::ENOENT))
}

/// That a token which does not count is refused is in `principals`.
pub(crate) fn authenticate() -> Case {
    let message =
        |ground: &Ground| ClientMessage::Authenticate(ShownToken { token: ground.token.clone() });
    Case::new("Authenticate", message, |it| matches!(it, Ok(BrokerReply::Welcome(_))))
}

pub(crate) fn capabilities() -> Case {
    let message = |_: &Ground| ClientMessage::Capabilities(ListFrom::default());
    Case::new("Capabilities", message, |it| matches!(it, Ok(BrokerReply::Capabilities(_))))
}

/// Of a capability that there is not; what it does to one that there is is in `handing`.
pub(crate) fn revoke_of() -> Case {
    let message = |_: &Ground| {
        let handle = capability::Handle::from_word(1 << 32 | 0xffff).unwrap();
        ClientMessage::RevokeOf(NodeNamed { space: 1 << 32 | 0xffff, handle })
    };
    Case::new("RevokeOf", message, |it| *it == Err(Errno::ENOENT))
}

pub(crate) fn last_words() -> Case {
    Case::new("LastWords", |_| ClientMessage::LastWords, is_told)
}
