//! What is tried for a row of the table, by what the row says that the message needs.

use crate::cases::Case;
use crate::stage::{System, ask, held};
use capability::{Handle, Rights};
use control::client::{Connection, Session, SessionOptions};
use control::message::{
    ActsAs, AuthReply, AuthRequest, BrokerReply, CLIENT_NEEDS, ClientMessage, MapUser, Name, Needs,
    NewUser, On, PrincipalKind, Secret, Ticket, TokenBytes,
};
use dataplane::client::Queue;
use dataplane::entry::Errno;
use dataplane::file::{OpenFlags, Request};
use dataplane::grant::GrantId;

/// What a session for files is given, besides what a message needs.
const FILES: Rights =
    Rights::CONNECT.union(Rights::READ).union(Rights::WRITE).union(Rights::CREATE);

/// Tries a message in every way that its row promises, each row on a system of its own.
pub(crate) fn check(start: &dyn Fn() -> System, case: &Case) {
    let system = start();
    let row = CLIENT_NEEDS.iter().find(|row| row.message == case.row).expect("it has a row");
    match row.needs {
        Needs::Nothing => needs_nothing(&system, case),
        Needs::OwnSession(rights) => needs_a_session(&system, case, rights),
        Needs::Capability(on, rights) => needs_a_capability(&system, case, on, rights, None),
        Needs::OwnOr(on, rights) => {
            let client = system.connect();
            let message = (case.message)(&Ground::default());
            accepted(case, ask(&client, None, &message, Vec::new()));
            needs_a_capability(&system, case, on, rights, None);
        }
        Needs::OneOf(on, rights, others) => {
            needs_a_capability(&system, case, on, rights, Some(others));
        }
    }
}

/// A handle that no space has issued.
fn never_issued() -> Handle {
    Handle::from_word(1 << 32 | 0xffff).unwrap()
}

fn needs_nothing(system: &System, case: &Case) {
    let client = system.connect();
    let (vfs, _) = held(&client, "vfs");
    for capability in [None, Some(never_issued())] {
        let ticket = client.hand(vfs, Rights::CONNECT, 0).unwrap();
        let token = token(&client);
        let message = (case.message)(&Ground { ticket, token, ..Ground::default() });
        accepted(case, ask(&client, capability, &message, Vec::new()));
    }
}

/// A token of this user's, who is a principal.
pub(crate) fn token(client: &Connection) -> TokenBytes {
    let name: Name = "anna".parse().unwrap();
    let anna = NewUser {
        name,
        kind: PrincipalKind::User,
        rights: FILES,
        acts_as: ActsAs(None),
        password: Secret::new(b"correct horse".to_vec()).unwrap(),
    };
    client.ask_auth(&AuthRequest::AddUser(anna)).unwrap();
    let uid = rustix::process::getuid().as_raw();
    client.ask_auth(&AuthRequest::Map(MapUser { uid, name })).unwrap();
    match client.ask_auth(&AuthRequest::LogInAsPeer) {
        Ok(AuthReply::LoggedIn(logged_in)) => logged_in.token,
        other => panic!("{other:?}"),
    }
}

fn needs_a_capability(
    system: &System,
    case: &Case,
    on: On,
    needed: Rights,
    others: Option<Rights>,
) {
    let client = system.connect();
    (case.prepare)(&client);
    let message = (case.message)(&Ground::default());
    let try_by = |capability| ask(&client, capability, &message, (case.descriptors)());
    let refused = |capability, why: &str| {
        assert_eq!(try_by(capability), Err(Errno::EPERM), "{}: {why}", case.row);
    };
    if !matches!(case.row, "Capabilities") {
        refused(None, "no capability");
    }
    refused(Some(never_issued()), "a handle that was never issued");
    let (own, other) = if on == On::System { ("init", "vfs") } else { ("vfs", "init") };
    let (object, all) = held(&client, own);
    if on != On::Anything {
        refused(Some(held(&client, other).0), "a capability on something else");
    }
    let derive = |rights| client.derive(object, rights, 0).unwrap();
    for (name, right) in needed.iter_names() {
        assert!(all.contains(right), "{}: the owner has no {name}", case.row);
        refused(Some(derive(all - right)), name);
    }
    for (name, right) in case.besides.iter_names() {
        refused(Some(derive(all - right)), name);
    }
    let mut enough = needed | case.besides;
    if let Some(others) = others {
        refused(Some(derive(all - others)), "none of the others");
        enough |= (others & all).iter().next().expect("the owner has one of them");
    }
    let gone = derive(enough);
    client.revoke(gone).unwrap();
    refused(Some(gone), "revoked");
    let child = {
        let parent = derive(enough | Rights::DERIVE);
        let child = client.derive(parent, enough, 0).unwrap();
        client.revoke(parent).unwrap();
        child
    };
    refused(Some(child), "derived from what was revoked");
    accepted(case, try_by(Some(derive(enough))));
}

fn needs_a_session(system: &System, case: &Case, needed: Rights) {
    let (client, stranger) = (system.connect(), system.connect());
    let (object, _) = held(&client, "vfs");
    let open = |rights| {
        let capability = client.derive(object, rights, 0).unwrap();
        (capability, Ground::open(&client, capability))
    };
    let ask_for =
        |who: &Connection, ground: &Ground| ask(who, None, &(case.message)(ground), Vec::new());
    let (_, ground) = open(FILES | needed);
    let by_others = ask_for(&stranger, &ground);
    assert_eq!(by_others, Err(Errno::ENOENT), "{}: the session of another", case.row);
    for (name, right) in needed.iter_names() {
        let (_, lacking) = open((FILES | needed) - right);
        assert_eq!(ask_for(&client, &lacking), Err(Errno::EPERM), "{}: no {name}", case.row);
    }
    let (capability, over) = open(FILES | needed);
    client.revoke(capability).unwrap();
    assert_eq!(ask_for(&client, &over), Err(Errno::ENOENT), "{}: revoked", case.row);
    (case.prepare)(&client);
    accepted(case, ask_for(&client, &ground));
}

fn accepted(case: &Case, outcome: Outcome) {
    assert!((case.is_accepted)(&outcome), "{} is not accepted: {outcome:?}", case.row);
}

/// What came of a message.
pub(crate) type Outcome = Result<BrokerReply, Errno>;

/// A session, with a grant that its client may map.
#[derive(Default)]
pub(crate) struct Ground {
    pub(crate) session: Option<(Session, Queue)>,
    pub(crate) grant: u32,
    /// That nobody has used.
    pub(crate) ticket: Ticket,
    pub(crate) token: TokenBytes,
}

impl Ground {
    pub(crate) fn open(client: &Connection, capability: Handle) -> Self {
        let options = SessionOptions::default();
        let mut session = client.connect_by(capability, "vfs", options).unwrap();
        let mut queue = session.take_queue().unwrap();
        let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
        let handle = queue.open(session.root(), b"granted", flags, 0o600).unwrap();
        queue.write(handle, 0, &[7; 4096]).unwrap();
        let granted = Request::ReadGrant { handle, offset: 0, len: 4096, hold: true };
        let done = queue.call(granted.to_sqe()).unwrap();
        let grant = GrantId::from_word(done.aux).grant;
        Self { grant, session: Some((session, queue)), ..Self::default() }
    }
}

impl Case {
    /// A case whose message is always the same.
    pub(crate) fn new(
        row: &'static str,
        message: fn(&Ground) -> ClientMessage,
        is_accepted: fn(&Outcome) -> bool,
    ) -> Self {
        Self {
            row,
            message,
            is_accepted,
            prepare: |_| {},
            descriptors: Vec::new,
            besides: Rights::empty(),
        }
    }
}
