//! Change events: what changes is reported, to whom wanted to know it, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

#[path = "watch/interrupted.rs"]
mod interrupted;
#[path = "watch/random.rs"]
mod random;
mod support;

use dataplane::SessionRights;
use dataplane::entry::Errno;
use dataplane::file::{LinkFlags, OpenFlags, RenameFlags, WatchEvents, XattrMode};
use support::System;
use support::client::{BOTH, Client, READ, Terms, WRITE, session};
use support::watching::Report;
use support::{block_on, each, each_alone};
use vfs::Writability;

const NAMES: WatchEvents = WatchEvents::NAMES;
const ATTRIBUTES: WatchEvents = WatchEvents::ATTRIBUTES;
const CONTENTS: WatchEvents = WatchEvents::CONTENTS;
const ALL: WatchEvents = WatchEvents::CHANGES;

fn inode(client: &Client, path: &str) -> u64 {
    client.stat_at(client.root, path, false).unwrap().inode
}

fn report(object: u64, entry: u64, name: &str, events: WatchEvents) -> Report {
    Report { object, entry, name: name.to_owned(), events: events.bits() }
}

#[test]
fn names_are_reported_with_what_has_or_had_them() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        client.mkdir("e", 0o755).unwrap();
        let directory = client.open("d", READ).unwrap();
        let d = inode(client, "d");
        let mut watch = client.watch(directory, NAMES);
        let mut all = || watch.reports();
        client.create("d/a", 0o644).unwrap();
        let a = inode(client, "d/a");
        assert_eq!(all(), [report(d, a, "a", NAMES)]);
        client.create("d/a", 0o644).unwrap();
        assert_eq!(all(), [], "it was there");
        client.rename("d/a", "d/b").unwrap();
        assert_eq!(all(), [report(d, a, "b", NAMES), report(d, a, "a", NAMES)]);
        client.link("d/b", "d/c").unwrap();
        assert_eq!(all(), [report(d, a, "c", NAMES)]);
        client.rename("d/c", "e/c").unwrap();
        assert_eq!(all(), [report(d, a, "c", NAMES)]);
        client.rename("e/c", "d/c").unwrap();
        assert_eq!(all(), [report(d, a, "c", NAMES)]);
        client.mkdir("d/sub", 0o755).unwrap();
        let sub = inode(client, "d/sub");
        client.rename_with("d/sub", "d/b", RenameFlags::EXCHANGE).unwrap();
        assert_eq!(
            all(),
            [report(d, sub, "sub", NAMES), report(d, sub, "b", NAMES), report(d, a, "sub", NAMES)]
        );
        client.unlink("d/sub").unwrap();
        client.rmdir("d/b").unwrap();
        assert_eq!(all(), [report(d, a, "sub", NAMES), report(d, sub, "b", NAMES)]);
        client.symlink("nowhere", "d/link").unwrap();
        assert_eq!(all(), [report(d, inode(client, "d/link"), "link", NAMES)]);
        // What fails, what is elsewhere, and what only looks is nothing.
        client.mkdir("d/full", 0o755).unwrap();
        client.create("d/full/x", 0o644).unwrap();
        assert_eq!(all().len(), 1);
        assert_eq!(client.rmdir("d/full"), Err(Errno::ENOTEMPTY));
        assert_eq!(client.mkdir("d/full", 0o755), Err(Errno::EEXIST));
        client.list("d").unwrap();
        client.stat("d/link").unwrap_err();
        assert_eq!(all(), []);
    });
}

#[test]
fn changes_of_a_file_are_reported_to_who_watches_it_or_its_directory() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        // It is open already when somebody begins to watch.
        let writer = client.create("d/file", 0o644).unwrap();
        let (d, file) = (inode(client, "d"), inode(client, "d/file"));
        let directory = client.open("d", READ).unwrap();
        let reader = client.open("d/file", READ).unwrap();
        let mut above = client.watch_with(directory, ALL, 0, 8).unwrap();
        let mut itself = client.watch_with(reader, ALL, 8, 8).unwrap();
        let mut check = |events, what: &str| {
            assert_eq!(above.reports(), [report(d, file, "file", events)], "{what}");
            assert_eq!(itself.reports(), [report(file, 0, "", events)], "{what}");
        };
        client.write(writer, 0, b"something").unwrap();
        check(CONTENTS, "write");
        client.write(writer, 3, b"more").unwrap();
        client.truncate(writer, 2).unwrap();
        check(CONTENTS, "two changes are one report while nobody has looked");
        client.close(client.open("d/file", WRITE | OpenFlags::TRUNCATE).unwrap()).unwrap();
        check(CONTENTS, "truncated by opening");
        client.chmod("d/file", 0o600).unwrap();
        check(ATTRIBUTES, "chmod");
        client.chown("d/file", Some(5), Some(6)).unwrap();
        client.write(writer, 0, b"x").unwrap();
        check(ATTRIBUTES | CONTENTS, "both");
        client.read(reader, 0, 10).unwrap();
        client.stat("d/file").unwrap();
        assert_eq!((above.reports(), itself.reports()), (vec![], vec![]), "reading is no change");
        client.rename("d/file", "d/other").unwrap();
        above.reports();
        client.write(writer, 0, b"y").unwrap();
        assert_eq!(above.reports(), [report(d, file, "other", CONTENTS)], "by its new name");
        assert_eq!(itself.reports(), [report(file, 0, "", CONTENTS)]);
        client.rename("d/other", "moved").unwrap();
        above.reports();
        client.write(writer, 0, b"z").unwrap();
        assert_eq!(above.reports(), [], "it is elsewhere");
        assert_eq!(itself.reports(), [report(file, 0, "", CONTENTS)]);
    });
}

#[test]
fn extended_attributes_and_links_are_attributes() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let file = client.create("file", 0o644).unwrap();
    let number = inode(&client, "file");
    let mut watch = client.watch(file, ALL);
    let mut check = || {
        assert_eq!(watch.reports(), [report(number, 0, "", ATTRIBUTES)]);
    };
    client.set_xattr(file, ("user.a", b"b"), XattrMode::Any).unwrap();
    check();
    client.remove_xattr(file, "user.a").unwrap();
    check();
    client.link("file", "second").unwrap();
    check();
    client.unlink("second").unwrap();
    check();
}

#[test]
fn a_watch_ends_with_its_object_its_handle_or_its_request() {
    each_alone(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        let directory = client.open("d", READ).unwrap();
        let file = client.create("file", 0o644).unwrap();
        let mut of_directory = client.watch_with(directory, ALL, 0, 4).unwrap();
        let mut of_file = client.watch_with(file, ALL, 4, 4).unwrap();
        let mut closed = client.watch_with(file, ALL, 8, 4).unwrap();
        client.link("file", "again").unwrap();
        client.unlink("file").unwrap();
        assert_eq!(of_file.reports().len(), 1);
        assert_eq!(of_file.end, None, "it has another name");
        client.unlink("again").unwrap();
        client.rmdir("d").unwrap();
        assert_eq!(of_file.reports().len(), 1, "the last change is reported first");
        assert_eq!((of_directory.reports().len(), of_file.end), (1, Some(Ok(0))));
        assert_eq!(of_directory.end, Some(Ok(0)));
        client.close(file).unwrap();
        closed.take_completions();
        assert!(closed.end.is_some());
        let file = client.create("file", 0o644).unwrap();
        let mut closed = client.watch_with(file, ALL, 8, 4).unwrap();
        client.write(file, 0, b"x").unwrap();
        client.close(file).unwrap();
        assert_eq!((closed.reports(), closed.end), (vec![], Some(Err(Errno::ECANCELED))));
        let file = client.open("file", BOTH).unwrap();
        drop(client.watch_with(file, ALL, 0, 4).unwrap());
        client.write(file, 0, b"x").unwrap();
        let mut fresh = client.watch_with(file, ALL, 0, 4).unwrap();
        assert_eq!(fresh.reports(), [], "what was before is nothing to it");
    });
}

#[test]
fn a_slot_is_not_used_again_before_it_was_read() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let mut watch = client.watch_with(client.root, NAMES, 0, 2).unwrap();
    for name in ["a", "b", "c", "d"] {
        client.create(name, 0o644).unwrap();
    }
    assert!(watch.take_completions(), "there is more than room");
    let names = |reports: Vec<Report>| reports.into_iter().map(|r| r.name).collect::<Vec<_>>();
    client.create("e", 0o644).unwrap();
    assert!(watch.take_completions());
    assert_eq!(names(watch.read()), ["a", "b"]);
    assert!(watch.take_completions());
    assert_eq!(names(watch.reports()), ["c", "d", "e"]);
}

#[test]
fn what_is_too_much_to_remember_is_said_to_be_lost() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let directory = inode(&client, "");
    let mut watch = client.watch_with(client.root, NAMES, 0, 1).unwrap();
    for name in 0..32 {
        client.create(&name.to_string(), 0o644).unwrap();
    }
    assert_eq!(watch.reports().len(), 32);
    for name in 32..200 {
        client.create(&name.to_string(), 0o644).unwrap();
    }
    assert_eq!(watch.reports(), [report(directory, 0, "", WatchEvents::LOST)]);
    client.create("later", 0o644).unwrap();
    assert_eq!(watch.reports().len(), 1);
}

#[test]
fn everything_is_watched_through_the_root_alone() {
    let system = System::new(8 << 20);
    let (client, other) = (system.root_client(), system.client(5, 5));
    client.mkdir("d", 0o777).unwrap();
    let directory = client.open("d", READ).unwrap();
    let everywhere = ALL | WatchEvents::EVERYWHERE;
    assert_eq!(client.watch_with(directory, everywhere, 0, 4).err(), Some(Errno::EINVAL));
    let mut watch = client.watch_with(client.root, everywhere, 0, 16).unwrap();
    let others = everywhere | WatchEvents::OF_OTHERS;
    let mut of_others = client.watch_with(client.root, others, 16, 16).unwrap();
    let file = client.create("d/file", 0o666).unwrap();
    client.write(file, 0, b"x").unwrap();
    let (d, number) = (inode(&client, "d"), inode(&client, "d/file"));
    let expected = [report(d, 0, "", NAMES), report(number, 0, "", CONTENTS)];
    assert_eq!(watch.reports(), expected);
    assert_eq!(of_others.reports(), []);
    let theirs = other.open("d/file", WRITE).unwrap();
    other.write(theirs, 0, b"y").unwrap();
    other.create("d/more", 0o666).unwrap();
    let expected = [report(number, 0, "", CONTENTS), report(d, 0, "", NAMES)];
    assert_eq!(of_others.reports(), expected);
    assert_eq!(watch.reports(), expected);
}

#[test]
fn who_may_not_read_may_not_watch() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    client.mkdir("d", 0o755).unwrap();
    let refused = |flags| {
        let handle = client.open("d", flags).unwrap();
        client.watch_with(handle, ALL, 0, 4).err()
    };
    assert_eq!(refused(OpenFlags::PATH), Some(Errno::EBADF));
    client.create("file", 0o644).unwrap();
    let writer = client.open("file", WRITE).unwrap();
    assert_eq!(client.watch_with(writer, ALL, 0, 4).err(), Some(Errno::EBADF));
    let rights = SessionRights::all() - SessionRights::READ;
    let blind = Client::new(&system, Terms { rights, ..session(0, 0) });
    assert_eq!(blind.watch_with(blind.root, ALL, 0, 4).err(), Some(Errno::EBADF));
    assert_eq!(client.watch_with(client.root, ALL, 0, 0).err(), Some(Errno::EINVAL));
    assert_eq!(client.watch_with(client.root, ALL, 3500, 64).err(), Some(Errno::EFAULT));
    let nothing = WatchEvents::EVERYWHERE;
    assert_eq!(client.watch_with(client.root, nothing, 0, 4).err(), Some(Errno::EINVAL));
    client.close(writer).unwrap();
    assert_eq!(client.watch_with(writer, ALL, 0, 4).err(), Some(Errno::EBADF));
}

#[test]
fn a_user_has_only_so_many_watches() {
    let system = System::new(8 << 20);
    let [one, two] = [5, 5].map(|uid| system.client(uid, uid));
    let other = system.client(6, 6);
    let watch = |client| Client::watch_with(client, client.root, ALL, 0, 1);
    // What all of a user's sessions watch counts together, of one object and of all.
    let mut watches: Vec<_> = (0..16).map(|_| watch(&one).unwrap()).collect();
    assert_eq!(watch(&two).err(), Some(Errno::EDQUOT));
    assert!(watch(&other).is_ok());
    let everywhere = ALL | WatchEvents::EVERYWHERE;
    watches.extend((0..16).map(|_| two.watch_with(two.root, everywhere, 0, 1).unwrap()));
    assert_eq!(one.watch_with(one.root, everywhere, 0, 1).err(), Some(Errno::EDQUOT));
    for number in 0..480 {
        let file = one.create(&number.to_string(), 0o644).unwrap();
        watches.push(one.watch_with(file, ALL, 0, 1).unwrap());
    }
    let file = two.create("last", 0o644).unwrap();
    assert_eq!(two.watch_with(file, ALL, 0, 1).err(), Some(Errno::EDQUOT));
    watches.clear();
    assert!(two.watch_with(file, ALL, 0, 1).is_ok() && watch(&two).is_ok());
}

#[test]
fn a_file_without_a_name_is_watched_through_its_handle() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    let unnamed = OpenFlags::TEMPORARY | BOTH;
    let file = client.open_at(client.root, ".", unnamed, 0o600).unwrap();
    let mut above = client.watch_with(client.root, ALL, 0, 4).unwrap();
    let mut watch = client.watch_with(file, ALL, 4, 4).unwrap();
    client.write(file, 0, b"x").unwrap();
    assert_eq!((above.reports().len(), watch.reports().len()), (0, 1));
    client.link_at(file, "", "named", LinkFlags::EMPTY_PATH).unwrap();
    client.write(file, 0, b"y").unwrap();
    let number = inode(&client, "named");
    let root = inode(&client, "");
    assert_eq!(above.reports(), [report(root, number, "named", NAMES | CONTENTS)]);
    assert_eq!(watch.end, None);
}

#[test]
fn a_replaced_file_is_no_entry_any_more() {
    each(|_, client| {
        client.mkdir("d", 0o755).unwrap();
        client.create("d/a", 0o644).unwrap();
        let old = client.create("d/b", 0o644).unwrap();
        let directory = client.open("d", READ).unwrap();
        let mut watch = client.watch(directory, ALL);
        client.rename("d/a", "d/b").unwrap();
        assert_eq!(watch.reports().len(), 2);
        client.write(old, 0, b"x").unwrap();
        assert_eq!(watch.reports(), [], "it has no name");
    });
}

#[test]
fn what_is_refused_is_not_reported() {
    let system = System::new(8 << 20);
    let client = system.root_client();
    client.mkdir("d", 0o755).unwrap();
    client.mkdir("ro", 0o755).unwrap();
    client.create("d/a", 0o644).unwrap();
    block_on(system.service.bind(b"d", b"ro", Writability::ReadOnly)).unwrap();
    let directory = client.open("d", READ).unwrap();
    let mut watch = client.watch(directory, ALL);
    assert_eq!(client.rename("d/a", "ro/b"), Err(Errno::EROFS));
    assert_eq!(client.chmod("ro/a", 0o600), Err(Errno::EROFS));
    assert_eq!(watch.reports(), []);
}

#[test]
fn a_watch_of_what_is_gone_already_ends_at_once() {
    each_alone(|_, client| {
        let file = client.create("f", 0o644).unwrap();
        client.unlink("f").unwrap();
        let mut watch = client.watch(file, ALL);
        watch.take_completions();
        assert_eq!(watch.end, Some(Ok(0)));
    });
}
