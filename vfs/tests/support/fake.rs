//! A file system with contents of its own, which punishes misuse and answers when it likes.

use super::fake_rules::{At, ROOT, State};
use super::pause;
use dataplane::entry::Errno;
use dataplane::file::{DirectoryWriter, FileKind, FilesystemStatus, RenameFlags};
use dataplane::filesystem::{
    Answer, Attributes, Changes, ContentsIn, Created, DirectoryPart, Durable, FileSystem,
    InodeNumber, Name, NewNode, Node, PageBytes, Relinked, Renamed, Reply, Validity, WriteAt,
};
use dataplane::platform::Timestamp;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// When the fake answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Now,
    /// After up to three polls, as a sequence of random numbers from this seed has it.
    Later(u64),
}

/// The file system; a clone is another handle of the same.
#[derive(Clone)]
pub(crate) struct FakeFileSystem {
    pub(crate) state: Rc<RefCell<State>>,
    pace: Rc<Cell<Pace>>,
    validity: Validity,
}

impl FakeFileSystem {
    pub(crate) fn new(pace: Pace) -> Self {
        let state = Rc::new(RefCell::new(State::new(0o1777)));
        Self { state, pace: Rc::new(Cell::new(pace)), validity: Validity::UntilChanged }
    }

    /// The same, but changed by others too: nothing that it says may be kept.
    pub(crate) fn shared(self) -> Self {
        Self { validity: Validity::Momentary, ..self }
    }

    /// References that the vfs has.
    pub(crate) fn references(&self) -> u64 {
        let state = self.state.borrow();
        state.nodes.values().map(|node| node.references).sum()
    }

    /// Makes a symbolic link, which clients cannot yet.
    pub(crate) fn symlink(&self, directory: u64, name: &str, target: &str) {
        let at = (directory, name.as_bytes().to_vec());
        let new = NewNode {
            kind: FileKind::Symlink,
            permissions: 0o777,
            uid: 0,
            gid: 0,
            special_device: 0,
            target: target.as_bytes(),
            time: Timestamp(0),
        };
        let mut state = self.state.borrow_mut();
        let made = state.create(&at, &new).unwrap();
        state.forget(made.node.inode.0, 1);
    }

    fn pauses(&self) -> u64 {
        let Pace::Later(seed) = self.pace.get() else {
            return 0;
        };
        let mut next = seed;
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        self.pace.set(Pace::Later(next));
        next % 4
    }

    fn reply<T: 'static>(
        &self,
        operation: impl FnOnce(&mut State) -> Result<T, Errno> + 'static,
    ) -> Answer<T> {
        self.reply_with_reference(operation, |_| None)
    }

    /// What is asked for happens at some poll, the answer comes at a later one. If it is dropped
    /// in between, the reference that it would have given is taken back.
    fn reply_with_reference<T: 'static>(
        &self,
        operation: impl FnOnce(&mut State) -> Result<T, Errno> + 'static,
        reference: fn(&T) -> Option<InodeNumber>,
    ) -> Answer<T> {
        let (before, behind) = (self.pauses(), self.pauses());
        if before == 0 {
            return Reply::Now(operation(&mut self.state.borrow_mut()));
        }
        let state = Rc::clone(&self.state);
        Reply::Later(Box::pin(async move {
            for _ in 1..before {
                pause().await;
            }
            let outcome = operation(&mut state.borrow_mut());
            let mut undelivered =
                Undelivered { inode: outcome.as_ref().ok().and_then(reference), state };
            for _ in 0..behind {
                pause().await;
            }
            undelivered.inode = None;
            outcome
        }))
    }
}

/// A reference that the vfs has not heard of yet.
struct Undelivered {
    inode: Option<InodeNumber>,
    state: Rc<RefCell<State>>,
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        if let Some(inode) = self.inode {
            self.state.borrow_mut().forget(inode.0, 1);
        }
    }
}

fn owned(name: Name<'_>) -> At {
    (name.directory.0, name.name.to_vec())
}

impl FileSystem for FakeFileSystem {
    fn root(&self) -> InodeNumber {
        InodeNumber(ROOT)
    }

    fn contents(&self) -> ContentsIn {
        ContentsIn::Backing
    }

    fn validity(&self) -> Validity {
        self.validity
    }

    fn lookup(&self, at: Name<'_>) -> Answer<Node> {
        let at = owned(at);
        self.reply_with_reference(move |state| state.lookup(&at), |node| Some(node.inode))
    }

    fn create(&self, at: Name<'_>, new: &NewNode<'_>) -> Answer<Created> {
        let (at, target) = (owned(at), new.target.to_vec());
        let new = NewNode {
            target: &[],
            kind: new.kind,
            permissions: new.permissions,
            uid: new.uid,
            gid: new.gid,
            special_device: new.special_device,
            time: new.time,
        };
        let create = move |state: &mut State| {
            let new = NewNode { target: &target, ..new };
            state.create(&at, &new)
        };
        self.reply_with_reference(create, |created| Some(created.node.inode))
    }

    fn link(&self, inode: InodeNumber, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        let at = owned(at);
        self.reply(move |state| state.link(inode.0, &at, time))
    }

    fn unlink(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        let at = owned(at);
        self.reply(move |state| state.unlink(&at, time))
    }

    fn rmdir(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        let at = owned(at);
        self.reply(move |state| state.rmdir(&at, time))
    }

    fn rename(
        &self,
        from: Name<'_>,
        to: Name<'_>,
        flags: RenameFlags,
        time: Timestamp,
    ) -> Answer<Renamed> {
        let (from, to) = (owned(from), owned(to));
        self.reply(move |state| state.rename(&from, &to, flags, time))
    }

    fn attributes(&self, inode: InodeNumber) -> Answer<Attributes> {
        self.reply(move |state| Ok(state.node(inode.0).attributes))
    }

    fn set_attributes(&self, inode: InodeNumber, changes: &Changes) -> Answer<Attributes> {
        let changes = *changes;
        self.reply(move |state| Ok(state.set_attributes(inode.0, &changes)))
    }

    fn read_directory(
        &self,
        directory: InodeNumber,
        cookie: u64,
        records: DirectoryWriter,
    ) -> Answer<DirectoryPart> {
        self.reply(move |state| Ok(state.read_directory(directory.0, cookie, records)))
    }

    fn read_symlink(&self, inode: InodeNumber) -> Answer<Box<[u8]>> {
        self.reply(move |state| Ok(state.node(inode.0).target.clone().into()))
    }

    fn read_page(
        &self,
        inode: InodeNumber,
        index: u64,
        mut page: Box<PageBytes>,
    ) -> Answer<Box<PageBytes>> {
        assert_eq!(self.validity, Validity::UntilChanged, "pages are kept");
        self.reply(move |state| {
            state.read_page(inode.0, index, &mut page);
            Ok(page)
        })
    }

    fn write_page(
        &self,
        inode: InodeNumber,
        index: u64,
        page: &PageBytes,
        len: usize,
    ) -> Answer<()> {
        assert_eq!(self.validity, Validity::UntilChanged, "pages were kept");
        let page = Box::new(*page);
        self.reply(move |state| state.write_page(inode.0, index, &page, len))
    }

    fn status(&self) -> Answer<FilesystemStatus> {
        self.reply(|_| Ok(FilesystemStatus { blocks: 7, max_name: 255, ..Default::default() }))
    }

    fn read(&self, inode: InodeNumber, offset: u64, len: usize) -> Answer<Vec<u8>> {
        assert_eq!(self.validity, Validity::Momentary, "contents are read by pages");
        self.reply(move |state| Ok(state.read(inode.0, offset, len)))
    }

    fn write(&self, inode: InodeNumber, at: WriteAt, bytes: Vec<u8>) -> Answer<usize> {
        assert_eq!(self.validity, Validity::Momentary, "contents are written by pages");
        self.reply(move |state| state.write(inode.0, at, &bytes))
    }

    fn sync(&self, _: Durable) -> Answer<()> {
        self.reply(move |state| {
            state.syncs += 1;
            Ok(())
        })
    }

    fn forget(&self, inode: InodeNumber, references: u64) {
        self.state.borrow_mut().forget(inode.0, references);
    }
}
