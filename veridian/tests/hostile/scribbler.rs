//! A client that opens session after session, and misuses each until it is ended or bored.

use crate::attacks::ATTACKS;
use crate::common::random::Random;
use crate::common::raw::{RawClient, RawSession, Refusal, Wish};
use dataplane::WaitMode;
use dataplane::entry::Errno;
use std::time::{Duration, Instant};

/// Sessions of one scribbler.
const SESSIONS: u64 = 510;
/// Most attacks on one session.
const MOST_ATTACKS: u64 = 4;
/// Sessions that it stays in, mapped, after they have ended.
const KEPT: usize = 8;
/// Longest time to find a place in a busy system.
const PLACE_WITHIN: Duration = Duration::from_secs(60);

pub(crate) fn run(address: &str, seed: u64) {
    let mut random = Random::new(seed);
    let mut client = greet(address);
    let mut kept: Vec<RawSession> = Vec::new();
    for _ in 0..SESSIONS {
        let Some(mut session) = open(&mut client, &mut random) else {
            client = greet(address);
            kept.clear();
            continue;
        };
        for _ in 0..=random.below(MOST_ATTACKS) {
            random.pick(&ATTACKS)(&mut client, &mut session, &mut random);
        }
        let id = session.terms.session;
        match random.below(4) {
            // In order, but it keeps what it has.
            0 => assert!(client.disconnect(id) != Err(Refusal::Refused(Errno::EINVAL))),
            // Without a word.
            1 => {
                client = greet(address);
            }
            _ => {}
        }
        kept.push(session);
        if kept.len() > KEPT {
            kept.remove(0);
        }
    }
}

/// A connection; waits while others have taken all places.
fn greet(address: &str) -> RawClient {
    let deadline = Instant::now() + PLACE_WITHIN;
    loop {
        match RawClient::greet(address) {
            Ok(client) => return client,
            Err(refusal) => {
                assert!(Instant::now() < deadline, "no place in the system: {refusal:?}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The next session; none if this connection has as many as it may have.
fn open(client: &mut RawClient, random: &mut Random) -> Option<RawSession> {
    let waiting = if random.once_in(2) { WaitMode::Adaptive } else { WaitMode::Sleeping };
    // The service then polls for it, at everybody's cost.
    let waiting = if random.once_in(64) { WaitMode::Polling } else { waiting };
    let wish = Wish {
        queues: 1 + u16::try_from(random.below(3)).unwrap(),
        sq_entries: 2 << random.below(6),
        cq_entries: 2 << random.below(6),
        arena_bytes: 4096 << random.below(5),
        waiting,
    };
    match client.open(&wish) {
        Ok(session) => Some(session),
        Err(Refusal::Refused(Errno::EDQUOT | Errno::ENOMEM | Errno::EAGAIN) | Refusal::Gone) => {
            None
        }
        Err(refusal) => panic!("no session: {refusal:?}"),
    }
}
