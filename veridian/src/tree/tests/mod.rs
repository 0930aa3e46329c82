//! Walking, copying and removing against a side in memory that fails when it is told to and
//! notices what is not given back.

mod fake;

use super::side::{FileType, Side};
use super::{Copier, Count, Doing, Kept, Limit, Located, Made, Size, Skip, Watcher, count, remove};
use anyhow::Result;
use fake::{Fake, Tree};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::io;

#[derive(Debug, Default)]
struct Seen {
    files: Vec<Vec<u8>>,
    skipped: usize,
    failed: usize,
    bytes: u64,
}

impl Watcher for Seen {
    fn begins(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn moves(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn ends(&mut self, path: &[u8], _: u64) -> Result<()> {
        self.files.push(path.to_vec());
        Ok(())
    }

    fn skips(&mut self, _: &[u8], _: Skip) -> Result<()> {
        self.skipped += 1;
        Ok(())
    }

    fn fails(&mut self, _: &[u8], _: Doing, _: io::Error) -> Result<()> {
        self.failed += 1;
        Ok(())
    }
}

/// Trees of every shape, with names that need care and files around the size of a part.
fn trees() -> impl Strategy<Value = Tree> {
    let permissions = prop_oneof![Just(0o400u32), Just(0o555), Just(0o644), Just(0o755)];
    let size = prop_oneof![Just(0usize), 1..20usize, Just(256 * 1024), Just(256 * 1024 + 1)];
    let leaf = prop_oneof![
        4 => (permissions.clone(), size, any::<u8>())
            .prop_map(|(permissions, size, byte)| Tree::File(permissions, vec![byte; size])),
        1 => vec(any::<u8>(), 1..9).prop_map(Tree::Link),
        1 => Just(Tree::Leaf(FileType::Fifo)),
    ];
    let name = vec(prop_oneof![Just(b'.'), Just(b'\n'), Just(0xff), b'a'..=b'c'], 1..4)
        .prop_filter("not a name", |name| !matches!(&name[..], b"." | b".."));
    leaf.prop_recursive(6, 30, 5, move |inner| {
        (permissions.clone(), btree_map(name.clone(), inner, 0..5))
            .prop_map(|(permissions, entries)| Tree::Directory(permissions, entries))
    })
    .prop_map(|tree| match tree {
        Tree::Directory(..) => tree,
        leaf => Tree::Directory(0o755, [(b"only".to_vec(), leaf)].into()),
    })
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![Just(Kept::Files), Just(Kept::Links), Just(Kept::Attributes)]
}

/// Copies the whole of one side to the other; the result is the walk's.
fn copy_all(from: &mut Fake, to: &mut Fake, kept: Kept, seen: &mut Seen) -> Result<()> {
    let Located::Directory(source, status) = from.locate(b".")? else { panic!("not a directory") };
    let destination = match to.directory_at(b".") {
        Ok(destination) => destination,
        Err(error) => {
            from.close_directory(source);
            return Err(error.into());
        }
    };
    let complete = Made::Before.completed_as(&status, kept);
    Copier::new(from, to, seen, kept).tree(source, destination, complete)
}

proptest! {
    #[test]
    fn a_copy_is_what_was_copied(tree in trees(), kept in kept()) {
        let mut from = Fake::new(&tree);
        let mut to = Fake::new(&Tree::Directory(0o755, [].into()));
        let mut seen = Seen::default();
        copy_all(&mut from, &mut to, kept, &mut seen).unwrap();
        prop_assert_eq!((from.open(), to.open()), (0, 0));
        prop_assert_eq!(seen.failed, 0);
        let copyable = tree.kept(kept);
        prop_assert_eq!(seen.files.len(), copyable.files());
        prop_assert_eq!(to.tree().entries(), copyable.entries());

        let top = to.directory_at(b".").unwrap();
        let counted = count(&mut to, top, Limit::NONE).unwrap();
        let files = copyable.files() as u64;
        prop_assert_eq!(counted, Size::Within(Count { files, bytes: seen.bytes }));
        prop_assert_eq!(to.open(), 0);
    }

    #[test]
    fn attributes_are_kept_where_that_is_asked_for_and_set_id_bits_nowhere_else(
        tree in trees(),
        twice: bool,
    ) {
        let mut from = Fake::new(&tree);
        from.mark();
        let mut to = Fake::new(&Tree::Directory(0o755, [].into()));
        let mut plain = Fake::new(&Tree::Directory(0o755, [].into()));
        copy_all(&mut from, &mut plain, Kept::Links, &mut Seen::default()).unwrap();
        for (path, (permissions, modified, xattrs)) in plain.attributes() {
            prop_assert_eq!((permissions & 0o6000, modified, xattrs), (0, 0, vec![]), "{:?}", path);
        }
        if twice {
            // Over a copy that is there already.
            copy_all(&mut from, &mut to, Kept::Links, &mut Seen::default()).unwrap();
        }
        copy_all(&mut from, &mut to, Kept::Attributes, &mut Seen::default()).unwrap();
        prop_assert_eq!(to.attributes(), from.attributes());
    }

    #[test]
    fn whatever_fails_nothing_leaks_and_no_file_is_half(
        tree in trees(),
        at in prop_oneof![0u32..10, 0u32..200],
        source_fails: bool,
        fatal: bool,
        kept in kept(),
    ) {
        let mut from = Fake::new(&tree);
        let mut to = Fake::new(&Tree::Directory(0o755, [].into()));
        if source_fails { from.fail_at(at, fatal) } else { to.fail_at(at, fatal) }
        let mut seen = Seen::default();
        let result = copy_all(&mut from, &mut to, kept, &mut seen);
        prop_assert_eq!((from.open(), to.open()), (0, 0));
        if fatal && (from.has_failed() || to.has_failed()) {
            // Probing whether a file is there already may fail without harm.
            prop_assert!(result.is_err() || seen.failed == 0);
        }
        prop_assert!(to.tree().is_part_of(&tree), "{:?} of {:?}", to.tree(), tree);
    }

    #[test]
    fn removing_takes_all_or_stops_at_what_fails(tree in trees(), at in proptest::option::of(0u32..100)) {
        let mut side = Fake::new(&Tree::Directory(0o755, [(b"top".to_vec(), tree)].into()));
        let root = side.directory_at(b".").unwrap();
        if let Some(at) = at { side.fail_at(at, false) }
        let removed = remove(&mut side, &root, b"top");
        side.close_directory(root);
        prop_assert_eq!(side.open(), 0);
        prop_assert_eq!(removed.is_err(), side.has_failed());
        prop_assert_eq!(removed.is_ok(), side.tree().entries().is_empty());
    }
}

#[test]
fn a_directory_that_is_moved_away_ends_the_walk() {
    let inner = Tree::Directory(0o755, [(b"file".to_vec(), Tree::File(0o644, vec![]))].into());
    let tree =
        Tree::Directory(0o755, [(b"a".to_vec(), inner.clone()), (b"b".to_vec(), inner)].into());
    let mut from = Fake::new(&tree);
    from.move_up(b"a");
    let mut to = Fake::new(&Tree::Directory(0o755, [].into()));
    let mut seen = Seen::default();
    let error = copy_all(&mut from, &mut to, Kept::Links, &mut seen).unwrap_err();
    assert!(error.to_string().contains("moved"), "{error}");
    assert_eq!(seen.files, [b"a/file"]);
}
