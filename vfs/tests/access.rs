//! Who may do what: permissions, rights of handles and sessions, credentials, quotas.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use dataplane::Credentials;
use dataplane::SessionRights;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::file::{OpenFlags, Request};
use dataplane::service::DataService;
use proptest::prelude::*;
use support::System;
use support::client::{self, BOTH, Client, READ, WRITE, finish};
use support::fake::{FakeFileSystem, Pace};

#[test]
fn mode_bits_are_obeyed() {
    let system = System::new(4 << 20);
    let (owner, other) = (system.client(5, 50), system.client(6, 60));
    let root = system.root_client();
    owner.create("private", 0o600).unwrap();
    owner.create("public", 0o644).unwrap();
    owner.mkdir("closed", 0o700).unwrap();
    owner.create("closed/in", 0o666).unwrap();
    owner.mkdir("listed", 0o744).unwrap();
    for flags in [READ, WRITE, BOTH] {
        assert_eq!(other.open("private", flags).unwrap_err(), Errno::EACCES);
        assert!(root.open("private", flags).is_ok());
    }
    assert!(other.open("private", OpenFlags::PATH).is_ok());
    assert!(other.open("public", READ).is_ok());
    assert_eq!(other.open("public", BOTH).unwrap_err(), Errno::EACCES);
    let truncate = READ | OpenFlags::TRUNCATE;
    assert_eq!(other.open("public", truncate).unwrap_err(), Errno::EACCES);
    assert_eq!(other.open("closed/in", READ).unwrap_err(), Errno::EACCES);
    assert_eq!(other.stat("closed/in").unwrap_err(), Errno::EACCES);
    assert_eq!(other.stat("closed/none").unwrap_err(), Errno::EACCES);
    assert!(other.stat("closed/..").is_ok() || other.stat("closed").is_ok());
    assert!(other.list("listed").is_ok());
    assert_eq!(other.create("listed/x", 0o600).unwrap_err(), Errno::EACCES);
    assert_eq!(other.mkdir("listed/x", 0o700), Err(Errno::EACCES));
    assert_eq!(other.rename("public", "mine"), Err(Errno::EPERM), "sticky root");
    assert_eq!(other.unlink("public"), Err(Errno::EPERM));
    assert_eq!(owner.unlink("public"), Ok(()));
    // A file that was made for writing can be written, whatever its mode says.
    let made = owner.open_at(owner.root, "odd", BOTH | OpenFlags::CREATE, 0);
    assert_eq!(owner.write(made.unwrap(), 0, b"x"), Ok(1));
    let status = owner.stat("odd").unwrap();
    assert_eq!((status.mode & 0o7777, status.uid, status.gid), (0, 5, 50));
}

#[test]
fn a_directory_that_moves_must_be_writable() {
    let system = System::new(4 << 20);
    let user = system.client(5, 50);
    user.mkdir("d", 0o755).unwrap();
    user.mkdir("fixed", 0o555).unwrap();
    assert_eq!(user.rename("fixed", "d/fixed"), Err(Errno::EACCES));
    assert_eq!(user.rename("fixed", "other"), Ok(()));
}

#[test]
fn what_is_written_by_others_loses_its_privileges() {
    let system = System::new(4 << 20);
    let root = system.root_client();
    let file = root.create("tool", 0o6777).unwrap();
    root.write(file, 0, b"x").unwrap();
    assert_eq!(root.stat("tool").unwrap().mode & 0o7777, 0o6777);
    let user = system.client(5, 50);
    let file = user.open("tool", WRITE).unwrap();
    user.write(file, 0, b"y").unwrap();
    assert_eq!(root.stat("tool").unwrap().mode & 0o7777, 0o777);
}

#[test]
fn rights_never_grow() {
    let system = System::new(4 << 20);
    let root = system.root_client();
    root.mkdir("d", 0o777).unwrap();
    root.create("d/f", 0o666).unwrap();
    let mut terms = client::session(0, 0);
    terms.rights = SessionRights::READ;
    let reader = Client::new(&system, terms);
    let directory = reader.open("d", READ).unwrap();
    for (from, path) in [(reader.root, "d/f"), (directory, "f"), (directory, "../d/f")] {
        assert!(reader.open_at(from, path, READ, 0).is_ok());
        for flags in [WRITE, BOTH, READ | OpenFlags::TRUNCATE] {
            assert_eq!(reader.open_at(from, path, flags, 0), Err(Errno::EPERM));
        }
    }
    let create = READ | OpenFlags::CREATE;
    assert_eq!(reader.open_at(directory, "new", create, 0o600), Err(Errno::EPERM));
    assert!(reader.open_at(directory, "f", create, 0o600).is_ok());
    assert_eq!(reader.mkdir("new", 0o700), Err(Errno::EPERM));
    assert_eq!(reader.unlink("d/f"), Err(Errno::EPERM));
    assert_eq!(reader.rename("d/f", "g"), Err(Errno::EPERM));
    let mut terms = client::session(0, 0);
    terms.rights = SessionRights::WRITE | SessionRights::CREATE;
    let writer = Client::new(&system, terms);
    assert_eq!(writer.open("d/f", READ), Err(Errno::EPERM));
    assert_eq!(writer.stat("d/f").unwrap_err(), Errno::EPERM);
    assert_eq!(writer.list_part(writer.root, 0, 99), Err(Errno::EBADF));
    let file = writer.open("d/f", WRITE).unwrap();
    assert_eq!(writer.write(file, 0, b"x"), Ok(1));
    assert!(writer.stat_at(file, "", true).is_ok());
}

#[test]
fn requests_act_as_approved_principals_only() {
    let system = System::new(4 << 20);
    let user = |uid, gid, groups| Credentials { uid, gid, groups };
    let mut terms = client::session(5, 50);
    terms.credentials.push(user(6, 60, vec![50]));
    let client = Client::new(&system, terms);
    client.create("five", 0o640).unwrap();
    client.credential.set(1);
    client.create("six", 0o600).unwrap();
    assert_eq!(client.stat("six").unwrap().uid, 6);
    assert!(client.open("five", READ).is_ok(), "by a supplementary group");
    assert_eq!(client.open("five", WRITE), Err(Errno::EACCES));
    client.credential.set(2);
    assert_eq!(client.open("five", READ), Err(Errno::EINVAL));
    assert_eq!(client.close(client.root), Err(Errno::EINVAL));
    client.credential.set(0);
    assert_eq!(client.close(client.root), Ok(()));
}

#[test]
fn quotas_hold() {
    let system = System::new(1 << 20);
    let mut terms = client::session(0, 0);
    terms.quota.handles = 3;
    let client = Client::new(&system, terms);
    let a = client.create("a", 0o600).unwrap();
    client.create("b", 0o600).unwrap();
    assert_eq!(client.create("c", 0o600), Err(Errno::EMFILE));
    assert_eq!(client.stat("c").unwrap_err(), Errno::ENOENT, "nothing was made");
    client.close(a).unwrap();
    let c = client.create("c", 0o600).unwrap();
    let wrote = client.write(c, 0, &vec![1; 2 << 20]).unwrap();
    assert!(wrote > 500 << 10 && wrote < 1 << 20, "{wrote}");
    assert_eq!(client.write(c, wrote as u64, &[1; 8192]), Err(Errno::ENOSPC));
    assert_eq!(client.stat("c").unwrap().size, wrote as u64);
    client.truncate(c, 0).unwrap();
    assert_eq!(client.write(c, 0, &[1; 8192]), Ok(8192));
    // Names and inodes cost, too.
    let mut made = 0;
    let full = loop {
        match client.mkdir(&format!("d{made}"), 0o700) {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, Errno::ENOSPC);
    for n in 0..made {
        client.rmdir(&format!("d{n}")).unwrap();
    }
    client.mkdir("fits", 0o700).unwrap();
}

#[test]
fn files_that_are_gone_leave_nothing() {
    let system = System::new(4 << 20);
    let client = system.root_client();
    let before = system.service.usage();
    for _ in 0..3 {
        client.mkdir("d", 0o700).unwrap();
        let file = client.create("d/f", 0o600).unwrap();
        client.write(file, 0, &[1; 8192]).unwrap();
        client.close(file).unwrap();
        // The cache is made to doubt the name of a directory in which it knows a name.
        assert_eq!(client.rmdir("d"), Err(Errno::ENOTEMPTY));
        client.unlink("d/f").unwrap();
        client.rmdir("d").unwrap();
    }
    let after = system.service.usage();
    assert_eq!(after.inodes, before.inodes);
    assert_eq!(after.used_bytes, before.used_bytes);
}

#[test]
fn hostile_entries_are_refused() {
    let system = System::new(1 << 20);
    let client = system.root_client();
    let file = client.create("f", 0o600).unwrap();
    let status = |request: &Request| finish(client.submit_request(request)).status.result();
    let good = client.write_request(file, 0, b"12345678");
    let Request::Write { from, .. } = good else { unreachable!("as it was made") };
    let mut range = from;
    let with = |from| Request::Write { handle: file, offset: 0, from };
    range.offset += 1;
    assert_eq!(status(&with(range)), Err(Errno::EINVAL));
    (range.offset, range.len) = (u32::MAX - 7, 8);
    assert_eq!(status(&with(range)), Err(Errno::EFAULT));
    (range.offset, range.len) = (0, u32::MAX);
    assert_eq!(status(&with(range)), Err(Errno::EFAULT));
    assert_eq!(status(&with(from)), Ok(8));
    let answer = finish(client.submit(&Sqe::new(Opcode::Unknown(99), file)));
    assert_eq!(answer.status.result(), Err(Errno::EOPNOTSUPP));
    let mut odd = with(from).to_sqe();
    odd.op_flags = 1;
    let answer = finish(client.submit(&odd));
    assert_eq!(answer.status.result(), Err(Errno::EINVAL));
    for opcode in Opcode::ALL {
        let answer = finish(client.submit(&Sqe::new(*opcode, Handle::NONE)));
        let refused = answer.status.result() == Err(Errno::EOPNOTSUPP);
        assert_eq!(system.service.supports(*opcode), !refused, "{opcode:?}");
    }
}

/// An entry of random words, of which some are as an honest client has them.
fn entry() -> impl Strategy<Value = Sqe> {
    let number = prop_oneof![
        4 => 0u64..20_000,
        1 => (i64::MAX as u64 - 5_000)..=(i64::MAX as u64),
        1 => any::<u64>(),
    ];
    let small = prop_oneof![9 => Just(0u32), 1 => any::<u32>()];
    let len = prop_oneof![9 => 0u32..9_000, 1 => any::<u32>()];
    let flags = prop_oneof![4 => Just(0u32), 4 => Just(0o102u32), 1 => 0u32..8, 1 => any::<u32>()];
    let word = prop_oneof![4 => Just(0u64), 2 => Just(0o777u64), 1 => any::<u64>()];
    let opcode = prop_oneof![9 => 16u8..28, 1 => any::<u8>()];
    let target = (opcode, 0u32..4, 0u16..3, number);
    let buffer = (small.clone(), 0u32..1_000, len);
    (target, buffer, (flags, word.clone(), word, small)).prop_map(|(target, buffer, rest)| Sqe {
        opcode: target.0,
        handle_slot: target.1,
        handle_generation: target.2,
        offset: target.3,
        buffer: buffer.0,
        buffer_offset: buffer.1 * 8,
        len: buffer.2,
        op_flags: rest.0,
        arg0: rest.1,
        arg1: rest.2,
        credential: u16::from(rest.3 > 0),
        ..Sqe::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_entry_is_answered(
        entries in prop::collection::vec((entry(), "[ab/.]{0,6}"), 1..100),
        late in any::<bool>(),
    ) {
        let system = if late {
            System::over(256 << 10, Box::new(FakeFileSystem::new(Pace::Later(3))))
        } else {
            System::new(256 << 10)
        };
        let before = system.service.usage();
        let client = system.root_client();
        for (mut entry, path) in entries {
            if matches!(entry.opcode(), Opcode::OpenAt | Opcode::MkdirAt | Opcode::UnlinkAt) {
                let range = client.path(&path, 0);
                (entry.buffer_offset, entry.len) = (range.offset, range.len);
                (entry.offset, entry.arg1) = (0, 0);
            }
            let completion = finish(client.submit(&entry));
            drop(completion);
            let usage = system.service.usage();
            prop_assert!(usage.used_bytes <= usage.limit_bytes);
        }
        client.disconnect();
        let after = system.service.usage();
        prop_assert_eq!((after.grants, after.pinned_pages), (before.grants, before.pinned_pages));
    }
}
