//! Random operations of several users, against the naive model: the same answers, the same errors,
//! the same attributes and bytes, read in both ways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

#[path = "model/ranges.rs"]
mod ranges;
mod support;

use dataplane::Credentials;
use dataplane::entry::{Errno, Handle};
use dataplane::file::{AllocateMode, FileStatus, OpenFlags, RenameFlags, UnlinkKind};
use dataplane::grant::CONTENTS;
use proptest::prelude::*;
use support::client::Client;
use support::fake::{FakeFileSystem, Pace};
use support::naive::{Naive, Opened, Place};
use support::{System, block_on};

/// The users; each is in the group of its number.
const USERS: [u32; 3] = [0, 5, 6];

#[derive(Clone, Debug)]
enum Step {
    Open(String, OpenFlags, u32),
    Close(usize),
    Read(usize, u64, usize),
    Grant(usize, u64, u32),
    Write(usize, u64, usize, u8),
    Truncate(usize, u64),
    Allocate(usize, AllocateMode, u64, u64),
    Seek(usize, u64),
    Copy((usize, u64), (usize, u64), u32),
    Sync(usize),
    Stat(String),
    StatHandle(usize),
    List(String),
    Mkdir(String, u32),
    Remove(String, UnlinkKind),
    Rename(String, String, RenameFlags),
    DropDentries,
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![9 => "[abc]", 1 => Just("..".to_owned())];
    let slash = prop_oneof![9 => Just(""), 1 => Just("/")];
    (prop::collection::vec(name, 1..4), slash).prop_map(|(names, slash)| names.join("/") + slash)
}

fn mode() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0o777), Just(0o700), Just(0o3775), Just(0o6755), 0u32..0o1000]
}

fn allocate_mode() -> impl Strategy<Value = AllocateMode> {
    prop::sample::select(vec![
        AllocateMode::Allocate,
        AllocateMode::AllocateKeepSize,
        AllocateMode::PunchHole,
        AllocateMode::ZeroRange,
        AllocateMode::ZeroRangeKeepSize,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![
        1 => Just(OpenFlags::empty()),
        1 => Just(OpenFlags::READ_WRITE),
        1 => Just(OpenFlags::WRITE_ONLY | OpenFlags::APPEND),
        1 => Just(OpenFlags::READ_WRITE | OpenFlags::TRUNCATE),
        1 => Just(OpenFlags::DIRECTORY),
        3 => Just(OpenFlags::READ_WRITE | OpenFlags::CREATE),
        1 => Just(OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE),
    ];
    let rename = prop_oneof![
        3 => Just(RenameFlags::empty()),
        1 => Just(RenameFlags::NO_REPLACE),
        1 => Just(RenameFlags::EXCHANGE),
    ];
    let kind = prop_oneof![Just(UnlinkKind::File), Just(UnlinkKind::Directory)];
    let slot = 0..6usize;
    let offset = prop_oneof![0u64..9000, 0u64..200_000];
    prop_oneof![
        6 => (path(), flags, mode()).prop_map(|(path, flags, mode)| Step::Open(path, flags, mode)),
        2 => slot.clone().prop_map(Step::Close),
        4 => (slot.clone(), offset.clone(), 0..9000usize).prop_map(|(s, o, l)| Step::Read(s, o, l)),
        3 => (slot.clone(), offset.clone(), 1..9000u32).prop_map(|(s, o, l)| Step::Grant(s, o, l)),
        6 => (slot.clone(), offset.clone(), 1..9000usize, any::<u8>())
            .prop_map(|(s, o, l, b)| Step::Write(s, o, l, b)),
        2 => (slot.clone(), offset.clone()).prop_map(|(s, o)| Step::Truncate(s, o)),
        2 => (slot.clone(), allocate_mode(), offset.clone(), 0..9000u64)
            .prop_map(|(s, m, o, l)| Step::Allocate(s, m, o, l)),
        1 => (slot.clone(), offset.clone()).prop_map(|(s, o)| Step::Seek(s, o)),
        3 => ((slot.clone(), offset.clone()), (slot.clone(), offset.clone()), 0..9000u32)
            .prop_map(|(from, to, l)| Step::Copy(from, to, l)),
        1 => slot.clone().prop_map(Step::Sync),
        3 => path().prop_map(Step::Stat),
        1 => slot.prop_map(Step::StatHandle),
        1 => path().prop_map(Step::List),
        4 => (path(), mode()).prop_map(|(path, mode)| Step::Mkdir(path, mode)),
        3 => (path(), kind).prop_map(|(path, kind)| Step::Remove(path, kind)),
        4 => (path(), path(), rename).prop_map(|(old, new, flags)| Step::Rename(old, new, flags)),
        1 => Just(Step::DropDentries),
    ]
}

/// An open file of both worlds.
#[derive(Clone, Copy)]
struct Open {
    user: usize,
    handle: Handle,
    file: Opened,
}

/// Where the contents of files are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    InCache,
    Backing,
    /// In a file system that others change too.
    Shared,
}

struct Run<'a> {
    system: &'a System,
    clients: Vec<Client>,
    naive: Naive,
    open: [Option<Open>; 6],
    next: usize,
    contents: Contents,
}

impl<'a> Run<'a> {
    fn new(system: &'a System, contents: Contents) -> Self {
        Self {
            system,
            clients: USERS.iter().map(|uid| system.client(*uid, *uid)).collect(),
            naive: Naive::new(0, 0),
            open: [None; 6],
            next: 0,
            contents,
        }
    }

    fn check_status(&self, status: &FileStatus, node: usize) {
        let node = &self.naive.nodes[node];
        let found = (status.mode & 0o7777, status.uid, status.gid, status.links);
        assert_eq!(found, (node.mode, node.uid, node.gid, node.links));
        if !node.is_directory() {
            assert_eq!(status.size, node.data().len() as u64);
        }
    }

    /// What the model lists.
    fn naive_list(&mut self, who: &Credentials, path: &str) -> Result<Vec<String>, Errno> {
        let opened = self.naive.open(who, Place::root(path), OpenFlags::DIRECTORY, 0)?;
        Ok(self.naive.list(opened)?.into_iter().map(|(name, _)| name).collect())
    }

    fn on_names(&mut self, user: usize, step: &Step) {
        let who = who(user);
        let client = &self.clients[user];
        match step {
            Step::Open(path, flags, mode) => {
                let expected = self.naive.open(&who, Place::root(path), *flags, *mode);
                let opened = client.open_at(client.root, path, *flags, *mode);
                assert_eq!(opened.map(drop), expected.map(drop));
                if let (Ok(handle), Ok(file)) = (opened, expected) {
                    let slot = self.next % self.open.len();
                    self.next += 1;
                    let new = Open { user, handle, file };
                    if let Some(old) = self.open[slot].replace(new) {
                        assert_eq!(self.clients[old.user].close(old.handle), Ok(()));
                    }
                }
            }
            Step::Stat(path) => {
                match (client.stat(path), self.naive.find(&who, Place::root(path), true)) {
                    (Ok(status), Ok(node)) => self.check_status(&status, node),
                    (found, expected) => assert_eq!(found.map(drop), expected.map(drop)),
                }
            }
            Step::List(path) => {
                let found = client.list(path);
                assert_eq!(found, self.naive_list(&who, path));
            }
            Step::Mkdir(path, mode) => {
                let expected = self.naive.mkdir(&who, Place::root(path), *mode);
                assert_eq!(client.mkdir(path, *mode), expected);
            }
            Step::Remove(path, kind) => {
                let expected = self.naive.remove(&who, Place::root(path), *kind);
                assert_eq!(client.remove(path, *kind), expected);
            }
            Step::Rename(old, new, flags) => {
                let (from, to) = (Place::root(old), Place::root(new));
                let expected = self.naive.rename(&who, from, to, *flags);
                assert_eq!(client.rename_with(old, new, *flags), expected);
            }
            Step::DropDentries => self.system.service.drop_dentries(),
            _ => {}
        }
    }

    fn on_file(&mut self, step: &Step) {
        let (Step::Close(slot)
        | Step::Read(slot, ..)
        | Step::Grant(slot, ..)
        | Step::Write(slot, ..)
        | Step::Truncate(slot, _)
        | Step::Sync(slot)
        | Step::StatHandle(slot)) = *step
        else {
            return;
        };
        let Some(open) = self.open[slot] else { return };
        let (client, who) = (&self.clients[open.user], who(open.user));
        let Open { handle, file, .. } = open;
        match *step {
            Step::Close(_) => {
                assert_eq!(client.close(handle), Ok(()));
                self.open[slot] = None;
            }
            Step::Sync(_) => assert_eq!(client.sync(handle), Ok(())),
            Step::StatHandle(_) => {
                let status = client.stat_at(handle, "", true).unwrap();
                self.check_status(&status, file.node);
            }
            Step::Read(_, offset, len) => {
                let expected = self.naive.read(file, offset, len).map(<[u8]>::to_vec);
                assert_eq!(client.read(handle, offset, len), expected);
            }
            Step::Grant(_, offset, len) => {
                let Ok(expected) = self.naive.read(file, offset, len as usize) else { return };
                let (count, id) = match client.read_grant(handle, offset, len, false) {
                    // Of what others change too, no pages are kept that could be granted.
                    Err(Errno::EOPNOTSUPP) if self.contents == Contents::Shared => return,
                    granted => granted.unwrap(),
                };
                assert!(self.contents != Contents::Shared, "a page was kept");
                assert_eq!(count as usize, expected.len());
                if count > 0 {
                    let map = self.system.broker.map(client.id, id.grant).unwrap();
                    let mut bytes = vec![0; expected.len()];
                    let at = CONTENTS + usize::try_from(offset).unwrap();
                    map.read(at, &mut bytes).unwrap();
                    assert!(bytes == expected, "the mapping shows something else");
                }
                client.consume();
            }
            Step::Write(_, offset, len, byte) => {
                let bytes: Vec<u8> = (0..len).map(|n| byte.wrapping_add(n as u8)).collect();
                let expected = self.naive.write(&who, file, offset, &bytes);
                assert_eq!(client.write_all(handle, offset, &bytes), expected.map(drop));
            }
            Step::Truncate(_, size) => {
                let expected = self.naive.truncate(&who, file, size);
                assert_eq!(client.truncate(handle, size), expected);
            }
            _ => {}
        }
    }
}

fn who(user: usize) -> Credentials {
    Credentials { uid: USERS[user], gid: USERS[user], groups: vec![] }
}

fn run(system: &System, steps: &[(usize, Step)], contents: Contents) {
    let mut run = Run::new(system, contents);
    for (user, step) in steps {
        run.on_names(*user, step);
        run.on_file(step);
        run.on_ranges(step);
        let usage = system.service.usage();
        assert!(usage.used_bytes <= usage.limit_bytes);
    }
    system.broker.committed();
    drop(run);
    let usage = system.service.usage();
    assert_eq!((usage.grants, usage.pinned_pages), (0, 0));
    assert_eq!(system.broker.counts().1, 0);
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..USERS.len(), step()), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn tmpfs_does_what_the_model_does(steps in steps(), denies in any::<bool>()) {
        let system = System::new(16 << 20);
        system.memory.denies_punch.store(denies, std::sync::atomic::Ordering::Relaxed);
        run(&system, &steps, Contents::InCache);
    }

    #[test]
    fn a_backing_file_system_does_what_the_model_does(steps in steps(), seed in 1u64..) {
        let pace = if seed % 3 == 0 { Pace::Now } else { Pace::Later(seed) };
        let fake = FakeFileSystem::new(pace);
        // So little memory that pages are evicted and written back all the time.
        let system = System::over(256 << 10, Box::new(fake.clone()));
        run(&system, &steps, Contents::Backing);
        block_on(control::service::Service::stop(&*system.service));
        system.service.drop_dentries();
        let usage = system.service.usage();
        prop_assert_eq!((usage.inodes, usage.pages, usage.regions), (1, 0, 0));
        prop_assert_eq!(usage.used_bytes, 0);
        prop_assert_eq!(fake.references(), 0);
    }

    #[test]
    fn a_file_system_that_others_change_does_what_the_model_does(
        steps in steps(),
        seed in 1u64..,
    ) {
        let pace = if seed % 3 == 0 { Pace::Now } else { Pace::Later(seed) };
        let fake = FakeFileSystem::new(pace).shared();
        let system = System::over(256 << 10, Box::new(fake.clone()));
        run(&system, &steps, Contents::Shared);
        // Nothing is kept, without being told to forget it.
        let usage = system.service.usage();
        prop_assert_eq!((usage.inodes, usage.pages, usage.dentries), (1, 0, 0));
        prop_assert_eq!(usage.used_bytes, 0);
        prop_assert_eq!(fake.references(), 0);
    }
}
