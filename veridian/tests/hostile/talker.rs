//! A client that talks to the broker as none of ours does: nonsense, floods, and it never reads.

use crate::common::random::Random;
use crate::common::raw::{RawClient, Refusal, Wish};
use capability::Rights;
use control::message::{
    ClientMessage, Connect, Derive, Header, MAX_MESSAGE_BYTES, MapGrant, Message, SessionNamed,
    Tell,
};
use control::platform::{ChannelError, Packet};
use dataplane::entry::Errno;
use dataplane::{SessionId, WaitMode};
use init::Policy;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections that say nothing, at once.
const HALF_OPEN: usize = 1000;
/// Longest wait for those that are too many to be closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(60);
/// Messages of one flood.
const FLOOD: usize = 5000;
/// Messages of nonsense.
const NONSENSE: usize = 300;

pub(crate) fn run(address: &str, seed: u64) {
    let mut random = Random::new(seed);
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limits.maximum, ..limits })
        .unwrap();
    nonsense(address, &mut random);
    absurd_sessions(address, &mut random);
    others(address, &mut random);
    many_capabilities(address);
    hoard(address);
    flood(address, &mut random);
    flood_with_sessions(address);
    half_open(address);
    chatter(address, &mut random);
}

/// Tries to connect; the system may be full.
fn greet(address: &str) -> Option<RawClient> {
    RawClient::greet(address).ok()
}

/// Bytes that are no message, and messages with wrong bytes.
fn nonsense(address: &str, random: &mut Random) {
    let mut client = greet(address);
    for _ in 0..NONSENSE {
        let Some(held) = &client else {
            client = greet(address);
            continue;
        };
        let mut bytes = if random.once_in(3) {
            let count = 1 + random.index(MAX_MESSAGE_BYTES);
            random.bytes(count)
        } else {
            let question = any_question(held, random);
            question.encode(Header { request: random.word(), capability: held.vfs() })
        };
        let at = random.index(bytes.len());
        bytes[at] = random.bytes(1)[0];
        let descriptors = (0..random.below(3)).map(|_| held.channel.source()).collect();
        match held.channel.send(&Packet { bytes, descriptors }) {
            Ok(()) | Err(ChannelError::Full) => {}
            Err(_) => client = None,
        }
        // The answers are of no interest, but they are taken.
        if let Some(held) = &client {
            while matches!(held.channel.receive(), Ok(Some(_))) {}
        }
    }
}

fn any_question(client: &RawClient, random: &mut Random) -> ClientMessage {
    let session = SessionId(random.below(1 << 16));
    match random.below(8) {
        0 => ClientMessage::Hello,
        1 => Wish::default().message(),
        2 => ClientMessage::Disconnect(SessionNamed { session }),
        3 => ClientMessage::MapGrant(MapGrant { session, grant: 1 }),
        4 => ClientMessage::Derive(Derive { rights: Rights::CONNECT, badge: 0 }),
        5 => ClientMessage::Status,
        6 => ClientMessage::Remains(SessionNamed { session }),
        _ => {
            let text = random.bytes(client.held.len() * 100).try_into().unwrap();
            ClientMessage::Tell(Tell { text })
        }
    }
}

/// Sessions of sizes that cannot be, or may not be: refused, and nothing is taken for them.
fn absurd_sessions(address: &str, random: &mut Random) {
    let Some(mut client) = greet(address) else { return };
    for _ in 0..64 {
        let connect = Connect {
            service: "vfs".parse().unwrap(),
            arena_bytes: 1 << 40 | random.tricky(),
            features: random.word(),
            sq_entries: u32::try_from(random.tricky() & 0xffff_ffff).unwrap(),
            cq_entries: u32::try_from(random.tricky() & 0xffff_ffff).unwrap(),
            queues: u16::try_from(random.tricky() & 0xffff).unwrap(),
            waiting: WaitMode::Adaptive,
        };
        match client.ask(client.vfs(), &ClientMessage::Connect(connect)) {
            Err(Refusal::Refused(Errno::EINVAL | Errno::EDQUOT)) => {}
            Err(Refusal::Gone) => return,
            outcome => panic!("{connect:?}: {:?}", outcome.map(|(reply, _)| reply)),
        }
    }
}

/// Every session there may be is another's: none can be ended, mapped or asked about.
fn others(address: &str, random: &mut Random) {
    let Some(mut client) = greet(address) else { return };
    for _ in 0..500 {
        let session = SessionId(random.below(1 << 14));
        let named = SessionNamed { session };
        let question = match random.below(3) {
            0 => ClientMessage::Disconnect(named),
            1 => ClientMessage::MapGrant(MapGrant { session, grant: 1 }),
            _ => ClientMessage::Remains(named),
        };
        match client.ask(None, &question) {
            Err(Refusal::Refused(Errno::ENOENT)) => {}
            Err(Refusal::Gone) => return,
            outcome => panic!("{question:?}: {:?}", outcome.map(|(reply, _)| reply)),
        }
    }
    // Nor does a capability of another's do anything.
    for word in 0..256 {
        let guess = capability::Handle::from_word(1 << 32 | word);
        let own = client.held.iter().any(|held| Some(held.handle) == guess);
        if !own {
            let outcome = client.ask(guess, &ClientMessage::Shutdown).map(drop);
            assert!(matches!(outcome, Err(Refusal::Refused(Errno::EPERM) | Refusal::Gone)));
        }
    }
}

/// Capabilities until there may be no more.
fn many_capabilities(address: &str) {
    let Some(mut client) = greet(address) else { return };
    let derive = ClientMessage::Derive(Derive { rights: Rights::CONNECT, badge: 0 });
    loop {
        match client.ask(client.vfs(), &derive) {
            Ok(_) => {}
            Err(Refusal::Refused(Errno::EDQUOT) | Refusal::Gone) => return,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

/// Keeps the descriptors of sessions that it has let go of: they hold no memory any more.
fn hoard(address: &str) {
    let Some(mut client) = greet(address) else { return };
    let wish = Wish { arena_bytes: 1 << 20, ..Wish::default() };
    for _ in 0..16 {
        let Ok(session) = client.open(&wish) else { return };
        let bytes = vec![0xff; session.arena.region.len()];
        session.arena.region.write(0, &bytes).unwrap();
        let Ok(()) = client.disconnect(session.terms.session) else { return };
        for part in [&session.client, &session.arena] {
            let file = platform::linux::as_fd(&part.descriptor).unwrap();
            assert_eq!(rustix::fs::fstat(file).unwrap().st_blocks, 0, "memory outlives a session");
        }
    }
}

/// Questions without end, of which no answer is read.
fn flood(address: &str, random: &mut Random) {
    for question in [ClientMessage::Hello, ClientMessage::Status] {
        let Some(mut client) = greet(address) else { return };
        for _ in 0..FLOOD {
            if !pushed(&mut client, &question, random) {
                break;
            }
        }
    }
    let Some(mut client) = greet(address) else { return };
    let text = b"usage".to_vec().try_into().unwrap();
    let question = ClientMessage::Tell(Tell { text });
    for _ in 0..FLOOD {
        if !pushed(&mut client, &question, random) {
            break;
        }
    }
}

/// Sends a question, gives up if the broker does not read; false if the connection is over.
fn pushed(client: &mut RawClient, question: &ClientMessage, random: &mut Random) -> bool {
    match client.send(client.vfs(), question) {
        Ok(_) => true,
        Err(ChannelError::Full) => {
            std::thread::sleep(Duration::from_micros(random.below(200)));
            true
        }
        Err(_) => false,
    }
}

/// The same with answers that carry descriptors.
fn flood_with_sessions(address: &str) {
    let Some(mut client) = greet(address) else { return };
    let wish = Wish { sq_entries: 2, cq_entries: 2, arena_bytes: 4096, ..Wish::default() };
    for _ in 0..100 {
        if client.send(client.vfs(), &wish.message()).is_err() {
            break;
        }
    }
}

/// Connections that say nothing: a user may have so many, and the others are closed.
fn half_open(address: &str) {
    let clients: Vec<RawClient> =
        (0..HALF_OPEN).map_while(|_| RawClient::connect(address).ok()).collect();
    let Some(first) = clients.first() else { return };
    let owner = first.channel.peer().uid;
    let own = rustix::process::getuid().as_raw();
    let policy = Policy::new(owner);
    let is_owner = own == owner || own == 0;
    let most = if is_owner { policy.max_clients } else { policy.max_clients_per_user };
    let deadline = Instant::now() + CLOSED_WITHIN;
    while clients.iter().filter(|client| client.channel.is_connected()).count() > most {
        assert!(Instant::now() < deadline, "a user has more connections than allowed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Questions and answers as fast as they go, from two threads: the broker always has something
/// to do for this client.
fn chatter(address: &str, random: &mut Random) {
    let Some(mut client) = greet(address) else { return };
    let channel = Arc::clone(&client.channel);
    let reader = std::thread::spawn(move || while channel.receive_within(None).is_ok() {});
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        let question = if random.once_in(2) { ClientMessage::Hello } else { ClientMessage::Status };
        if !pushed(&mut client, &question, random) {
            break;
        }
    }
    let source = client.channel.source();
    let socket = platform::linux::as_fd(&source).unwrap();
    // The reader sees the end.
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
    reader.join().unwrap();
}
