//! A file system that others change too: what they do is seen at the next request, and what the
//! vfs knew of before leads nowhere that it should not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::entry::Errno;
use dataplane::file::{FileKind, FilesystemStatus, OpenFlags, RenameFlags, Request};
use dataplane::filesystem::{Changes, NewNode, WriteAt};
use dataplane::platform::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use support::client::{BOTH, Client, READ, WRITE};
use support::fake::{FakeFileSystem, Pace};
use support::fake_rules::{ROOT, State};
use support::{System, block_on};
use vfs::Writability;

/// A vfs over a fake, and the fake itself, which the test changes as somebody else would.
fn over_shared(pace: Pace) -> (System, FakeFileSystem, Client) {
    let fake = FakeFileSystem::new(pace).shared();
    let system = System::over(4 << 20, Box::new(fake.clone()));
    let client = system.root_client();
    (system, fake, client)
}

fn make(state: &mut State, directory: u64, name: &[u8], kind: FileKind) -> u64 {
    let new = NewNode {
        kind,
        permissions: 0o777,
        uid: 0,
        gid: 0,
        special_device: 0,
        target: &[],
        time: Timestamp(5),
    };
    let number = state.create(&(directory, name.to_vec()), &new).unwrap().node.inode.0;
    state.forget(number, 1);
    number
}

fn rename(state: &mut State, from: (u64, &[u8]), to: (u64, &[u8])) {
    let (from, to) = ((from.0, from.1.to_vec()), (to.0, to.1.to_vec()));
    state.rename(&from, &to, RenameFlags::empty(), Timestamp(6)).unwrap();
}

#[test]
fn names_of_others_come_and_go() {
    let (_system, fake, client) = over_shared(Pace::Now);
    assert_eq!(client.stat("a").unwrap_err(), Errno::ENOENT);
    let a = make(&mut fake.state.borrow_mut(), ROOT, b"a", FileKind::Regular);
    assert_eq!(client.stat("a").unwrap().inode, a);
    rename(&mut fake.state.borrow_mut(), (ROOT, b"a"), (ROOT, b"b"));
    assert_eq!(client.stat("a").unwrap_err(), Errno::ENOENT);
    assert_eq!(client.stat("b").unwrap().inode, a);
    let file = client.create("mine", 0o600).unwrap();
    fake.state.borrow_mut().unlink(&(ROOT, b"mine".to_vec()), Timestamp(7)).unwrap();
    assert_eq!(client.open("mine", READ), Err(Errno::ENOENT));
    assert_eq!(client.stat_at(file, "", true).unwrap().links, 0);
    // What is there under a name that was known may be of another kind.
    make(&mut fake.state.borrow_mut(), ROOT, b"mine", FileKind::Directory);
    assert_eq!(client.stat("mine").unwrap().kind(), FileKind::Directory);
}

#[test]
fn attributes_of_others_hold_at_once() {
    let (system, fake, _) = over_shared(Pace::Later(9));
    let (root, user) = (system.root_client(), system.client(7, 7));
    root.mkdir("d", 0o755).unwrap();
    root.create("d/f", 0o644).unwrap();
    let directory = user.open("d", READ).unwrap();
    assert!(user.open("d/f", READ).is_ok());
    let chmod = |path: &str, permissions| {
        let number = root.stat(path).unwrap().inode;
        let changes = Changes { permissions: Some(permissions), ..Changes::default() };
        fake.state.borrow_mut().set_attributes(number, &changes);
    };
    chmod("d/f", 0o600);
    assert_eq!(user.open("d/f", READ), Err(Errno::EACCES));
    chmod("d/f", 0o644);
    assert!(user.open("d/f", READ).is_ok());
    // Also of a directory that is reached by a handle from before, or by `..`.
    chmod("d", 0o700);
    assert_eq!(user.open_at(directory, "f", READ, 0), Err(Errno::EACCES));
    assert_eq!(user.open_at(directory, "../d/f", READ, 0), Err(Errno::EACCES));
    chmod("d", 0o777);
    assert!(user.open_at(directory, "new", WRITE | OpenFlags::CREATE, 0o600).is_ok());
    chmod("/", 0o700);
    assert_eq!(user.open_at(directory, "../d", READ, 0), Err(Errno::EACCES));
}

#[test]
fn contents_of_others_are_read_and_ours_are_there() {
    let (_system, fake, client) = over_shared(Pace::Later(11));
    let file = client.create("f", 0o600).unwrap();
    let number = client.stat("f").unwrap().inode;
    client.write(file, 0, b"ours").unwrap();
    assert_eq!(fake.state.borrow_mut().read(number, 0, 9), b"ours");
    fake.state.borrow_mut().write(number, WriteAt::Offset(2), b"theirs").unwrap();
    assert_eq!(client.read(file, 0, 99), Ok(b"outheirs".to_vec()));
    assert_eq!(client.stat("f").unwrap().size, 8);
    let end = client.open("f", WRITE | OpenFlags::APPEND).unwrap();
    fake.state.borrow_mut().write(number, WriteAt::End, b"!").unwrap();
    client.write(end, 0, b"?").unwrap();
    assert_eq!(client.read(file, 0, 99), Ok(b"outheirs!?".to_vec()));
    let granted = Request::ReadGrant { handle: file, offset: 0, len: 4, hold: false };
    assert_eq!(client.run(&granted).unwrap_err(), Errno::EOPNOTSUPP);
}

#[test]
fn who_writes_is_not_who_the_program_runs_as() {
    let (system, _fake, root) = over_shared(Pace::Now);
    root.create("f", 0o6777).unwrap();
    let user = system.client(7, 7);
    let file = user.open("f", BOTH).unwrap();
    user.write(file, 0, b"x").unwrap();
    assert_eq!(root.stat("f").unwrap().mode & 0o7777, 0o777);
}

#[test]
fn directories_that_others_turn_around_are_no_circle() {
    let (system, fake, client) = over_shared(Pace::Now);
    client.mkdir("a", 0o755).unwrap();
    client.mkdir("a/b", 0o755).unwrap();
    let (a, b) = (client.open("a", READ).unwrap(), client.open("a/b", READ).unwrap());
    let numbers = (client.stat("a").unwrap().inode, client.stat("a/b").unwrap().inode);
    rename(&mut fake.state.borrow_mut(), (numbers.0, b"b"), (ROOT, b"b"));
    rename(&mut fake.state.borrow_mut(), (ROOT, b"a"), (numbers.1, b"a"));
    assert_eq!(client.stat_at(b, "a", true).unwrap().inode, numbers.0);
    assert_eq!(client.stat_at(b, "a/..", true).unwrap().inode, numbers.1);
    // If each were above the other, this would go round and round.
    assert_eq!(client.rename("b", "b/a/x"), Err(Errno::EINVAL));
    assert!(client.stat_at(b, "..", true).is_ok());
    client.close(a).unwrap();
    client.close(b).unwrap();
    drop(client);
    assert_eq!(system.service.usage().inodes, 1);
    assert_eq!(fake.references(), 0);
}

#[test]
fn a_mount_point_stays_one() {
    let (system, _fake, client) = over_shared(Pace::Now);
    client.mkdir("m", 0o755).unwrap();
    let tmpfs = system.service.tmpfs();
    block_on(system.service.mount(b"m", tmpfs, Writability::ReadWrite)).unwrap();
    client.create("m/x", 0o600).unwrap();
    assert_ne!(client.stat("m").unwrap().device, client.stat("/").unwrap().device);
    assert_eq!(client.list("m"), Ok(vec!["x".into()]));
}

#[test]
fn read_only_is_read_only() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    client.mkdir("m", 0o755).unwrap();
    for fake in [FakeFileSystem::new(Pace::Now), FakeFileSystem::new(Pace::Later(3)).shared()] {
        make(&mut fake.state.borrow_mut(), ROOT, b"f", FileKind::Regular);
        make(&mut fake.state.borrow_mut(), ROOT, b"d", FileKind::Directory);
        block_on(system.service.mount(b"m", Box::new(fake.clone()), Writability::ReadOnly))
            .unwrap();
        let file = client.open("m/f", READ).unwrap();
        assert_eq!(client.read(file, 0, 9), Ok(vec![]));
        assert_eq!(client.list("m"), Ok(vec!["d".into(), "f".into()]));
        for flags in [WRITE, BOTH, READ | OpenFlags::TRUNCATE] {
            assert_eq!(client.open("m/f", flags), Err(Errno::EROFS));
        }
        assert_eq!(client.create("m/new", 0o600), Err(Errno::EROFS));
        assert_eq!(client.mkdir("m/new", 0o700), Err(Errno::EROFS));
        assert_eq!(client.unlink("m/f"), Err(Errno::EROFS));
        assert_eq!(client.rmdir("m/d"), Err(Errno::EROFS));
        assert_eq!(client.rename("m/f", "m/g"), Err(Errno::EROFS));
        assert_eq!(client.link("m/f", "m/g"), Err(Errno::EROFS));
        assert_eq!(client.symlink("x", "m/g"), Err(Errno::EROFS));
        assert_eq!(client.make_node("m/g", 0o010_600, 0), Err(Errno::EROFS));
        assert_eq!(client.chmod("m/f", 0o777), Err(Errno::EROFS));
        assert_eq!(client.filesystem_status(file).unwrap().flags, FilesystemStatus::READ_ONLY);
        // Reading is no change either.
        client.sync(file).unwrap();
        let state = fake.state.borrow();
        let root = state.nodes[&ROOT].attributes;
        assert_eq!((root.accessed, state.writes), (Timestamp(0), 0));
        drop(state);
        client.mkdir("n", 0o755).unwrap();
        client.close(file).unwrap();
        block_on(system.service.unmount(b"m")).unwrap();
        client.rmdir("n").unwrap();
    }
}

#[test]
fn what_is_in_use_stays_mounted() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    let before = system.service.usage();
    let unmount = |path: &str| block_on(system.service.unmount(path.as_bytes()));
    let mount = |path: &str, filesystem| {
        block_on(system.service.mount(path.as_bytes(), filesystem, Writability::ReadWrite))
    };
    assert_eq!(unmount("/"), Err(Errno::EBUSY));
    assert_eq!(unmount("m"), Err(Errno::ENOENT));
    client.mkdir("m", 0o755).unwrap();
    assert_eq!(unmount("m"), Err(Errno::EINVAL));
    let fakes = [FakeFileSystem::new(Pace::Later(4)), FakeFileSystem::new(Pace::Now).shared()];
    for fake in fakes {
        mount("m", Box::new(fake.clone())).unwrap();
        client.mkdir("m/d", 0o755).unwrap();
        assert_eq!(unmount("m/d"), Err(Errno::EINVAL));
        let file = client.create("m/d/f", 0o600).unwrap();
        client.write(file, 0, b"kept").unwrap();
        assert_eq!(unmount("m"), Err(Errno::EBUSY), "a handle");
        client.close(file).unwrap();
        mount("m/d", system.service.tmpfs()).unwrap();
        assert_eq!(unmount("m"), Err(Errno::EBUSY), "a mount");
        client.close(client.create("m/d/x", 0o600).unwrap()).unwrap();
        unmount("m/d").unwrap();
        assert_eq!(client.list("m/d"), Ok(vec!["f".into()]), "what was covered is seen again");
        unmount("m").unwrap();
        assert_eq!(fake.references(), 0);
        let number = fake.state.borrow_mut().lookup(&(ROOT, b"d".to_vec())).unwrap().inode.0;
        let file = fake.state.borrow_mut().lookup(&(number, b"f".to_vec())).unwrap().inode.0;
        assert_eq!(fake.state.borrow_mut().read(file, 0, 9), b"kept");
        assert_eq!(client.list("m"), Ok(vec![]));
    }
    mount("m", system.service.tmpfs()).unwrap();
    let root = client.open("m", READ).unwrap();
    assert_eq!(unmount("m"), Err(Errno::EBUSY), "the root");
    client.close(root).unwrap();
    client.close(client.create("m/x", 0o600).unwrap()).unwrap();
    unmount("m").unwrap();
    client.rmdir("m").unwrap();
    system.service.drop_dentries();
    assert_eq!(system.service.usage().used_bytes, before.used_bytes);
    assert_eq!(system.service.usage().inodes, before.inodes);
}

#[test]
fn of_two_mounts_on_one_directory_one_is_late() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    client.mkdir("m", 0o755).unwrap();
    client.mkdir("a", 0o755).unwrap();
    let fakes = [3, 77].map(|seed| FakeFileSystem::new(Pace::Later(seed)));
    // Both have looked at the directory before either is mounted.
    let mounting = fakes
        .clone()
        .map(|fake| Box::pin(system.service.mount(b"m", Box::new(fake), Writability::ReadWrite)));
    let outcomes = block_on(all(mounting));
    let mounted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((mounted, outcomes.contains(&Err(Errno::EBUSY))), (1, true));
    let bound = block_on(system.service.bind(b"a", b"m", Writability::ReadWrite));
    assert_eq!(bound, Err(Errno::EBUSY));
    block_on(system.service.unmount(b"m")).unwrap();
    assert_eq!(block_on(system.service.unmount(b"m")), Err(Errno::EINVAL));
}

/// Polls futures in turn until all are ready.
async fn all<F: Future + Unpin, const N: usize>(mut futures: [F; N]) -> Vec<F::Output> {
    let mut outputs = [(); N].map(|()| None);
    std::future::poll_fn(move |context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = Pin::new(future).poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(outputs.iter_mut().filter_map(Option::take).collect())
    })
    .await
}
