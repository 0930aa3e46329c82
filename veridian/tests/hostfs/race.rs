//! Somebody swaps directories for links that lead outside, files for links and FIFOs, and moves
//! directories away, while a client walks, reads, writes and creates. Nothing outside is ever read
//! or written, and nothing hangs.
//!
//! `VERIDIAN_RACE_ROUNDS` says how many rounds; 100,000 are a thorough run.

use crate::common::random::{Random, seed};
use crate::support::client::{BOTH, Client, READ};
use crate::{directory, system};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{OpenFlags, UnlinkKind};
use rustix::fs::{FileType, Mode, RenameFlags, mknodat, renameat_with};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const ROUNDS: u64 = 3_000;
const INSIDE: &[u8] = b"inside";
const SECRET: &[u8] = b"SECRET";

fn rounds() -> u64 {
    let given = std::env::var("VERIDIAN_RACE_ROUNDS").ok();
    given.map_or(ROUNDS, |text| text.parse().unwrap())
}

/// Everything below a directory: names, modes, owners, times of change, contents.
fn picture(path: &Path) -> BTreeMap<PathBuf, (u32, u32, i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let status = fs::symlink_metadata(&path).unwrap();
        let contents = if status.is_file() { fs::read(&path).unwrap() } else { vec![] };
        if status.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let known = (status.mode(), status.uid(), status.ctime(), status.ctime_nsec(), contents);
        all.insert(path, known);
    }
    all
}

/// The stage: `mounted` is what the client sees; `outside` holds the same names with secrets;
/// `wings` holds what is swapped in, and where what is swapped out waits.
struct Stage {
    top: tempfile::TempDir,
}

impl Stage {
    fn set() -> Self {
        let stage = Self { top: directory() };
        for (place, contents) in [("mounted", INSIDE), ("outside", SECRET)] {
            fs::create_dir_all(stage.at(place).join("d/e")).unwrap();
            fs::write(stage.at(place).join("d/f"), contents).unwrap();
            fs::write(stage.at(place).join("d/e/f"), contents).unwrap();
        }
        fs::create_dir(stage.at("wings")).unwrap();
        let outside = stage.at("outside");
        symlink(outside.join("d"), stage.at("wings/d")).unwrap();
        symlink("../../outside/d/e", stage.at("wings/e")).unwrap();
        symlink(outside.join("d/f"), stage.at("wings/f")).unwrap();
        let fifo = stage.at("wings/fifo");
        mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
        stage
    }

    fn at(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn swap(&self, one: &str, other: &str) {
        let (one, other) = (self.at(one), self.at(other));
        // What is inside of something that is away just now is not there.
        let _ =
            renameat_with(rustix::fs::CWD, &one, rustix::fs::CWD, &other, RenameFlags::EXCHANGE);
    }

    /// Swaps, and swaps back, until it is over.
    fn play(&self, seed: u64, over: &AtomicBool, swaps: &AtomicU64) {
        let mut random = Random::new(seed);
        while !over.load(Ordering::Relaxed) {
            let (one, other) = match random.word() % 4 {
                0 => ("mounted/d", "wings/d"),
                1 => ("mounted/d/e", "wings/e"),
                2 => ("mounted/d/f", "wings/f"),
                _ => ("mounted/d/f", "wings/fifo"),
            };
            self.swap(one, other);
            for _ in 0..random.word() % 2_000 {
                std::hint::spin_loop();
            }
            self.swap(one, other);
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a client finds is of the inside, or an error that a client may get.
fn check<T>(found: Result<T, Errno>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(
            Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::EISDIR
            | Errno::ELOOP
            | Errno::ENXIO
            | Errno::EEXIST
            | Errno::ENOTEMPTY
            | Errno::EXDEV
            | Errno::EINVAL
            | Errno::ESTALE,
        ) => None,
        Err(error) => panic!("{error}"),
    }
}

fn read(client: &Client, file: Handle) {
    if let Some(bytes) = check(client.read(file, 0, 64)) {
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET), "a secret was read");
    }
}

fn round(client: &Client, random: &mut Random, held: Handle) {
    let file = ["d/f", "d/e/f", "d/e/../f", "d/../d/f"][(random.word() % 4) as usize];
    match random.word() % 6 {
        0 | 1 => {
            if let Some(handle) = check(client.open(file, READ)) {
                read(client, handle);
                client.close(handle).unwrap();
            }
        }
        2 => {
            if let Some(handle) = check(client.open(file, BOTH)) {
                check(client.write(handle, 0, INSIDE));
                check(client.truncate(handle, INSIDE.len() as u64));
                client.close(handle).unwrap();
            }
        }
        3 => {
            let path = ["d/new", "d/e/new"][(random.word() % 2) as usize];
            if let Some(handle) =
                check(client.open_at(client.root, path, BOTH | OpenFlags::CREATE, 0o600))
            {
                check(client.write(handle, 0, INSIDE));
                client.close(handle).unwrap();
            }
            check(client.rename(path, "d/newer"));
            check(client.remove("d/newer", UnlinkKind::File));
        }
        4 => {
            check(client.mkdir("d/made", 0o777));
            check(client.remove("d/made", UnlinkKind::Directory));
        }
        _ => {
            // A handle from before, to a directory that may be anywhere by now.
            if let Some(above) = check(client.stat_at(held, "../..", true)) {
                assert_eq!(above.inode, client.stat("/").unwrap().inode, "`..` leads out");
            }
            if let Some(handle) = check(client.open_at(held, "../f", READ, 0)) {
                read(client, handle);
                client.close(handle).unwrap();
            }
            check(client.list("d"));
        }
    }
}

#[test]
fn nothing_outside_is_reached() {
    let seed = seed();
    let stage = Stage::set();
    let before = picture(&stage.at("outside"));
    let system = system(&stage.at("mounted"), 16);
    let client = system.root_client();
    let held = client.open("d/e", READ).unwrap();
    let (over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut escapes = 0;
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| stage.play(seed, &over, &swaps));
        // It ends when this does, also by a panic.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let end = End(&over);
        let mut random = Random::new(seed ^ 1);
        for _ in 0..rounds() {
            round(&client, &mut random, held);
            // A client that trusts paths: the same stage catches it.
            let naive = stage.at("mounted/d/e/f");
            escapes += u64::from(fs::read(naive).is_ok_and(|bytes| bytes == SECRET));
        }
        drop(end);
        ended.join().unwrap();
    });
    println!("{} rounds, {} swaps, {escapes} naive escapes", rounds(), swaps.into_inner());
    assert!(picture(&stage.at("outside")) == before, "something outside was changed");
    assert!(escapes > 0, "the stage catches nobody");
}
