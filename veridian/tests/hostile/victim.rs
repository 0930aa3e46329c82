//! The session that must not notice: it writes, reads back both ways, renames and lists, and
//! compares every byte with what it knows.

use crate::common::random::Random;
use control::client::{Connection, SessionOptions};
use dataplane::client::Queue;
use dataplane::entry::Handle;
use dataplane::file::{OpenFlags, RenameFlags, UnlinkKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use veridian::system::{Address, connect};

/// Its directory, where no other client goes.
const HOME: &[u8] = b"victim";
/// Size of its files.
const FILE_BYTES: usize = 40_000;
/// How long it may stand still: far longer than any load explains, so a hang is told from work.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// It works without a pause for so many rounds, and then sleeps.
const ROUNDS_BETWEEN_SLEEPS: u64 = 8;
const SLEEP: Duration = Duration::from_millis(4);

/// A victim at work, in a thread of its own.
pub(crate) struct Victim {
    progress: Arc<Progress>,
    thread: JoinHandle<()>,
    seen: (u64, Instant),
}

#[derive(Default)]
struct Progress {
    rounds: AtomicU64,
    longest_us: AtomicU64,
    /// What it is told.
    over: AtomicBool,
    rest: AtomicBool,
    /// That it rests.
    rests: AtomicBool,
}

/// What a victim went through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) rounds: u64,
    pub(crate) longest: Duration,
}

impl Victim {
    pub(crate) fn start(address: &Address, seed: u64) -> Self {
        let progress = Arc::new(Progress::default());
        let (seen, address) = (Arc::clone(&progress), address.clone());
        let thread = std::thread::spawn(move || work(&address, seed, &seen));
        Self { progress, thread, seen: (0, Instant::now()) }
    }

    /// Fails if the victim has, or does not get on.
    pub(crate) fn check(&mut self) {
        assert!(!self.thread.is_finished(), "the victim has failed, see above");
        let rounds = self.progress.rounds.load(Ordering::Relaxed);
        if rounds != self.seen.0 {
            self.seen = (rounds, Instant::now());
        }
        assert!(self.seen.1.elapsed() < STALLED_AFTER, "the victim stands still");
    }

    /// Lets it finish its round and end its session.
    pub(crate) fn rest(&mut self) {
        self.progress.rest.store(true, Ordering::Relaxed);
        while !self.progress.rests.load(Ordering::Acquire) {
            self.check();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on, in a new session.
    pub(crate) fn work(&mut self) {
        self.progress.rest.store(false, Ordering::Relaxed);
        self.seen.1 = Instant::now();
    }

    /// Lets it finish its round.
    pub(crate) fn stop(self) -> Report {
        self.progress.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the victim has seen no error");
        Report {
            rounds: self.progress.rounds.load(Ordering::Relaxed),
            longest: Duration::from_micros(self.progress.longest_us.load(Ordering::Relaxed)),
        }
    }
}

fn work(address: &Address, seed: u64, progress: &Progress) {
    let connection = connect(address).unwrap();
    let mut random = Random::new(seed);
    while !progress.over.load(Ordering::Relaxed) {
        session(&connection, &mut random, progress);
        while progress.rest.load(Ordering::Relaxed) && !progress.over.load(Ordering::Relaxed) {
            progress.rests.store(true, Ordering::Release);
            std::thread::sleep(Duration::from_millis(1));
        }
        progress.rests.store(false, Ordering::Relaxed);
    }
}

/// Works until it is told to rest.
fn session(connection: &Connection, random: &mut Random, progress: &Progress) {
    let mut session = connection.connect("vfs", SessionOptions::default()).unwrap();
    let root = session.root();
    let mut files = Files {
        queue: session.take_queue().unwrap(),
        home: Handle::NONE,
        random: Random::new(random.word()),
    };
    files.queue.mkdir(root, HOME, 0o700).unwrap();
    files.home = files.queue.open(root, HOME, OpenFlags::DIRECTORY, 0).unwrap();
    loop {
        let begun = Instant::now();
        files.round();
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
        progress.longest_us.fetch_max(took, Ordering::Relaxed);
        let rounds = progress.rounds.fetch_add(1, Ordering::Relaxed);
        if rounds.is_multiple_of(ROUNDS_BETWEEN_SLEEPS) {
            // So that it also finds the service asleep.
            std::thread::sleep(SLEEP);
        }
        if progress.rest.load(Ordering::Relaxed) || progress.over.load(Ordering::Relaxed) {
            break;
        }
    }
    files.queue.close(files.home).unwrap();
    files.queue.unlink(root, HOME, UnlinkKind::Directory).unwrap();
}

struct Files {
    queue: Queue,
    home: Handle,
    random: Random,
}

impl Files {
    /// A file's life.
    fn round(&mut self) {
        let home = self.home;
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let file = self.queue.open(home, b"old", flags, 0o600).unwrap();
        let mut bytes = self.random.bytes(FILE_BYTES);
        assert_eq!(self.queue.write(file, 0, &bytes).unwrap(), FILE_BYTES);
        let (at, len) = (self.random.index(FILE_BYTES / 2), self.random.index(FILE_BYTES / 2));
        let part = self.random.bytes(len);
        bytes[at..at + len].copy_from_slice(&part);
        if len > 0 {
            assert_eq!(self.queue.write(file, at as u64, &part).unwrap(), len);
        }
        self.compare(file, &bytes);
        self.queue.rename((home, b"old"), (home, b"new"), RenameFlags::NO_REPLACE).unwrap();
        let size = self.random.index(FILE_BYTES);
        self.queue.truncate(file, size as u64).unwrap();
        bytes.truncate(size);
        self.queue.close(file).unwrap();

        let mut names = Vec::new();
        self.queue.read_directory(home, |entry| names.push(entry.name.to_vec())).unwrap();
        assert_eq!(names, [b"new".to_vec()]);
        assert_eq!(self.queue.stat(home, b"new").unwrap().size, size as u64);
        let file = self.queue.open(home, b"new", OpenFlags::default(), 0).unwrap();
        self.compare(file, &bytes);
        self.queue.close(file).unwrap();
        self.queue.unlink(home, b"new", UnlinkKind::File).unwrap();
    }

    /// Reads a file both ways.
    fn compare(&mut self, file: Handle, expected: &[u8]) {
        let mut found = vec![0; expected.len() + 1];
        let count = self.queue.read(file, 0, &mut found).unwrap();
        assert!(found[..count] == *expected, "READ has other bytes than were written");
        let len = u32::try_from(expected.len()).unwrap();
        if len > 0 {
            let granted = self.queue.read_grant(file, 0, len, |view| {
                let mut found = vec![0; view.len()];
                view.read(0, &mut found);
                assert!(view.is_current(), "nobody else changes the file");
                found
            });
            assert!(granted.unwrap() == expected, "READ_GRANT has other bytes than were written");
        }
    }
}
