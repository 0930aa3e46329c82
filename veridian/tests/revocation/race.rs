//! The race: one thread writes to a file as fast as it can, another one revokes what its session
//! stands on, and looks whether the file changes after that.

use crate::common::random::Random;
use capability::Rights;
use control::client::{Connection, Session, SessionOptions};
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{OpenFlags, Request};
use dataplane::platform::Waiting;
use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Looks at the file after each revoke.
const LOOKS: u32 = 8;
/// Most writes in flight.
const MOST_IN_FLIGHT: u64 = 8;
/// When a writer looks whether it shall give up, ns.
const LOOK_AFTER_NS: u64 = 100_000_000;
/// Longest wait for anything that must come.
const WITHIN: Duration = Duration::from_secs(60);

const RIGHTS: Rights = Rights::CONNECT.union(Rights::READ).union(Rights::WRITE);
const OPTIONS: SessionOptions = SessionOptions {
    arena_bytes: 64 << 10,
    sq_entries: 16,
    cq_entries: 32,
    queues: 1,
    waiting: dataplane::WaitMode::Adaptive,
};

/// The file that is written.
pub(crate) struct File {
    path: &'static [u8],
    /// Where it is on the host, if it is there.
    directory: Option<TempDir>,
}

impl File {
    pub(crate) fn in_memory() -> Self {
        Self { path: b"raced", directory: None }
    }

    /// In a directory of the host, which is mounted for that.
    pub(crate) fn of_the_host(connection: &Connection) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut session = connection.connect("vfs", OPTIONS).unwrap();
        session.take_queue().unwrap().mkdir(session.root(), b"host", 0o777).unwrap();
        let opened = fs::File::open(directory.path()).unwrap();
        let opened = platform::linux::descriptor(opened.into());
        connection.tell_with("vfs", b"mount\0host\0rw\0/host", opened).unwrap();
        Self { path: b"host/raced", directory: Some(directory) }
    }
}

/// What was executed after a revoke had returned.
#[derive(Debug)]
pub(crate) struct Late {
    round: u64,
    before: u64,
    after: u64,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round, before, after } = self;
        write!(
            f,
            "round {round}: write {before} was the last when the revoke returned, then {after}"
        )
    }
}

/// What came of the writes of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Raced {
    written: u64,
    /// Answered that the capability was revoked.
    refused: u64,
    /// Rounds in which the revoke came before the first write.
    unwritten: u64,
}

impl fmt::Display for Raced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, refused, unwritten } = self;
        write!(f, "{written} writes, {refused} refused by revokes, {unwritten} rounds without any")
    }
}

/// Who looks at the file: by a session that is not revoked, or on the host.
struct Reader<'a> {
    file: &'a File,
    queue: Queue,
    handle: Handle,
}

impl Reader<'_> {
    fn look(&mut self) -> u64 {
        let mut word = [0; 8];
        match &self.file.directory {
            Some(directory) => {
                let bytes = fs::read(directory.path().join("raced")).unwrap();
                word.copy_from_slice(&bytes[..8]);
            }
            None => assert_eq!(self.queue.read(self.handle, 0, &mut word), Ok(8)),
        }
        u64::from_le_bytes(word)
    }

    fn check(&mut self, round: u64, before: u64) -> Result<(), Late> {
        match self.look() {
            after if after == before => Ok(()),
            after => Err(Late { round, before, after }),
        }
    }
}

/// What the two threads share.
#[derive(Default)]
struct Shared {
    /// Completions of writes so far.
    written: AtomicU64,
    /// The writer shall give up.
    stop: AtomicBool,
}

/// Races so many times; an error if anything was executed late.
pub(crate) fn race(
    connection: &Connection,
    file: &File,
    rounds: u64,
    seed: u64,
) -> Result<Raced, Late> {
    let mut session = connection.connect("vfs", OPTIONS).unwrap();
    let mut queue = session.take_queue().unwrap();
    let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
    let handle = queue.open(session.root(), file.path, flags, 0o600).unwrap();
    assert_eq!(queue.write(handle, 0, &0u64.to_le_bytes()), Ok(8));
    let mut reader = Reader { file, queue, handle };
    let shared = Shared::default();
    let (give, take) = sync_channel(1);
    let (tell, told) = sync_channel(1);
    thread::scope(|scope| {
        let (shared, path) = (&shared, file.path);
        scope.spawn(move || write_all(path, shared, &take, &tell));
        let _stopping = Stopping(shared);
        let give = give;
        revoke_all(connection, &mut reader, (rounds, seed), (&give, &told), shared)
    })
}

/// Has the writer give up, also when a test fails.
struct Stopping<'a>(&'a Shared);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// A round's session, and the first number to write.
type Job = (Session, Queue, u64);
/// The next number, and how many writes were refused.
type Outcome = (u64, u64);

fn revoke_all(
    connection: &Connection,
    reader: &mut Reader<'_>,
    (rounds, seed): (u64, u64),
    (give, told): (&SyncSender<Job>, &Receiver<Outcome>),
    shared: &Shared,
) -> Result<Raced, Late> {
    let mut random = Random::new(seed);
    let vfs = connection.capability("vfs").unwrap();
    let (mut next, mut raced) = (1, Raced::default());
    let mut before = reader.look();
    for round in 0..rounds {
        // What stands on the capability itself, and on one that was derived from it.
        let parent = connection.derive(vfs, RIGHTS | Rights::DERIVE, 0).unwrap();
        let child = connection.derive(parent, RIGHTS, 0).unwrap();
        let by = if random.once_in(2) { parent } else { child };
        let mut session = connection.connect_by(by, "vfs", OPTIONS).unwrap();
        let queue = session.take_queue().unwrap();
        reader.check(round, before)?;
        let written = shared.written.load(Ordering::Relaxed);
        give.send((session, queue, next)).unwrap();
        wait(shared, written + random.below(40), random.below(2_000));
        connection.revoke(parent).unwrap();
        let revoked = Instant::now();
        before = reader.look();
        for _ in 0..LOOKS {
            reader.check(round, before)?;
        }
        let (then, refused) = loop {
            let heard = told.recv_timeout(Duration::from_millis(1));
            reader.check(round, before)?;
            match heard {
                Ok(heard) => break heard,
                Err(RecvTimeoutError::Timeout) if revoked.elapsed() < WITHIN => {}
                Err(_) => panic!("the writer does not hear of the revoke"),
            }
        };
        raced.unwritten += u64::from(shared.written.load(Ordering::Relaxed) == written);
        raced.refused += refused;
        next = then;
    }
    raced.written = shared.written.load(Ordering::Relaxed);
    Ok(raced)
}

/// Waits for so many writes, at most for some time, and then for so many turns.
fn wait(shared: &Shared, writes: u64, turns: u64) {
    let deadline = Instant::now() + Duration::from_millis(20);
    while shared.written.load(Ordering::Relaxed) < writes && Instant::now() < deadline {
        thread::yield_now();
    }
    (0..turns).for_each(|_| std::hint::spin_loop());
}

/// The writer: takes a session a round, until there is no other.
fn write_all(path: &[u8], shared: &Shared, take: &Receiver<Job>, tell: &SyncSender<Outcome>) {
    let clock = platform::linux::Platform::new().waiting();
    while let Ok((session, mut queue, first)) = take.recv() {
        let clock = Arc::clone(&clock);
        let mut writer = Writer { next: first, refused: 0, shared, clock };
        let ended = writer.write(&session, &mut queue, path);
        if !shared.stop.load(Ordering::Relaxed) {
            assert_eq!(ended, ClientError::Ended(Errno::EKEYREVOKED));
        }
        let _ = tell.send((writer.next, writer.refused));
    }
}

struct Writer<'a> {
    next: u64,
    refused: u64,
    shared: &'a Shared,
    clock: Arc<dyn Waiting>,
}

impl Writer<'_> {
    /// Writes ever higher numbers until the session is over.
    fn write(&mut self, session: &Session, queue: &mut Queue, path: &[u8]) -> ClientError {
        let handle = loop {
            match queue.open(session.root(), path, OpenFlags::READ_WRITE, 0) {
                Ok(handle) => break handle,
                Err(ClientError::Service(Errno::EKEYREVOKED)) => {}
                Err(ended) => return ended,
            }
        };
        // Numbers stay where they are until their write has completed: a buffer for each.
        let buffers: Vec<_> =
            (0..MOST_IN_FLIGHT).map(|_| queue.buffer(8).expect("the arena has room")).collect();
        let mut free: Vec<usize> = (0..buffers.len()).collect();
        let mut under_way = Vec::new();
        while !self.shared.stop.load(Ordering::Relaxed) {
            while let Some(at) = free.pop() {
                let from = buffers[at].range();
                queue.arena().write(from, &self.next.to_le_bytes()).unwrap();
                let write = Request::Write { handle, offset: 0, from };
                match queue.submit(write.to_sqe()) {
                    Ok(ticket) => under_way.push((ticket, at)),
                    Err(ended) => return self.finish(queue, ended),
                }
                self.next += 1;
            }
            match queue.wait(Some(self.clock.now().after_ns(LOOK_AFTER_NS))) {
                Ok(done) => {
                    let at = under_way.iter().position(|(ticket, _)| *ticket == done.ticket);
                    free.push(under_way.swap_remove(at.expect("it was submitted")).1);
                    self.count(done.status.result().map(|_| ()));
                }
                Err(ClientError::TimedOut) => {}
                Err(ended) => return self.finish(queue, ended),
            }
        }
        ClientError::TimedOut
    }

    /// The session is over: what was answered before that counts too.
    fn finish(&mut self, queue: &mut Queue, ended: ClientError) -> ClientError {
        while let Ok(Some(done)) = queue.poll() {
            self.count(done.status.result().map(|_| ()));
        }
        ended
    }

    fn count(&mut self, outcome: Result<(), Errno>) {
        match outcome {
            Ok(()) => {
                self.shared.written.fetch_add(1, Ordering::Relaxed);
            }
            Err(Errno::EKEYREVOKED) => self.refused += 1,
            Err(errno) => panic!("a write fails with {errno:?}"),
        }
    }
}
