//! Random changes: whatever looks different afterwards was reported, and no name that does not.

use super::support::System;
use super::support::client::{BOTH, Client, READ};
use super::support::fake::{FakeFileSystem, Pace};
use super::support::watching::Report;
use dataplane::file::{FileStatus, RenameFlags, WatchEvents};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DIRECTORIES: [&str; 3] = ["p", "q", "p/r"];

#[derive(Clone, Debug)]
enum Step {
    Create(usize, char),
    Write(usize, char, u8),
    Truncate(usize, char),
    Chmod(usize, char, u32),
    Unlink(usize, char),
    Link((usize, char), (usize, char)),
    Rename((usize, char), (usize, char), bool),
    DropDentries,
}

fn step() -> impl Strategy<Value = Step> {
    let at = || (0..DIRECTORIES.len(), prop::sample::select(vec!['a', 'b', 'c']));
    prop_oneof![
        3 => at().prop_map(|(d, n)| Step::Create(d, n)),
        3 => (at(), any::<u8>()).prop_map(|((d, n), byte)| Step::Write(d, n, byte)),
        1 => at().prop_map(|(d, n)| Step::Truncate(d, n)),
        1 => (at(), 0..0o1000u32).prop_map(|((d, n), mode)| Step::Chmod(d, n, mode)),
        1 => at().prop_map(|(d, n)| Step::Unlink(d, n)),
        1 => (at(), at()).prop_map(|(old, new)| Step::Link(old, new)),
        2 => (at(), at(), any::<bool>()).prop_map(|(old, new, x)| Step::Rename(old, new, x)),
        1 => Just(Step::DropDentries),
    ]
}

fn path((directory, name): (usize, char)) -> String {
    format!("{}/{name}", DIRECTORIES[directory])
}

fn run(system: &System, client: &Client, step: &Step) {
    // What fails has changed nothing.
    let _done = match *step {
        Step::Create(d, n) => client.create(&path((d, n)), 0o644).and_then(|f| client.close(f)),
        Step::Write(d, n, byte) => client.open(&path((d, n)), BOTH).and_then(|file| {
            client.write(file, 0, &[byte])?;
            client.close(file)
        }),
        Step::Truncate(d, n) => client.open(&path((d, n)), BOTH).and_then(|file| {
            client.truncate(file, 5)?;
            client.close(file)
        }),
        Step::Chmod(d, n, mode) => client.chmod(&path((d, n)), mode),
        Step::Unlink(d, n) => client.unlink(&path((d, n))),
        Step::Link(old, new) => client.link(&path(old), &path(new)),
        Step::Rename(old, new, exchange) => {
            let flags = if exchange { RenameFlags::EXCHANGE } else { RenameFlags::empty() };
            client.rename_with(&path(old), &path(new), flags)
        }
        Step::DropDentries => {
            system.service.drop_dentries();
            Ok(())
        }
    };
}

type Seen = BTreeMap<(u64, String), (FileStatus, Vec<u8>)>;

/// Every name, by directory, with what it is and holds.
fn look(client: &Client) -> Seen {
    let mut seen = Seen::new();
    for directory in DIRECTORIES {
        let number = client.stat(directory).unwrap().inode;
        for name in client.list(directory).unwrap() {
            let path = format!("{directory}/{name}");
            let status = client.stat(&path).unwrap();
            let bytes = if path == "p/r" {
                vec![]
            } else {
                let file = client.open(&path, READ).unwrap();
                let bytes = client.read(file, 0, 100).unwrap();
                client.close(file).unwrap();
                bytes
            };
            seen.insert((number, name), (status, bytes));
        }
    }
    seen
}

/// Holds what was reported against what has changed.
fn check(before: &Seen, after: &Seen, reports: &[Report]) {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let has = |event: WatchEvents, object: u64, name: &str| {
        let is_it = |r: &&Report| r.object == object && r.name == name;
        reports.iter().filter(is_it).any(|report| report.events & event.bits() != 0)
    };
    for key in names {
        let (directory, name) = key;
        match (before.get(key), after.get(key)) {
            (Some((old, _)), Some((new, _))) if old.inode != new.inode => {
                assert!(has(WatchEvents::NAMES, *directory, name), "{key:?} is another file");
            }
            (Some((old, old_bytes)), Some((new, new_bytes))) => {
                assert!(!has(WatchEvents::NAMES, *directory, name), "{key:?} is what it was");
                // Of a file with several names, under one of them.
                let inode = new.inode;
                let told = |event: WatchEvents| {
                    reports.iter().any(|r| r.entry == inode && r.events & event.bits() != 0)
                };
                if old_bytes != new_bytes {
                    assert!(told(WatchEvents::CONTENTS), "contents of {key:?}");
                }
                if old.mode != new.mode {
                    assert!(told(WatchEvents::ATTRIBUTES), "attributes of {key:?}");
                }
            }
            _ => assert!(has(WatchEvents::NAMES, *directory, name), "{key:?} came or went"),
        }
    }
}

fn runs(system: &System, steps: &[Step]) {
    let client = system.root_client();
    for directory in DIRECTORIES {
        client.mkdir(directory, 0o755).unwrap();
    }
    let handles = DIRECTORIES.map(|directory| client.open(directory, READ).unwrap());
    let mut watches = handles.map(|handle| {
        let first = handle.slot * 16;
        client.watch_with(handle, WatchEvents::CHANGES, first, 16).unwrap()
    });
    let mut before = look(&client);
    for step in steps {
        run(system, &client, step);
        let reports: Vec<_> = watches.iter_mut().flat_map(|watch| watch.reports()).collect();
        let after = look(&client);
        check(&before, &after, &reports);
        let idle: Vec<_> = watches.iter_mut().flat_map(|watch| watch.reports()).collect();
        assert_eq!(idle, [], "looking changes nothing");
        before = after;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_changes_is_reported(steps in prop::collection::vec(step(), 1..60)) {
        runs(&System::new(8 << 20), &steps);
        runs(&System::over(8 << 20, Box::new(FakeFileSystem::new(Pace::Later(3)))), &steps);
    }
}
