//! A client that puts requests into entries and reads completions, without rings between.

use super::{System, block_on};
use dataplane::entry::{CqeFlags, Errno, Handle, Sqe};
use dataplane::file::{
    DirectoryReader, FileStatus, OpenFlags, RenameFlags, Request, SyncKind, UnlinkKind,
};
use dataplane::grant::GrantId;
use dataplane::platform::{Access, Memory, Writer};
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{
    Arena, ArenaRange, Credentials, Quota, Region, SessionId, SessionInfo, SessionRights, WaitMode,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use vfs::{PinnedPages, Session, VfsService};
use zerocopy::FromBytes;

/// Bytes of a client's arena: two paths, a record, and data.
const ARENA: u64 = 4 << 20;
pub(crate) const SECOND_PATH: u32 = 8192;
pub(crate) const RECORD: u32 = 16384;
pub(crate) const DATA: u32 = 32768;

pub(crate) const READ: OpenFlags = OpenFlags::empty();
pub(crate) const WRITE: OpenFlags = OpenFlags::WRITE_ONLY;
pub(crate) const BOTH: OpenFlags = OpenFlags::READ_WRITE;

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(1) };
}

/// What a broker would say of a session; the arena is made by [`Client::new`].
pub(crate) struct Terms {
    pub(crate) rights: SessionRights,
    pub(crate) quota: Quota,
    pub(crate) credentials: Vec<Credentials>,
}

/// The terms of a session that acts as one user.
pub(crate) fn session(uid: u32, gid: u32) -> Terms {
    Terms {
        rights: SessionRights::all(),
        quota: Quota::default(),
        credentials: vec![Credentials { uid, gid, groups: vec![] }],
    }
}

/// A client.
pub(crate) struct Client {
    pub(crate) id: SessionId,
    pub(crate) root: Handle,
    pub(crate) arena: Region,
    /// Index of the credentials that requests act as.
    pub(crate) credential: Cell<u16>,
    /// What completions hold, until [`Client::consume`].
    pub(crate) unconsumed: RefCell<Vec<PinnedPages>>,
    service: Rc<VfsService>,
    session: Option<Rc<Session>>,
}

pub(crate) type Outcome<T> = Result<T, Errno>;

impl Client {
    pub(crate) fn new(system: &System, terms: Terms) -> Self {
        let id = SessionId(NEXT.replace(NEXT.get() + 1));
        let made = system.memory.create(ARENA, Writer::Client).unwrap();
        let arena = system.memory.map(&made.writable, Access::ReadWrite);
        let arena = arena.unwrap();
        let info = SessionInfo {
            id,
            epoch: 1,
            badge: 0,
            rights: terms.rights,
            quota: terms.quota,
            credentials: terms.credentials,
            queues: 1,
            geometry: rings::Geometry::default(),
            waiting: WaitMode::default(),
            arena: Arena::new(arena.clone()),
        };
        let (session, root) = system.service.open_session(&info).unwrap();
        Self {
            id,
            root,
            arena,
            credential: Cell::new(0),
            unconsumed: RefCell::default(),
            service: Rc::clone(&system.service),
            session: Some(session),
        }
    }

    /// Has an entry answered, now or later.
    pub(crate) fn submit(&self, sqe: &Sqe) -> Answer<PinnedPages> {
        self.service.request(self.session.as_ref().unwrap(), sqe)
    }

    pub(crate) fn submit_request(&self, request: &Request) -> Answer<PinnedPages> {
        self.submit(&Sqe { credential: self.credential.get(), ..request.to_sqe() })
    }

    /// Has a request answered; the completion is not consumed yet.
    pub(crate) fn run(&self, request: &Request) -> Outcome<(u32, CqeFlags, u64)> {
        let completion = finish(self.submit_request(request));
        self.unconsumed.borrow_mut().extend(completion.held);
        let count = completion.status.result()?;
        Ok((count, completion.flags, completion.aux))
    }

    /// Consumes all completions.
    pub(crate) fn consume(&self) {
        let held = self.unconsumed.take();
        drop(held);
    }

    /// Puts a path into the arena.
    pub(crate) fn path(&self, path: &str, at: u32) -> ArenaRange {
        self.arena.write(at as usize, path.as_bytes()).unwrap();
        ArenaRange { offset: at, len: u32::try_from(path.len()).unwrap() }
    }

    pub(crate) fn open_request(
        &self,
        from: Handle,
        path: &str,
        flags: OpenFlags,
        mode: u32,
    ) -> Request {
        Request::OpenAt { directory: from, path: self.path(path, 0), flags, mode }
    }

    pub(crate) fn open_at(
        &self,
        from: Handle,
        path: &str,
        flags: OpenFlags,
        mode: u32,
    ) -> Outcome<Handle> {
        let (_, _, aux) = self.run(&self.open_request(from, path, flags, mode))?;
        Ok(Handle::from_word(aux).unwrap())
    }

    pub(crate) fn open(&self, path: &str, flags: OpenFlags) -> Outcome<Handle> {
        self.open_at(self.root, path, flags, 0)
    }

    pub(crate) fn create(&self, path: &str, mode: u32) -> Outcome<Handle> {
        self.open_at(self.root, path, BOTH | OpenFlags::CREATE, mode)
    }

    pub(crate) fn close(&self, handle: Handle) -> Outcome<()> {
        self.run(&Request::Close { handle }).map(drop)
    }

    pub(crate) fn write_request(&self, handle: Handle, offset: u64, bytes: &[u8]) -> Request {
        self.arena.write(DATA as usize, bytes).unwrap();
        Request::Write {
            handle,
            offset,
            from: ArenaRange { offset: DATA, len: u32::try_from(bytes.len()).unwrap() },
        }
    }

    pub(crate) fn write(&self, handle: Handle, offset: u64, bytes: &[u8]) -> Outcome<usize> {
        let (count, ..) = self.run(&self.write_request(handle, offset, bytes))?;
        Ok(count as usize)
    }

    pub(crate) fn write_all(
        &self,
        handle: Handle,
        mut offset: u64,
        mut bytes: &[u8],
    ) -> Outcome<()> {
        while !bytes.is_empty() {
            let written = self.write(handle, offset, &bytes[..bytes.len().min(1 << 20)])?;
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    pub(crate) fn read_request(handle: Handle, offset: u64, len: u32) -> Request {
        let into = ArenaRange { offset: DATA, len };
        Request::Read { handle, offset, into }
    }

    pub(crate) fn read(&self, handle: Handle, offset: u64, len: usize) -> Outcome<Vec<u8>> {
        // What is not written shows.
        self.arena.write(DATA as usize, &vec![0xee; len]).unwrap();
        let len = u32::try_from(len).unwrap();
        let (count, ..) = self.run(&Self::read_request(handle, offset, len))?;
        let mut bytes = vec![0; count as usize];
        self.arena.read(DATA as usize, &mut bytes).unwrap();
        Ok(bytes)
    }

    pub(crate) fn truncate(&self, handle: Handle, size: u64) -> Outcome<()> {
        self.run(&Request::Ftruncate { handle, size }).map(drop)
    }

    pub(crate) fn sync(&self, handle: Handle) -> Outcome<()> {
        let kind = SyncKind::All;
        self.run(&Request::Fsync { handle, kind }).map(drop)
    }

    pub(crate) fn stat_at(&self, handle: Handle, path: &str, follow: bool) -> Outcome<FileStatus> {
        let into = ArenaRange { offset: RECORD, len: u32::try_from(FileStatus::BYTES).unwrap() };
        let path = self.path(path, 0);
        self.run(&Request::Statx { handle, path, follow, into })?;
        let mut bytes = [0; FileStatus::BYTES];
        self.arena.read(RECORD as usize, &mut bytes).unwrap();
        Ok(FileStatus::read_from_bytes(&bytes).unwrap())
    }

    pub(crate) fn stat(&self, path: &str) -> Outcome<FileStatus> {
        self.stat_at(self.root, path, true)
    }

    pub(crate) fn mkdir(&self, path: &str, mode: u32) -> Outcome<()> {
        let path = self.path(path, 0);
        let directory = self.root;
        self.run(&Request::MkdirAt { directory, path, mode }).map(drop)
    }

    pub(crate) fn remove(&self, path: &str, kind: UnlinkKind) -> Outcome<()> {
        let path = self.path(path, 0);
        let directory = self.root;
        self.run(&Request::UnlinkAt { directory, path, kind }).map(drop)
    }

    pub(crate) fn unlink(&self, path: &str) -> Outcome<()> {
        self.remove(path, UnlinkKind::File)
    }

    pub(crate) fn rmdir(&self, path: &str) -> Outcome<()> {
        self.remove(path, UnlinkKind::Directory)
    }

    pub(crate) fn rename_with(&self, old: &str, new: &str, flags: RenameFlags) -> Outcome<()> {
        let (old, new) = (self.path(old, 0), self.path(new, SECOND_PATH));
        self.run(&Request::RenameAt { from: self.root, old, to: self.root, new, flags }).map(drop)
    }

    pub(crate) fn rename(&self, old: &str, new: &str) -> Outcome<()> {
        self.rename_with(old, new, RenameFlags::empty())
    }

    /// Entries behind a cookie, as many as fit: cookie and name.
    pub(crate) fn list_part(
        &self,
        handle: Handle,
        cookie: u64,
        bytes: u32,
    ) -> Outcome<Vec<(u64, String)>> {
        let into = ArenaRange { offset: DATA, len: bytes };
        let (count, _, next) = self.run(&Request::Getdents { handle, cookie, into })?;
        let mut records = vec![0; count as usize];
        self.arena.read(DATA as usize, &mut records).unwrap();
        let entries: Vec<_> = DirectoryReader::new(&records)
            .map(|entry| {
                let name = String::from_utf8(entry.name.to_vec()).unwrap();
                (entry.cookie, name)
            })
            .collect();
        let last = entries.last().map_or(cookie, |(cookie, _)| *cookie);
        assert_eq!(next, last, "the second result is where to go on");
        Ok(entries)
    }

    /// All names in a directory, sorted, without `.` and `..`.
    pub(crate) fn list(&self, path: &str) -> Outcome<Vec<String>> {
        let handle = self.open(path, OpenFlags::DIRECTORY)?;
        let names = self.list_all(handle);
        self.close(handle)?;
        let mut names = names?;
        assert_eq!(names[..2], [".", ".."]);
        let mut names = names.split_off(2);
        names.sort();
        Ok(names)
    }

    fn list_all(&self, handle: Handle) -> Outcome<Vec<String>> {
        let (mut names, mut cookie) = (vec![], 0);
        loop {
            let part = self.list_part(handle, cookie, 96)?;
            let Some((last, _)) = part.last() else { return Ok(names) };
            cookie = *last;
            names.extend(part.into_iter().map(|(_, name)| name));
        }
    }

    pub(crate) fn grant_request(handle: Handle, offset: u64, len: u32, hold: bool) -> Request {
        Request::ReadGrant { handle, offset, len, hold }
    }

    /// Bytes, and the grant unless there are none.
    pub(crate) fn read_grant(
        &self,
        handle: Handle,
        offset: u64,
        len: u32,
        hold: bool,
    ) -> Outcome<(u32, GrantId)> {
        let request = Self::grant_request(handle, offset, len, hold);
        let (count, flags, aux) = self.run(&request)?;
        assert_eq!(flags.contains(CqeFlags::GRANT), count > 0);
        Ok((count, GrantId::from_word(aux)))
    }

    pub(crate) fn release(&self, grant: u32, count: u32) -> Outcome<()> {
        self.run(&Request::Release { grant, count }).map(drop)
    }

    /// Ends the session.
    pub(crate) fn disconnect(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.consume();
        if let Some(session) = self.session.take() {
            self.service.close_session(&session);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for an answer.
pub(crate) fn finish(answer: Answer<PinnedPages>) -> Completion<PinnedPages> {
    match answer {
        Answer::Now(completion) => completion,
        Answer::Later(future) => block_on(future),
        Answer::Many(_) => panic!("it has many completions"),
    }
}
