//! A service that logs as fast as it can beside one that logs as services do: the one loses its own
//! records and nobody else's, every one is accounted for, and nothing waits. And sources that break
//! the rules (`hostile`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "logging/hostile.rs"]
mod hostile;
#[path = "logging/system.rs"]
mod system;

use control::client::SessionOptions;
use dataplane::entry::{Opcode, Sqe, Status};
use platform::local::Platform;
use std::thread;
use std::time::{Duration, Instant};
use system::{FLOOD, connect, counts, readable, start};

const WITHIN: Duration = Duration::from_secs(60);
/// Records of the one that does not flood.
const QUIET: u64 = 1_000;

#[test]
fn a_flood_harms_its_source_alone() {
    let platform = Platform::new();
    let init = start(&platform);
    let (connection, flooding) = (connect(&platform), connect(&platform));
    let flood = thread::spawn(move || flooding.tell("noisy", b"flood").unwrap());

    let mut session = connection.connect("quiet", SessionOptions::default()).unwrap();
    let (root, mut queue) = (session.root(), session.take_queue().unwrap());
    for _ in 0..QUIET {
        assert_eq!(queue.call(Sqe::new(Opcode::Fsync, root)).unwrap().status, Status::count(0));
        // As a service does that has other things to do.
        thread::sleep(Duration::from_micros(600));
    }
    let took: u64 = String::from_utf8(flood.join().unwrap()).unwrap().parse().unwrap();

    // Each service says once that it serves.
    let deadline = Instant::now() + WITHIN;
    let (noisy, quiet) = loop {
        let counts = counts(&connection);
        let (noisy, quiet) = (counts["noisy"], counts["quiet"]);
        if noisy[0] + noisy[2] == FLOOD + 1 && quiet[0] + quiet[2] == QUIET + 1 {
            break (noisy, quiet);
        }
        assert!(noisy[0] + noisy[2] <= FLOOD + 1, "more than were asked for: {noisy:?}");
        assert!(Instant::now() < deadline, "not all are accounted for: {counts:?}");
        thread::sleep(Duration::from_millis(1));
    };
    let rate = FLOOD * 1_000_000_000 / took;
    println!("flood: {rate} records a second asked for; received, kept, dropped, limited:");
    println!("noisy {noisy:?}, quiet {quiet:?}");
    for [received, kept, _, limited] in [noisy, quiet] {
        assert_eq!(received, kept + limited, "each is kept or limited");
    }
    assert!(noisy[2] + noisy[3] > 0, "it was a flood");
    assert_eq!(quiet, [QUIET + 1, QUIET + 1, 0, 0], "all records of the other are kept");
    assert_eq!(readable(&connection, "quiet"), QUIET + 1, "and can be read");

    drop((queue, session));
    connection.shutdown().unwrap();
    init.join().unwrap();
}
