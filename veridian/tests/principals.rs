//! Principals at work: what a client is given for a token, and what becomes of its sessions when the
//! user session is over. In threads of this process; the command line is in `cli/auth.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use capability::Rights;
use control::client::{ConnectError, Connection, SessionOptions};
use control::message::{
    ActsAs, AuthReply, AuthRequest, LogIn, MapUser, Name, NewUser, PrincipalKind, Secret,
};
use control::token::{Caveat, Token};
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use veridian::embed::LocalSystem;

const WITHIN: Duration = Duration::from_secs(60);
const PASSWORD: &[u8] = b"correct horse";
const UID: u32 = 54321;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec()).unwrap()
}

/// A system with a principal `anna`, who may read, write and make files as a user of her own.
fn system() -> LocalSystem {
    let system = LocalSystem::start().unwrap();
    let rights = Rights::READ | Rights::WRITE | Rights::CREATE | Rights::CONNECT | Rights::DERIVE;
    let anna = NewUser {
        name: name("anna"),
        kind: PrincipalKind::User,
        rights,
        acts_as: ActsAs(Some((UID, UID))),
        password: secret(PASSWORD),
    };
    let connection = system.connect().unwrap();
    assert_eq!(connection.ask_auth(&AuthRequest::AddUser(anna)), Ok(AuthReply::Done));
    system
}

fn log_in(connection: &Connection) -> Token {
    let log_in = LogIn { name: name("anna"), password: secret(PASSWORD) };
    token(&connection.ask_auth(&AuthRequest::LogIn(log_in)).unwrap())
}

#[track_caller]
fn token(reply: &AuthReply) -> Token {
    match reply {
        AuthReply::LoggedIn(logged_in) => Token::decode(&logged_in.token).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A connection that has shown a token.
fn connect(system: &LocalSystem, token: &Token) -> Connection {
    let mut connection = system.connect().unwrap();
    connection.authenticate(&token.encode()).unwrap();
    connection
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: Result<T, ConnectError>, errno: Errno) {
    match result {
        Err(ConnectError::Refused { errno: got, .. }) => assert_eq!(got, errno),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_acts_as_the_principals_user() {
    let system = system();
    let mut owner = system.connect().unwrap().connect("vfs", SessionOptions::default()).unwrap();
    let (root, mut queue) = (owner.root(), owner.take_queue().unwrap());
    queue.mkdir(root, b"all", 0o777).unwrap();

    let anna = connect(&system, &log_in(&system.connect().unwrap()));
    // Derived capabilities, too, are hers.
    let own = anna.capability("vfs").unwrap();
    let derived = anna.derive(own, Rights::CONNECT | Rights::READ | Rights::CREATE, 0).unwrap();
    for (by, made) in [(own, &b"all/one"[..]), (derived, b"all/two")] {
        let mut session = anna.connect_by(by, "vfs", SessionOptions::default()).unwrap();
        let (her_root, mut hers) = (session.root(), session.take_queue().unwrap());
        hers.mkdir(her_root, made, 0o700).unwrap();
        assert_eq!(queue.stat(root, made).unwrap().uid, UID);
    }
}

#[test]
fn a_token_with_less_is_refused_what_it_lacks() {
    let system = system();
    let whole = log_in(&system.connect().unwrap());
    let reading = whole.with(Caveat::Rights(Rights::READ | Rights::CONNECT)).unwrap();
    let reading = reading.with(Caveat::Services([name("vfs")].into())).unwrap();
    let reader = connect(&system, &reading);
    let mut session = reader.connect("vfs", SessionOptions::default()).unwrap();
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    assert!(queue.stat(root, b".").is_ok());
    assert_eq!(queue.mkdir(root, b"no", 0o700), Err(ClientError::Service(Errno::EPERM)));
    let by = reader.capability("vfs").unwrap();
    is_refused(reader.derive(by, Rights::READ, 0), Errno::EPERM);
    let given = reader.capabilities().iter().find(|held| held.service == name("vfs")).unwrap();
    assert_eq!(given.rights, Rights::READ | Rights::CONNECT);

    // What was changed by hand is no token.
    for at in 0..whole.encode().len() {
        let mut forged = whole.encode();
        forged[at] ^= 4;
        assert!(system.connect().unwrap().authenticate(&forged).is_err(), "changed at {at}");
    }
}

#[test]
fn the_end_of_the_user_session_ends_what_stands_on_it() {
    let system = system();
    let plain = system.connect().unwrap();
    let token = log_in(&plain);
    let anna = connect(&system, &token);
    let mut hers = anna.connect("vfs", SessionOptions::default()).unwrap();
    let (root, mut queue) = (hers.root(), hers.take_queue().unwrap());
    let mut others = plain.connect("vfs", SessionOptions::default()).unwrap();
    let (other_root, mut other) = (others.root(), others.take_queue().unwrap());
    assert!(queue.stat(root, b".").is_ok());

    let log_out = AuthRequest::LogOut(token.encode().try_into().unwrap());
    assert_eq!(plain.ask_auth(&log_out), Ok(AuthReply::Done));
    until_revoked(|| queue.stat(root, b".").err());
    is_refused(anna.connect("vfs", SessionOptions::default()).map(drop), Errno::EPERM);
    is_refused(system.connect().unwrap().authenticate(&token.encode()), Errno::EKEYREVOKED);
    assert!(other.stat(other_root, b".").is_ok(), "another's session goes on");
}

#[test]
fn the_end_of_a_tokens_time_ends_what_stands_on_it() {
    let system = system();
    let whole = log_in(&system.connect().unwrap());
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3);
    let soon = Caveat::NotAfter(u64::try_from(soon.as_nanos()).unwrap());
    let (short, long) = (connect(&system, &whole.with(soon).unwrap()), connect(&system, &whole));
    let open = |connection: &Connection| connection.connect("vfs", SessionOptions::default());
    let mut long = open(&long).unwrap();
    let (root, mut queue) = (long.root(), long.take_queue().unwrap());
    let mut short = open(&short).unwrap();
    let (short_root, mut short_queue) = (short.root(), short.take_queue().unwrap());
    until_revoked(|| short_queue.stat(short_root, b".").err());
    assert!(queue.stat(root, b".").is_ok(), "the whole token lasts");
}

#[test]
fn a_user_of_the_host_logs_in_as_whom_he_is() {
    let system = system();
    let connection = system.connect().unwrap();
    let AuthReply::Refused(failed) = connection.ask_auth(&AuthRequest::LogInAsPeer).unwrap() else {
        panic!("nobody is mapped")
    };
    assert_eq!(failed.errno, Errno::ENOENT);
    let uid = rustix::process::getuid().as_raw();
    let map = AuthRequest::Map(MapUser { uid, name: name("anna") });
    assert_eq!(connection.ask_auth(&map), Ok(AuthReply::Done));
    let token = token(&connection.ask_auth(&AuthRequest::LogInAsPeer).unwrap());
    connect(&system, &token).connect("vfs", SessionOptions::default()).unwrap();
}

#[test]
fn what_is_done_with_few_rights_is_noted() {
    let system = system();
    let plain = system.connect().unwrap();
    let anna = connect(&system, &log_in(&plain));
    let capability = anna.derive(anna.capability("vfs").unwrap(), Rights::READ, 0).unwrap();
    anna.revoke(capability).unwrap();
    is_refused(anna.revoke(capability), Errno::EPERM);
    let texts = || {
        let (mut texts, mut from) = (Vec::new(), 1);
        loop {
            let AuthReply::Audit(page) = plain.ask_auth(&AuthRequest::Audit(from)).unwrap() else {
                panic!("not shown")
            };
            let Some(last) = page.records.last() else { return texts };
            from = last.sequence + 1;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            texts.extend(page.records.iter().map(|record| text(&record.text)));
        }
    };
    let begun = Instant::now();
    let wanted =
        ["principal anna made", "login as anna", "revocation granted", "revocation refused"];
    while !wanted.iter().all(|wanted| texts().iter().any(|text| text.contains(wanted))) {
        assert!(begun.elapsed() < WITHIN, "{:?}", texts());
    }
}

/// Asks until the answer is that the session was revoked.
fn until_revoked(mut ask: impl FnMut() -> Option<ClientError>) {
    let begun = Instant::now();
    loop {
        match ask() {
            None => assert!(begun.elapsed() < WITHIN, "it goes on"),
            Some(
                ClientError::Ended(Errno::EKEYREVOKED) | ClientError::Service(Errno::EKEYREVOKED),
            ) => return,
            Some(other) => panic!("{other:?}"),
        }
    }
}
