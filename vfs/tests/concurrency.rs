//! Requests that overlap because the file system answers late, and requests that are cut off: what
//! is cached afterwards is what is true.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::Errno;
use dataplane::file::{OpenFlags, RenameFlags, Request, SyncKind, UnlinkKind};
use dataplane::service::{Answer, Completion};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use support::client::{BOTH, Client, READ, WRITE};
use support::fake::{FakeFileSystem, Pace};
use support::{System, block_on};
use vfs::PinnedPages;

type Task = Pin<Box<dyn Future<Output = Completion<PinnedPages>>>>;

/// Random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Polls one task; says whether it is done.
fn poll(task: &mut Task) -> Option<Completion<PinnedPages>> {
    let mut context = Context::from_waker(Waker::noop());
    match task.as_mut().poll(&mut context) {
        Poll::Ready(completion) => Some(completion),
        Poll::Pending => None,
    }
}

const NAMES: [&str; 6] = ["a", "b", "d", "d/a", "d/b", "d/d"];

fn name(random: &mut Random) -> &'static str {
    NAMES[random.below(NAMES.len())]
}

fn request(random: &mut Random, client: &Client) -> Request {
    let path = name(random);
    let root = client.root;
    match random.below(8) {
        0 => client.open_request(root, path, BOTH | OpenFlags::CREATE, 0o600),
        1 => client.open_request(root, path, READ, 0),
        2 => Request::MkdirAt { directory: root, path: client.path(path, 0), mode: 0o700 },
        3 => Request::UnlinkAt {
            directory: root,
            path: client.path(path, 0),
            kind: UnlinkKind::File,
        },
        4 => Request::UnlinkAt {
            directory: root,
            path: client.path(path, 0),
            kind: UnlinkKind::Directory,
        },
        5 => Request::RenameAt {
            from: root,
            old: client.path(path, 0),
            to: root,
            new: client.path(name(random), 8192),
            flags: RenameFlags::EXCHANGE,
        },
        _ => Request::RenameAt {
            from: root,
            old: client.path(path, 0),
            to: root,
            new: client.path(name(random), 8192),
            flags: RenameFlags::empty(),
        },
    }
}

/// What each name is, as the vfs answers.
fn view(client: &Client) -> Vec<Result<(u64, u32, u64), Errno>> {
    let see = |path: &&str| {
        let status = client.stat_at(client.root, path, false)?;
        let above = client.stat_at(client.root, &format!("{path}/.."), false);
        let above = above.map_or(0, |status| status.inode);
        Ok((status.inode, status.links, above))
    };
    NAMES.iter().map(see).collect()
}

#[test]
fn the_cache_tells_the_truth_after_any_overlap() {
    for seed in 1..=120 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let fake = FakeFileSystem::new(Pace::Later(seed));
        let system = System::over(4 << 20, Box::new(fake.clone()));
        let client = system.root_client();
        client.mkdir("d", 0o755).unwrap();
        let mut tasks: Vec<Task> = vec![];
        for _ in 0..200 {
            if tasks.len() < 5 {
                let request = request(&mut random, &client);
                if let Answer::Later(task) = client.submit_request(&request) {
                    tasks.push(task);
                }
            }
            if tasks.is_empty() {
                continue;
            }
            let which = random.below(tasks.len());
            if poll(&mut tasks[which]).is_some() || random.below(12) == 0 {
                drop(tasks.swap_remove(which));
            }
        }
        for mut task in tasks {
            while poll(&mut task).is_none() {}
        }
        let cached = view(&client);
        client.disconnect();
        system.service.drop_dentries();
        let client = system.root_client();
        assert_eq!(cached, view(&client));
        drop(client);
        block_on(control::service::Service::stop(&*system.service));
        system.service.drop_dentries();
        assert_eq!(system.service.usage().inodes, 1);
    }
}

#[test]
fn appends_do_not_mix() {
    for seed in 1..=50 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let fake = FakeFileSystem::new(Pace::Later(seed));
        // Little memory: appending waits for pages that are written back.
        let system = System::over(64 << 10, Box::new(fake));
        let clients: Vec<_> = (0..3).map(|_| system.root_client()).collect();
        let records = [3000usize, 5000, 7001];
        let mut tasks: Vec<Task> = vec![];
        let mut length = 0;
        let open = |client: &Client| {
            let flags = WRITE | OpenFlags::CREATE | OpenFlags::APPEND;
            client.open_at(client.root, "log", flags, 0o600).unwrap()
        };
        let handles: Vec<_> = clients.iter().map(open).collect();
        for _ in 0..30 {
            for (which, client) in clients.iter().enumerate() {
                let byte = u8::try_from(which + 1).unwrap();
                let record = vec![byte; records[which]];
                let request = client.write_request(handles[which], 0, &record);
                length += records[which];
                if let Answer::Later(task) = client.submit_request(&request) {
                    tasks.push(task);
                }
            }
            if let Answer::Later(task) = clients[0]
                .submit_request(&Request::Fsync { handle: handles[0], kind: SyncKind::Data })
            {
                tasks.push(task);
            }
            while !tasks.is_empty() {
                let which = random.below(tasks.len());
                if let Some(done) = poll(&mut tasks[which]) {
                    assert!(done.status.result().is_ok());
                    drop(tasks.swap_remove(which));
                }
            }
        }
        let file = clients[0].open("log", READ).unwrap();
        let mut bytes = vec![];
        loop {
            let part = clients[0].read(file, bytes.len() as u64, 100_000).unwrap();
            if part.is_empty() {
                break;
            }
            bytes.extend(part);
        }
        assert_eq!(bytes.len(), length);
        let mut rest = &bytes[..];
        while let Some(byte) = rest.first() {
            let (record, behind) = rest.split_at(records[usize::from(*byte) - 1]);
            assert!(record.iter().all(|other| other == byte), "records are mixed");
            rest = behind;
        }
    }
}

#[test]
fn a_failed_write_back_is_reported_and_made_up_for() {
    for pace in [Pace::Now, Pace::Later(4)] {
        let fake = FakeFileSystem::new(pace);
        let system = System::over(4 << 20, Box::new(fake.clone()));
        let client = system.root_client();
        let file = client.create("f", 0o600).unwrap();
        client.write(file, 0, &[1; 9000]).unwrap();
        fake.state.borrow_mut().write_errors = vec![Errno::EIO];
        assert_eq!(client.sync(file), Err(Errno::EIO));
        assert_eq!(client.sync(file), Ok(()));
        assert_eq!(fake.state.borrow().writes, 3);
        assert_eq!(client.sync(file), Ok(()));
        assert_eq!(fake.state.borrow().writes, 3, "nothing is written twice");
        // One that is cut off has not been made durable.
        client.write(file, 0, b"x").unwrap();
        let kind = SyncKind::All;
        drop(client.submit_request(&Request::Fsync { handle: file, kind }));
        client.sync(file).unwrap();
        assert!(fake.state.borrow().writes >= 4);
        client.disconnect();
        system.service.drop_dentries();
        let client = system.root_client();
        let file = client.open("f", READ).unwrap();
        let read = fake.state.borrow().reads;
        assert_eq!(client.read(file, 0, 2), Ok(b"x\x01".to_vec()));
        assert!(fake.state.borrow().reads > read, "it was written back and forgotten");
    }
}

#[test]
fn what_was_read_before_a_change_is_not_cached_after_it() {
    for seed in 1..=60 {
        println!("seed {seed}");
        let fake = FakeFileSystem::new(Pace::Later(seed));
        let system = System::over(4 << 20, Box::new(fake));
        let client = system.root_client();
        let file = client.create("f", 0o600).unwrap();
        client.write(file, 0, &[7; 4096]).unwrap();
        client.sync(file).unwrap();
        client.close(file).unwrap();
        system.service.drop_dentries();
        let file = client.open("f", BOTH).unwrap();
        let request = Client::read_request(file, 0, 4096);
        let Answer::Later(mut task) = client.submit_request(&request) else {
            continue;
        };
        if poll(&mut task).is_some() {
            continue;
        }
        let other = system.root_client();
        let same = other.open("f", BOTH).unwrap();
        other.truncate(same, 0).unwrap();
        other.truncate(same, 4096).unwrap();
        drop(block_on(task));
        assert_eq!(client.read(file, 0, 4096), Ok(vec![0; 4096]));
    }
}
