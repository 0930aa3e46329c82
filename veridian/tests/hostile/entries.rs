//! Entries that a service may well accept: real operations on real handles and ranges, of which
//! sometimes one field is wrong, and sometimes all are.

use crate::common::random::Random;
use crate::common::raw::RawSession;
use dataplane::ArenaRange;
use dataplane::entry::{Handle, Opcode, Sqe};
use dataplane::file::{OpenFlags, RenameFlags, Request, SyncKind, UnlinkKind, WatchEvents};
use rings::SqeWords;

/// The directory that hostile clients play in; whoever is started first makes it.
pub(crate) const PLAYGROUND: &[u8] = b"playground";
/// Names in it: few, so that clients meet, and what they make stays little.
const NAMES: [&[u8]; 8] = [b"a", b"b", b"c", b"d", b"e/f", b"e", b"..", b"\xff\xfe"];
/// Every file stays below this size.
const MAX_FILE_BYTES: u64 = 32 << 10;
/// The word of an entry that holds the mode of what is made.
const MODE_WORD: usize = 5;
/// Longest TIMEOUT, ns.
const MAX_TIMEOUT_NS: u64 = 50_000_000;

/// Makes entries for one session.
pub(crate) struct Entries {
    /// Handles that the session was given, or may have been.
    pub(crate) handles: Vec<Handle>,
}

impl Entries {
    pub(crate) fn new(session: &RawSession) -> Self {
        Self { handles: vec![session.root] }
    }

    /// The next entry; puts what it names into the arena.
    pub(crate) fn next(&self, session: &RawSession, random: &mut Random) -> Sqe {
        if random.once_in(8) {
            let mut words = SqeWords::default();
            words.iter_mut().for_each(|word| *word = random.word());
            return Sqe::from_words(words);
        }
        let mut sqe = self.plausible(session, random);
        sqe.user_data = random.word();
        if random.once_in(3) {
            let mut words = sqe.to_words();
            let word = random.index(words.len());
            words[word] = wrong(word, random);
            sqe = Sqe::from_words(words);
        }
        sqe
    }

    fn plausible(&self, session: &RawSession, random: &mut Random) -> Sqe {
        let handle = *random.pick(&self.handles);
        let offset = random.below(MAX_FILE_BYTES / 2);
        let path = |random: &mut Random| path(session, random);
        let request = match random.below(18) {
            0 => return Sqe::new(Opcode::Nop, Handle::NONE),
            1 => {
                let into = range(session, random);
                let sqe = Sqe::new(Opcode::Probe, Handle::NONE);
                return Sqe { buffer_offset: into.offset, len: into.len, ..sqe };
            }
            2 => {
                let sqe = Sqe::new(Opcode::Timeout, Handle::NONE);
                return Sqe { arg0: random.below(MAX_TIMEOUT_NS), ..sqe };
            }
            3 => return cancel(handle, random),
            4..=6 => Request::OpenAt {
                directory: session.root,
                path: path(random),
                flags: open_flags(random),
                mode: 0o700,
            },
            7 => Request::Close { handle },
            8 => Request::Read { handle, offset, into: range(session, random) },
            9 | 10 => Request::Write { handle, offset, from: range(session, random) },
            11 | 12 => Request::ReadGrant {
                handle,
                offset,
                len: 1 + u32::try_from(random.below(1 << 14)).unwrap(),
                hold: random.once_in(2),
            },
            13 => Request::Release { grant: 1 + small(random), count: 1 + small(random) },
            14 => Request::Ftruncate { handle, size: random.below(MAX_FILE_BYTES) },
            15 => Request::MkdirAt { directory: session.root, path: path(random), mode: 0o700 },
            16 => {
                let kind = [UnlinkKind::File, UnlinkKind::Directory];
                let kind = *random.pick(&kind);
                Request::UnlinkAt { directory: session.root, path: path(random), kind }
            }
            _ => return self.rare(session, random),
        };
        request.to_sqe()
    }

    fn rare(&self, session: &RawSession, random: &mut Random) -> Sqe {
        let handle = *random.pick(&self.handles);
        let request = match random.below(5) {
            0 => Request::Fsync { handle, kind: SyncKind::Data },
            1 => Request::Statx {
                handle,
                path: ArenaRange::default(),
                follow: true,
                into: range(session, random),
            },
            2 => Request::Getdents { handle, cookie: 0, into: range(session, random) },
            3 => {
                let events = WatchEvents::CHANGES;
                Request::Watch { handle, events, slots: range(session, random) }
            }
            _ => Request::RenameAt {
                from: session.root,
                old: path(session, random),
                to: session.root,
                new: path(session, random),
                flags: RenameFlags::from_bits_truncate(small(random)),
            },
        };
        request.to_sqe()
    }
}

/// A wrong value for a word of an entry. If it is taken for the mode of a directory, its owner can
/// still clear that away, who has no more rights than others where the system is not root's.
pub(crate) fn wrong(word: usize, random: &mut Random) -> u64 {
    let keep = if word == MODE_WORD { 0o700 } else { 0 };
    random.tricky() | keep
}

fn small(random: &mut Random) -> u32 {
    u32::try_from(random.below(4)).unwrap()
}

fn cancel(handle: Handle, random: &mut Random) -> Sqe {
    let (none, by_handle, all) = (0, 1, 2);
    match random.below(3) {
        0 => Sqe { op_flags: none, arg0: random.word(), ..Sqe::new(Opcode::Cancel, Handle::NONE) },
        1 => Sqe { op_flags: by_handle, ..Sqe::new(Opcode::Cancel, handle) },
        _ => Sqe { op_flags: all, ..Sqe::new(Opcode::Cancel, Handle::NONE) },
    }
}

fn open_flags(random: &mut Random) -> OpenFlags {
    let create = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    *random.pick(&[
        create,
        create,
        create | OpenFlags::TRUNCATE,
        create | OpenFlags::EXCLUSIVE,
        OpenFlags::DIRECTORY,
        OpenFlags::PATH,
        OpenFlags::default(),
    ])
}

/// A range that the arena has, mostly.
fn range(session: &RawSession, random: &mut Random) -> ArenaRange {
    let bytes = session.terms.arena_bytes;
    let len = random.below((bytes / 2).min(MAX_FILE_BYTES / 2));
    let offset = random.below(bytes) / 8 * 8;
    ArenaRange { offset: u32::try_from(offset).unwrap(), len: u32::try_from(len).unwrap() }
}

/// A path in the arena, mostly of the playground.
fn path(session: &RawSession, random: &mut Random) -> ArenaRange {
    let mut path = PLAYGROUND.to_vec();
    path.push(b'/');
    path.extend_from_slice(NAMES[random.index(NAMES.len())]);
    let room = session.terms.arena_bytes - 64;
    let offset = u32::try_from(random.below(room) / 8 * 8).unwrap();
    session.put(offset, &path)
}
