//! Clients that connect, derive, revoke and leave as fast as they can, while init is killed at random
//! moments: nothing of theirs is left when they are gone, whatever init was at.

use crate::common::processes::{self, User};
use crate::common::random::{self, Random};
use crate::killer::{Watched, kill};
use capability::Rights;
use control::client::{ConnectError, Connection, SessionOptions};
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use veridian::system::{Address, Embedded, connect};

const CLIENTS: u64 = 3;
/// How often init is killed.
const KILLS: u32 = 25;
/// An init lives longer than what the guardian takes for a loop of failures.
const SHORTEST_LIFE_MS: u64 = 110;
const LONGEST_LIFE_MS: u64 = 260;
/// Longest wait until everything is gone.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// What a client does until its standard input ends.
pub(crate) fn client(address: &str, seed: u64) {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        told.store(true, Ordering::Relaxed);
    });
    let (address, mut random) = (Address(address.to_owned()), Random::new(seed));
    let (mut rounds, mut interrupted) = (0u64, 0u64);
    while !over.load(Ordering::Relaxed) {
        // Connecting waits for init; what goes wrong after that must be that init was killed.
        let connection = connect(&address).unwrap();
        match visit(&connection, &mut random) {
            Ok(()) => rounds += 1,
            Err(error) if error.errno() == Errno::EAGAIN => interrupted += 1,
            Err(error) => panic!("round {rounds}: {error}"),
        }
    }
    println!("{rounds} {interrupted}");
}

fn visit(connection: &Connection, random: &mut Random) -> Result<(), ConnectError> {
    let all = connection.capability("vfs")?;
    let kept = connection.derive(all, Rights::CONNECT | Rights::READ | Rights::DERIVE, 0)?;
    let mut derived = Vec::new();
    for _ in 0..random.below(4) {
        derived.push(connection.derive(kept, Rights::CONNECT | Rights::READ, 0)?);
    }
    let by = derived.first().copied().unwrap_or(kept);
    let mut session = connection.connect_by(by, "vfs", SessionOptions::default())?;
    let mut queue = session.take_queue().unwrap();
    queue.call(Sqe::new(Opcode::Nop, Handle::NONE)).unwrap();
    match random.below(3) {
        0 => {
            connection.revoke(kept)?;
            assert!(queue.call(Sqe::new(Opcode::Nop, Handle::NONE)).is_err(), "it was revoked");
        }
        1 => {
            drop(queue);
            session.close()?;
        }
        // The connection closes with everything open.
        _ => {}
    }
    Ok(())
}

pub(crate) fn run() {
    let mut random = Random::new(random::seed());
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).unwrap();
    let mut watched = Watched { address: system.address.0.clone(), looks: 0 };
    let before = watched.counts();
    let clients = (0..CLIENTS).map(|_| {
        let role = ["storm", &*system.address.0, &random.word().to_string()].map(str::to_owned);
        processes::start_piped(&role, User::Own)
    });
    let mut clients: Vec<_> = clients.collect();
    for _ in 0..KILLS {
        let life = SHORTEST_LIFE_MS + random.below(LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
        std::thread::sleep(Duration::from_millis(life));
        for client in &mut clients {
            assert!(client.try_wait().unwrap().is_none(), "a client has failed, see above");
        }
        let report = watched.report();
        std::thread::sleep(Duration::from_micros(random.below(3_000)));
        kill(&report["init_pid"]);
    }
    let done: Vec<_> = clients.into_iter().map(crate::killer::end).collect();
    assert!(done.iter().all(|(rounds, _)| *rounds > 0), "each got something done: {done:?}");
    let deadline = Instant::now() + GONE_WITHIN;
    while watched.counts() != before {
        assert!(Instant::now() < deadline, "left over: {:?}, not {before:?}", watched.counts());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(watched.report()["init_restarts"].as_u64(), Some(u64::from(KILLS)));
    println!("storm: init killed {KILLS} times; (rounds, interrupted) of each client: {done:?}");
    system.stop().unwrap();
}
