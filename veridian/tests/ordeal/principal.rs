//! A principal at work while init and auth are killed: what was given for a token outlives both, and
//! the end of the user session, which an init hears of that did not give it, ends it.

use crate::killer::{Watched, kill};
use capability::Rights;
use control::client::{Connection, SessionOptions};
use control::message::{
    ActsAs, AuthReply, AuthRequest, LogIn, Name, NewUser, PrincipalKind, Secret, TokenBytes,
};
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use veridian::config::Sources;
use veridian::system::{Embedded, connect};

/// Longest wait for what must happen.
const WITHIN: Duration = Duration::from_secs(30);
const PASSWORD: &[u8] = b"correct horse";

pub(crate) fn run() {
    let directory = TempDir::new().unwrap();
    let state = directory.path().to_str().unwrap();
    let sources = Sources::of_settings(&[("system.state", state)]);
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from_configured(program, &sources).unwrap();
    let mut watched = Watched { address: system.address.0.clone(), looks: 0 };
    let plain = connect(&system.address).unwrap();
    let token = log_in(&plain);
    let mut anna = connect(&system.address).unwrap();
    anna.authenticate(&token).unwrap();
    let mut hers = anna.connect("vfs", SessionOptions::default()).unwrap();
    let mut queue = hers.take_queue().unwrap();
    let mut others = plain.connect("vfs", SessionOptions::default()).unwrap();
    let mut other = others.take_queue().unwrap();

    watched.kill_init();
    assert!(nop(&mut queue).is_ok(), "init is not on the way");
    // By capabilities that an init before this one gave.
    anna.connect("vfs", SessionOptions::default()).unwrap().close().unwrap();
    kill_auth(&mut watched);
    assert!(nop(&mut queue).is_ok(), "nor is auth");
    // auth has kept the user session.
    let mut again = connect(&system.address).unwrap();
    again.authenticate(&token).unwrap();

    watched.kill_init();
    assert_eq!(plain.ask_auth(&AuthRequest::LogOut(token.clone())), Ok(AuthReply::Done));
    let begun = Instant::now();
    while let Ok(()) = nop(&mut queue) {
        assert!(begun.elapsed() < WITHIN, "what was given for the token goes on");
    }
    assert_eq!(nop(&mut queue), Err(ClientError::Ended(Errno::EKEYREVOKED)));
    for held in [&anna, &again] {
        let refused = held.connect("vfs", SessionOptions::default()).map(drop).unwrap_err();
        assert_eq!(refused.errno(), Errno::EPERM, "the capabilities are gone, too");
    }
    assert!(nop(&mut other).is_ok(), "another's session goes on");
    match plain.ask_auth(&AuthRequest::VerifyAudit).unwrap() {
        AuthReply::Verified(report) => assert_eq!(report.fault, control::message::ChainFault::None),
        other => panic!("{other:?}"),
    }
    println!(
        "principal: a token outlived init twice and auth once, and ended with its user session"
    );
    drop((hers, others));
    system.stop().unwrap();
}

/// Without a directory auth knows nothing of what an earlier one gave: that is taken back.
pub(crate) fn run_without_state() {
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).unwrap();
    let mut watched = Watched { address: system.address.0.clone(), looks: 0 };
    let token = log_in(&connect(&system.address).unwrap());
    let mut anna = connect(&system.address).unwrap();
    anna.authenticate(&token).unwrap();
    let mut hers = anna.connect("vfs", SessionOptions::default()).unwrap();
    let mut queue = hers.take_queue().unwrap();
    kill_auth(&mut watched);
    let begun = Instant::now();
    while let Ok(()) = nop(&mut queue) {
        assert!(begun.elapsed() < WITHIN, "what nobody can end goes on");
    }
    assert_eq!(nop(&mut queue), Err(ClientError::Ended(Errno::EKEYREVOKED)));
    drop((hers, queue, anna));
    system.stop().unwrap();
}

fn log_in(connection: &Connection) -> TokenBytes {
    let name: Name = "anna".parse().unwrap();
    let secret = || Secret::new(PASSWORD.to_vec()).unwrap();
    let anna = NewUser {
        name,
        kind: PrincipalKind::User,
        rights: Rights::READ | Rights::WRITE | Rights::CONNECT,
        acts_as: ActsAs(None),
        password: secret(),
    };
    assert_eq!(connection.ask_auth(&AuthRequest::AddUser(anna)), Ok(AuthReply::Done));
    match connection.ask_auth(&AuthRequest::LogIn(LogIn { name, password: secret() })).unwrap() {
        AuthReply::LoggedIn(logged_in) => logged_in.token,
        other => panic!("{other:?}"),
    }
}

fn nop(queue: &mut Queue) -> Result<(), ClientError> {
    queue.call(Sqe::new(Opcode::Nop, Handle::NONE)).map(drop)
}

fn kill_auth(watched: &mut Watched) {
    let mut auth = || {
        let report = watched.report();
        let services = report["services"].as_array().unwrap();
        services.iter().find(|service| service["name"] == "auth").unwrap().clone()
    };
    let before = auth();
    kill(&before["pid"]);
    let begun = Instant::now();
    loop {
        let now = auth();
        if now["state"] == "ready" && now["pid"] != before["pid"] {
            return;
        }
        assert!(begun.elapsed() < WITHIN, "auth is not back: {now}");
    }
}
