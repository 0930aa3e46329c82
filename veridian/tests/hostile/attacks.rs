//! What a scribbler does with a session.

use crate::common::attempts;
use crate::common::random::Random;
use crate::common::raw::{RawClient, RawSession, Refusal};
use crate::entries::{Entries, wrong};
use control::message::{ClientMessage, SessionNamed};
use dataplane::SessionId;
use dataplane::entry::{Handle, Opcode};
use dataplane::platform::Access;
use platform::linux;
use rings::layout::{
    CLIENT_CPU, CLIENT_CQ_HEAD, CLIENT_NEED_WAKEUP, CLIENT_SLOTS, SERVICE_CPU, SERVICE_STATE,
};
use rings::sync::Ordering;
use rings::{SQE_WORDS, State};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Bytes of a submission slot.
const SLOT_BYTES: usize = SQE_WORDS * 8;
/// Entries that are scribbled over while they are being accepted.
const CONTESTED_ENTRIES: u64 = 100;
/// As many as there may be numbers of sessions of others around one's own.
const NEIGHBOURS: u64 = 64;

/// One way to misuse a session.
pub(crate) type Attack = fn(&mut RawClient, &mut RawSession, &mut Random);

/// All of them; those that are likely to be survived more often.
pub(crate) const ATTACKS: [Attack; 16] = [
    submit, submit, submit, submit, submit, contest, contest, slots, words, arena, bell, holes,
    resize, seize, trespass, stale,
];

/// Entries in good order, whatever is in them.
fn submit(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let mut entries = Entries::new(session);
    for _ in 0..random.below(64) {
        let queue = random.index(session.queues.len());
        let sqe = entries.next(session, random);
        if !session.publish(queue, &sqe) {
            session.doorbell.ring();
            if session.is_over() {
                return;
            }
            std::thread::yield_now();
        }
        for cqe in session.reap(queue) {
            entries.handles.extend(Handle::from_word(cqe.aux));
        }
    }
    session.doorbell.ring();
}

/// Entries in good order, while another thread scribbles over all of the client's memory but
/// their laps, and over the arena.
fn contest(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let over = Arc::new(AtomicBool::new(false));
    let (client, arena) = (session.client.region.clone(), session.arena.region.clone());
    let (ended, mut scribbles) = (Arc::clone(&over), Random::new(random.word()));
    let scribbler = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            let word = CLIENT_SLOTS / 8 + scribbles.index((client.len() - CLIENT_SLOTS) / 8);
            if word % SQE_WORDS != SQE_WORDS - 1 {
                let value = wrong(word % SQE_WORDS, &mut scribbles);
                client.store(word * 8, value, Ordering::Relaxed).unwrap();
            }
            let word = scribbles.index(arena.len() / 8);
            arena.store(word * 8, scribbles.word(), Ordering::Relaxed).unwrap();
        }
    });
    let entries = Entries::new(session);
    for _ in 0..CONTESTED_ENTRIES {
        let sqe = entries.next(session, random);
        if session.publish(0, &sqe) {
            session.doorbell.ring();
        } else if session.is_over() {
            break;
        } else {
            session.reap(0);
            std::thread::yield_now();
        }
    }
    over.store(true, Ordering::Relaxed);
    scribbler.join().unwrap();
}

/// Every submission slot: the laps valid, of the turn before, of the next one, or any.
fn slots(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let entries = Entries::new(session);
    let block = session.client_block_bytes();
    for queue in 0..session.queues.len() {
        for slot in 0..session.terms.sq_entries as usize {
            let lap = if random.once_in(2) { 1 + random.below(3) } else { random.tricky() };
            let words = entries.next(session, random).to_words();
            let at = queue * block + CLIENT_SLOTS + slot * SLOT_BYTES;
            for (word, value) in words.iter().enumerate() {
                let last = word == SQE_WORDS - 1;
                let value = if last { lap << 32 | value & 0xffff_ffff } else { *value };
                let region = &session.client.region;
                region.store(at + word * 8, value, Ordering::Release).unwrap();
            }
        }
    }
    session.doorbell.ring();
}

/// The client's other words.
fn words(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let block = session.client_block_bytes();
    let queue = random.index(session.queues.len());
    let word = *random.pick(&[CLIENT_CQ_HEAD, CLIENT_NEED_WAKEUP, CLIENT_CPU]);
    let value = random.tricky();
    session.client.region.store(queue * block + word, value, Ordering::Release).unwrap();
    session.doorbell.ring();
}

/// All of the arena.
fn arena(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let bytes = random.bytes(session.arena.region.len());
    session.arena.region.write(0, &bytes).unwrap();
}

/// The doorbell: full, blocking, rung without end.
fn bell(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let bell = linux::as_fd(&session.bell).unwrap();
    let flags = rustix::fs::fcntl_getfl(bell).unwrap();
    rustix::fs::fcntl_setfl(bell, flags | OFlags::NONBLOCK).unwrap();
    for _ in 0..random.below(1000) {
        session.doorbell.ring();
    }
    // Fails if it is full already.
    let _ = rustix::io::write(bell, &(u64::MAX - 1).to_ne_bytes());
    let _ = rustix::io::write(bell, &random.below(1 << 40).to_ne_bytes());
    if random.once_in(2) {
        let mut count = [0; 8];
        let _ = rustix::io::read(bell, &mut count);
        rustix::fs::fcntl_setfl(bell, flags - OFlags::NONBLOCK).unwrap();
    }
}

/// Takes the memory away from under the service.
fn holes(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let part = if random.once_in(2) { &session.client } else { &session.arena };
    let file = linux::as_fd(&part.descriptor).unwrap();
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let (pages, page) = (part.region.len() as u64 / 4096, 4096);
    let first = random.below(pages);
    let count = 1 + random.below(pages - first);
    rustix::fs::fallocate(file, flags, first * page, count * page).unwrap();
    session.doorbell.ring();
}

/// A client's own regions cannot change their size, or the service would fault.
fn resize(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    for part in [&session.client, &session.arena] {
        let file = linux::as_fd(&part.descriptor).unwrap();
        let bytes = part.region.len() as u64;
        for other in [0, 4096 * random.below(bytes / 4096), bytes + 4096] {
            if other != bytes {
                assert_eq!(rustix::fs::ftruncate(file, other), Err(Errno::PERM));
            }
        }
        let longer = rustix::fs::fallocate(file, FallocateFlags::empty(), bytes, 4096);
        assert_eq!(longer, Err(Errno::PERM));
    }
}

/// The service's region stays the service's.
fn seize(client: &mut RawClient, session: &mut RawSession, _: &mut Random) {
    let file = linux::as_fd(&session.service.descriptor).unwrap();
    for (attempt, outcome) in attempts::to_write(file) {
        assert!(outcome.is_err(), "a client can {attempt} in the service's region");
    }
    assert!(client.map(&session.service.descriptor, Access::ReadWrite).is_err());
    // The kernel lets a process write its own memory, where the mapping could be written.
    let word = session.service.region.word(SERVICE_CPU).unwrap();
    let memory = std::fs::OpenOptions::new().write(true).open("/proc/self/mem").unwrap();
    let written = memory.write_at(&[0xff; 8], word.address().as_ptr() as u64);
    assert!(written.is_err(), "the mapping of the service's region can be written");
    let state = session.service.region.load(SERVICE_STATE, Ordering::Acquire).unwrap();
    assert!(!matches!(State::from_word(state), State::Unknown(_)));
}

/// No connection can end another's session, or look into it; this one, or one around it.
fn trespass(client: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    let Ok(mut other) = RawClient::greet(&client.address) else { return };
    let around = session.terms.session.0 + random.below(NEIGHBOURS);
    let other_session = SessionId(around.saturating_sub(NEIGHBOURS / 2));
    let named = SessionNamed { session: other_session };
    let grant = u32::try_from(random.below(8)).unwrap();
    let outcomes = [
        other.map_grant(other_session, grant).map(drop),
        other.map_grant(session.terms.session, grant).map(drop),
        other.ask(None, &ClientMessage::Remains(named)).map(drop),
        other.ask(None, &ClientMessage::Disconnect(named)).map(drop),
        // A number that this session was never given.
        client.map_grant(session.terms.session, 1 << 20 | grant).map(drop),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(Refusal::Refused(_) | Refusal::Gone)), "{outcome:?}");
    }
}

/// Handles that were never given, or were closed.
fn stale(_: &mut RawClient, session: &mut RawSession, random: &mut Random) {
    for _ in 0..16 {
        let slot = u32::try_from(random.below(64)).unwrap();
        let generation = u16::try_from(random.below(8)).unwrap();
        let handle = Handle { slot, generation };
        let opcode = *random.pick(&[Opcode::Close, Opcode::Fsync, Opcode::ReadGrant]);
        session.publish(0, &dataplane::entry::Sqe::new(opcode, handle));
    }
    session.doorbell.ring();
    session.reap(0);
}
