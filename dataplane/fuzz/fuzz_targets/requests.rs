//! Any 64 bytes are an entry: the file protocol makes of it a request or an error, and a reactor
//! answers it exactly once, or, if it is a WATCH, any number of times and once more. The bytes behind the last whole entry fill the arena.
//!
//! `cargo +nightly fuzz run requests -- -runs=100000`, in this crate's parent.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use dataplane::entry::{CqeFlags, Opcode, Sqe};
use dataplane::file::Request;
use dataplane::platform::Waiting;
use dataplane::service::Reactor;
use dataplane::{SessionId, WaitMode};
use rings::{Geometry, SqeWords};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use support::machine::{FakePoller, FakeTime};
use support::service::FakeService;
use support::session::{Blocks, Plan, entry, submit, take};

const SESSION: SessionId = SessionId(1);
const SLOTS: u32 = 8;
/// More turns than anything but a timeout takes.
const TURNS: usize = 200;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (entries, rest) = bytes.as_chunks::<64>();
    let entries: Vec<Sqe> = entries.iter().map(parse).collect();
    answer(&entries, rest);
});

/// What parses means what it says: built again, it is the same entry.
fn parse(bytes: &[u8; 64]) -> Sqe {
    let (words, _) = bytes.as_chunks::<8>();
    let words: SqeWords = std::array::from_fn(|at| u64::from_le_bytes(words[at]));
    let sqe = Sqe::from_words(words);
    assert_eq!(sqe.to_words(), words);
    match Request::parse(&sqe) {
        Ok(request) => {
            let (user_data, credential, lap) = (sqe.user_data, sqe.credential, sqe.lap);
            assert_eq!(Sqe { user_data, credential, lap, ..request.to_sqe() }, sqe);
        }
        Err(errno) => assert!(errno.name().is_some()),
    }
    sqe
}

/// Plays the client that submits these entries, under user data of its own.
fn answer(entries: &[Sqe], arena: &[u8]) {
    let geometry = Geometry::new(SLOTS, SLOTS).unwrap();
    let waiting = WaitMode::Sleeping;
    let blocks = Blocks::new(Plan { id: SESSION, queues: 1, geometry, waiting });
    let arena = &arena[..arena.len().min(blocks.arena.len())];
    blocks.arena.write(0, arena).unwrap();
    let time = FakeTime::new();
    let service = Rc::new(FakeService::default());
    let machine: Arc<dyn Waiting> = time.clone();
    let poller = Box::new(FakePoller::new(&time));
    let mut reactor = Reactor::new(Rc::clone(&service), machine, poller);
    reactor.open(blocks.parts()).unwrap();
    let mut client = blocks.queue(0).client_end();
    let mut open = BTreeSet::new();
    let mut turn = |client: &mut _, open: &mut BTreeSet<u64>| {
        assert_eq!(reactor.turn(&mut Vec::new()), [], "an honest session was ended");
        time.advance_ns(1_000);
        while let Some(cqe) = take(client).unwrap() {
            let has_more = cqe.flags().contains(CqeFlags::MORE);
            let was_open =
                if has_more { open.contains(&cqe.user_data) } else { open.remove(&cqe.user_data) };
            assert!(was_open, "{cqe:?} answers nothing that was asked");
            let asked = usize::try_from(cqe.user_data).ok().and_then(|at| entries.get(at));
            assert!(!has_more || asked.is_some_and(|sqe| sqe.opcode() == Opcode::Watch));
            assert_eq!((cqe.flags & !CqeFlags::MORE.bits(), cqe.reserved), (0, 0));
        }
    };
    for (at, sqe) in entries.iter().enumerate() {
        let sqe = Sqe { user_data: at as u64, ..*sqe };
        while submit(&mut client, &blocks.doorbell, &sqe).is_err() {
            for (session, user_data) in service.pending() {
                service.finish(session, user_data);
            }
            (0..TURNS).for_each(|_| turn(&mut client, &mut open));
            if open.len() == SLOTS as usize {
                // Full of what never ends by itself, such as far timeouts.
                return;
            }
        }
        open.insert(sqe.user_data);
        turn(&mut client, &mut open);
    }
    for round in 0..3 {
        let cancel = Sqe { op_flags: 2, ..entry(Opcode::Cancel, u64::MAX - round) };
        if submit(&mut client, &blocks.doorbell, &cancel).is_ok() {
            open.insert(cancel.user_data);
        }
        (0..TURNS).for_each(|_| turn(&mut client, &mut open));
    }
    assert!(open.is_empty(), "{open:?} were never answered");
}
