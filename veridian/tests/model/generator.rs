//! Random operations: a function of the seed alone, so that every system gets the same.

use crate::common::random::Random;
use crate::naive::{Time, TimeChange};
use crate::operation::{At, CLIENTS, Fill, Object, Operation, Position, SLOTS};
use crate::run::Users;
use dataplane::file::{
    AllocateMode, MAX_NAME, MAX_PATH, MAX_XATTR_NAME, MAX_XATTR_VALUE, OpenFlags, RenameFlags,
    UnlinkKind, Whence, XattrMode,
};

/// Few, so that clients meet.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const ODD_NAMES: [&str; 6] = ["..", "..", ".", ".a", "...", "a b"];
/// Those that let others in.
const OPEN_MODES: [u32; 4] = [0o777, 0o777, 0o1777, 0o2777];
const MODES: [u32; 9] = [0o755, 0o700, 0o666, 0o644, 0o3775, 0o2770, 0o6755, 0o4711, 0o2644];
const FIFO: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;
const REGULAR: u32 = 0o100_000;
const PERMISSIONS: u64 = 0o10000;

/// The client that may do everything, if one may.
const ROOT_CLIENT: usize = 0;

/// Makes them.
pub(crate) struct Generator {
    random: Random,
    users: Users,
}

impl Generator {
    pub(crate) fn new(seed: u64, users: Users) -> Self {
        Self { random: Random::new(seed), users }
    }

    /// The next operation, and the client that does it.
    pub(crate) fn operation(&mut self) -> (usize, Operation) {
        if self.one_in(20) {
            return (ROOT_CLIENT, self.let_in());
        }
        let client = self.random.index(CLIENTS);
        let operation = match self.random.below(100) {
            0..22 => self.open(),
            22..46 => self.on_contents(),
            46..60 => self.look(),
            60..90 => self.on_names(),
            _ => self.on_attributes(),
        };
        (client, operation)
    }

    /// Opens a directory to all, so that not everything ends up closed.
    fn let_in(&mut self) -> Operation {
        let path = if self.one_in(3) { ".".to_owned() } else { self.path() };
        let of = Object::Followed(At { base: None, path });
        Operation::ChangeMode { of, mode: *self.random.pick(&OPEN_MODES) }
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.random.once_in(times)
    }

    fn slot(&mut self) -> usize {
        self.random.index(SLOTS)
    }

    fn name(&mut self) -> String {
        match self.random.below(120) {
            0..12 => (*self.random.pick(&ODD_NAMES)).to_owned(),
            12 => "x".repeat(MAX_NAME),
            13 => "x".repeat(MAX_NAME + 1),
            _ => (*self.random.pick(&NAMES)).to_owned(),
        }
    }

    fn path(&mut self) -> String {
        let count = match self.random.below(20) {
            0..9 => 1,
            9..15 => 2,
            15..19 => 3,
            _ => 5,
        };
        let names: Vec<String> = (0..count).map(|_| self.name()).collect();
        let mut path = names.join(if self.one_in(20) { "//" } else { "/" });
        if self.one_in(20) {
            path.insert(0, '/');
        }
        match self.random.below(500) {
            0..35 => path.push('/'),
            35 => path.clear(),
            36 => path = "/".to_owned(),
            37 => path.insert_str(0, &"./".repeat(MAX_PATH / 2)),
            _ => {}
        }
        path
    }

    fn at(&mut self) -> At {
        let base = if self.one_in(5) { Some(self.slot()) } else { None };
        At { base, path: self.path() }
    }

    fn object(&mut self) -> Object {
        match self.random.below(5) {
            0 => Object::Slot(self.slot()),
            1 => Object::Link(self.at()),
            _ => Object::Followed(self.at()),
        }
    }

    fn mode(&mut self) -> u32 {
        match self.random.below(10) {
            0 => self.random.below(PERMISSIONS) as u32,
            1..4 => *self.random.pick(&MODES),
            _ => *self.random.pick(&OPEN_MODES),
        }
    }

    fn offset(&mut self) -> u64 {
        let limit = *self.random.pick(&[10, 5000, 20_000, 20_000, 60_000]);
        match self.random.below(4) {
            0 => self.random.below(limit / 4096 + 1) * 4096,
            _ => self.random.below(limit),
        }
    }

    fn position(&mut self) -> Position {
        Position { slot: self.slot(), offset: self.offset() }
    }

    fn fill(&mut self, limit: usize) -> Fill {
        Fill { len: self.random.index(limit), byte: self.random.word() as u8 }
    }

    fn open(&mut self) -> Operation {
        let mut flags = match self.random.below(8) {
            0..2 => OpenFlags::empty(),
            2 => OpenFlags::WRITE_ONLY,
            _ => OpenFlags::READ_WRITE,
        };
        let one_in = [
            (OpenFlags::CREATE, 2),
            (OpenFlags::EXCLUSIVE, 8),
            (OpenFlags::TRUNCATE, 8),
            (OpenFlags::APPEND, 8),
            (OpenFlags::NO_FOLLOW, 8),
            (OpenFlags::DIRECTORY, 12),
            (OpenFlags::PATH, 12),
            (OpenFlags::TEMPORARY, 25),
        ];
        for (flag, times) in one_in {
            flags.set(flag, self.one_in(times));
        }
        if self.one_in(12) {
            flags = OpenFlags::DIRECTORY;
        }
        if flags.contains(OpenFlags::TEMPORARY) {
            flags.remove(OpenFlags::EXCLUSIVE | OpenFlags::PATH);
            flags.set(OpenFlags::CREATE, self.one_in(8));
        }
        Operation::Open { slot: self.slot(), at: self.at(), flags, mode: self.mode() }
    }

    fn on_contents(&mut self) -> Operation {
        let at = self.position();
        match self.random.below(24) {
            0..6 => Operation::Read { from: at, len: 1 + self.random.index(9000) },
            6..13 => Operation::Write { to: at, bytes: self.fill(9000) },
            13..15 => Operation::Truncate { slot: at.slot, size: at.offset },
            15..18 => {
                let mode = *self.random.pick(&[
                    AllocateMode::Allocate,
                    AllocateMode::AllocateKeepSize,
                    AllocateMode::PunchHole,
                    AllocateMode::ZeroRange,
                    AllocateMode::ZeroRangeKeepSize,
                ]);
                let len = if self.one_in(12) { 0 } else { self.offset() };
                Operation::Allocate { at, len, mode }
            }
            18..20 => Operation::Seek {
                from: at,
                whence: *self.random.pick(&[Whence::Data, Whence::Hole]),
            },
            20..23 => {
                let to = self.position();
                Operation::Copy { from: at, to, len: self.random.below(9000) as u32 }
            }
            _ => Operation::Sync(at.slot),
        }
    }

    fn look(&mut self) -> Operation {
        match self.random.below(14) {
            0..6 => Operation::Stat(self.object()),
            6..8 => Operation::ReadLink(self.at()),
            8..10 => Operation::List(self.slot()),
            10..12 => {
                let (of, name) = self.xattr();
                Operation::Xattr { of, name }
            }
            12 => Operation::XattrNames(self.xattr().0),
            _ => Operation::Close(self.slot()),
        }
    }

    fn on_names(&mut self) -> Operation {
        match self.random.below(34) {
            0..5 => Operation::Mkdir { at: self.at(), mode: self.mode() },
            5..7 => {
                let kind = *self.random.pick(&[FIFO, FIFO, SOCKET, REGULAR, 0]);
                Operation::MakeNode { at: self.at(), mode: kind | self.mode() }
            }
            7..10 => {
                let target = match self.random.below(200) {
                    0 => "t".repeat(MAX_PATH),
                    1 => "t/".repeat(MAX_PATH / 2 - 1),
                    _ => self.path(),
                };
                Operation::Symlink { target, at: self.at() }
            }
            10..14 => Operation::Link { from: self.object(), to: self.at() },
            14..21 => Operation::Remove { at: self.at(), kind: UnlinkKind::File },
            21..25 => Operation::Remove { at: self.at(), kind: UnlinkKind::Directory },
            _ => {
                let flags = match self.random.below(12) {
                    0..2 => RenameFlags::NO_REPLACE,
                    2..5 => RenameFlags::EXCHANGE,
                    5 if self.one_in(8) => RenameFlags::all(),
                    _ => RenameFlags::empty(),
                };
                Operation::Rename { old: self.at(), new: self.at(), flags }
            }
        }
    }

    fn on_attributes(&mut self) -> Operation {
        match self.random.below(12) {
            0..3 => {
                // Of a link itself it cannot be asked for everywhere.
                let of = match self.object() {
                    Object::Link(at) => Object::Followed(at),
                    object => object,
                };
                Operation::ChangeMode { of, mode: self.mode() }
            }
            3..6 => {
                let (uids, gids) = (self.users.uids.clone(), self.users.gids.clone());
                let uid = (!self.one_in(3)).then(|| *self.random.pick(&uids));
                let gid = (uid.is_none() || self.one_in(2)).then(|| *self.random.pick(&gids));
                Operation::ChangeOwner { of: self.object(), uid, gid }
            }
            6..8 => {
                let accessed = self.time_change();
                let modified = match self.time_change() {
                    // Linux does not even look whether there is a file.
                    TimeChange::Keep if accessed == TimeChange::Keep => TimeChange::Now,
                    change => change,
                };
                Operation::ChangeTimes { of: self.object(), accessed, modified }
            }
            8..11 => self.set_xattr(),
            _ => {
                let (of, name) = self.xattr();
                Operation::RemoveXattr { of, name }
            }
        }
    }

    /// One that is long over.
    fn time(&mut self) -> Time {
        let seconds = self.random.below(1_000_000) as i64;
        (seconds, self.random.below(1_000_000_000) as u32)
    }

    fn time_change(&mut self) -> TimeChange {
        match self.random.below(4) {
            0 => TimeChange::Keep,
            1 => TimeChange::Now,
            _ => TimeChange::Set(self.time()),
        }
    }

    /// A file and the name of an extended attribute. By a path, which systems look at before or
    /// behind the name, names are good, and start from the root.
    fn xattr(&mut self) -> (Object, String) {
        let names = ["user.a", "user.b", "user.c"];
        let good = (*self.random.pick(&names)).to_owned();
        match self.object() {
            Object::Slot(slot) => (
                Object::Slot(slot),
                match self.random.below(20) {
                    0 => String::new(),
                    1 => "user.".to_owned(),
                    2 => "other.a".to_owned(),
                    3 => format!("user.{}", "x".repeat(MAX_XATTR_NAME - 4)),
                    4 => format!("user.{}", "x".repeat(MAX_XATTR_NAME - 5)),
                    _ => good,
                },
            ),
            Object::Followed(at) => (Object::Followed(At { base: None, ..at }), good),
            Object::Link(at) => (Object::Link(At { base: None, ..at }), good),
        }
    }

    fn set_xattr(&mut self) -> Operation {
        let (of, name) = self.xattr();
        let is_by_slot = matches!(of, Object::Slot(_));
        let mut value = self.fill(100);
        match self.random.below(100) {
            0 => value.len = MAX_XATTR_VALUE,
            1 if is_by_slot => value.len = MAX_XATTR_VALUE + 1,
            _ => {}
        }
        let mode = match self.random.below(4) {
            0 => XattrMode::Create,
            1 => XattrMode::Replace,
            _ => XattrMode::Any,
        };
        Operation::SetXattr { of, name, value, mode }
    }
}
