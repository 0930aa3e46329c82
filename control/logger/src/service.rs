//! The logger as a service: entries and messages in, records kept, counts out.

use crate::files::{FrameReader, frame};
use crate::limit::Limit;
use crate::message::{Message, PageWriter};
use crate::recent::{Kept, Recent};
use crate::sources::{INIT_SOURCE, Sources};
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use capability::Rights;
use control::log_files::LogFiles;
use control::platform::Machine;
use control::service::{Sender, Service};
use core::cell::{Cell, RefCell};
use dataplane::entry::{Errno, Handle, Opcode, Sqe, Status};
use dataplane::log::{Append, Level, Record};
use dataplane::service::{Answer, Completion, DataService};
use dataplane::{Arena, HandleTable, SessionInfo, SessionRights};

/// How often it is told how many records of a source were over its limit, ns.
const TELL_EVERY_NS: u64 = 1_000_000_000;
/// Most bytes that wait for the files.
const MAX_UNWRITTEN: usize = 4 << 20;

/// Sizes and limits.
#[derive(Clone, Copy, Debug)]
pub struct LoggerConfig {
    /// Memory for the newest records, bytes.
    pub memory_bytes: usize,
    /// How many records a source may have kept.
    pub limit: Limit,
}

impl Default for LoggerConfig {
    fn default() -> Self {
        Self { memory_bytes: 4 << 20, limit: Limit { rate: 2_000, burst: 4_000 } }
    }
}

/// The service.
pub struct LoggerService(Rc<Inner>);

struct Inner {
    config: LoggerConfig,
    machine: Machine,
    files: Option<Box<dyn LogFiles>>,
    recent: RefCell<Recent>,
    sources: RefCell<Sources>,
    /// Frames that are to be written.
    unwritten: RefCell<Vec<u8>>,
    is_writing: Cell<bool>,
    /// Whether the files could not be written last, which was told.
    is_failing: Cell<bool>,
}

/// A session: whose it is, and where its records are.
pub struct Session {
    /// The source, once it has said something; and what it is told by.
    source: Cell<Option<u64>>,
    badge: u64,
    uid: u32,
    arena: Arena,
    rights: SessionRights,
    /// What the source had dropped when it said so last in this session.
    dropped: Cell<u64>,
}

impl LoggerService {
    /// A logger that keeps records in memory, and in files if there are any.
    #[must_use]
    pub fn new(config: LoggerConfig, machine: Machine, files: Option<Box<dyn LogFiles>>) -> Self {
        let sources = Sources::new(config.limit, machine.waiting.now());
        let inner = Inner {
            config,
            machine,
            files,
            recent: RefCell::new(Recent::new(config.memory_bytes)),
            sources: RefCell::new(sources),
            unwritten: RefCell::default(),
            is_writing: Cell::new(false),
            is_failing: Cell::new(false),
        };
        Self(Rc::new(inner))
    }
}

impl DataService for LoggerService {
    type Session = Session;
    type Held = ();

    fn open_session(&self, info: &SessionInfo) -> Result<(Rc<Session>, Handle), Errno> {
        let session = Session {
            source: Cell::new(None),
            badge: info.badge,
            uid: info.credentials.first().map_or(u32::MAX, |user| user.uid),
            arena: info.arena.clone(),
            rights: info.rights,
            dropped: Cell::new(0),
        };
        Ok((Rc::new(session), HandleTable::new(1).insert(())?))
    }

    fn close_session(&self, _: &Rc<Session>) {}

    fn supports(&self, opcode: Opcode) -> bool {
        opcode == Opcode::Append
    }

    fn request(self: &Rc<Self>, session: &Rc<Session>, sqe: &Sqe) -> Answer<()> {
        match self.0.append(session, sqe) {
            Ok(count) => self.0.written(Completion::new(Status::count(count))),
            Err(errno) => Answer::Now(errno.into()),
        }
    }
}

impl Service for LoggerService {
    fn name(&self) -> &'static str {
        "logger"
    }

    async fn start(&self) -> Result<(), Errno> {
        let inner = &self.0;
        let Some(files) = &inner.files else { return Ok(()) };
        let bytes = files.newest(inner.config.memory_bytes as u64).await?;
        let mut reader = FrameReader::new(&bytes);
        let mut before = None;
        while let Some((source, record)) = reader.next() {
            before.get_or_insert(reader.skipped);
            let source = inner.sources.borrow_mut().named(&source, inner.machine.waiting.now());
            inner.keep(Kept { source, bytes: record.encode(), is_received: false });
        }
        // What is taken of the files may begin within a record.
        let is_part = bytes.len() >= inner.config.memory_bytes;
        let damaged = reader.skipped - if is_part { before.unwrap_or(0) } else { 0 };
        if damaged > 0 {
            let text = format!("{damaged} bytes of the log files are damaged");
            inner.note(INIT_SOURCE, Level::Warning, text);
        }
        Ok(())
    }

    async fn handle_message(&self, sender: Sender, message: &[u8]) -> Result<Vec<u8>, Errno> {
        let inner = &self.0;
        let needs = |right: Rights| match sender.rights.contains(right) {
            true => Ok(()),
            false => Err(Errno::EPERM),
        };
        match Message::parse(message).ok_or(Errno::EOPNOTSUPP)? {
            Message::Source { badge, name } => {
                needs(Rights::CAP_SERVICE)?;
                inner.sources.borrow_mut().set_badge(badge, name, inner.machine.waiting.now());
                Ok(Vec::new())
            }
            Message::Record { dropped, bytes } => {
                needs(Rights::CAP_SERVICE)?;
                if let Some(source) = inner.sources.borrow_mut().one_mut(INIT_SOURCE) {
                    source.has_dropped(dropped);
                }
                inner.receive(INIT_SOURCE, bytes)?;
                inner.write().await;
                Ok(Vec::new())
            }
            Message::Read { cursor, level, source } => {
                needs(Rights::AUDIT)?;
                Ok(inner.page(cursor, level, source))
            }
            Message::Sources { cursor } => {
                needs(Rights::AUDIT)?;
                Ok(inner.sources_page(cursor))
            }
        }
    }

    async fn stop(&self) {
        self.0.write().await;
        if let Some(files) = &self.0.files {
            // What cannot be made durable now never will be.
            let _ = files.sync().await;
        }
    }
}

impl Inner {
    /// The source that a session is of.
    fn source(&self, session: &Session) -> u64 {
        let known = session.source.get().unwrap_or_else(|| {
            let now = self.machine.waiting.now();
            self.sources.borrow_mut().of_session(session.badge, session.uid, now)
        });
        session.source.set(Some(known));
        known
    }

    fn append(&self, session: &Session, sqe: &Sqe) -> Result<u32, Errno> {
        let append = Append::parse(sqe)?;
        if !session.rights.contains(SessionRights::WRITE) {
            return Err(Errno::EPERM);
        }
        let number = self.source(session);
        // First of all: it holds whatever the records are.
        let before = session.dropped.get();
        session.dropped.set(before.max(append.dropped));
        if let Some(source) = self.sources.borrow_mut().one_mut(number) {
            source.drop_more(append.dropped.saturating_sub(before));
        }
        let mut bytes = alloc::vec![0; append.records.len as usize];
        session.arena.read(append.records, &mut bytes)?;
        let mut rest = bytes.as_slice();
        let mut count = 0;
        while !rest.is_empty() {
            match self.receive(number, rest) {
                Ok(size) => rest = rest.get(size..).unwrap_or_default(),
                Err(errno) if count == 0 => return Err(errno),
                // What is before it was accepted, and the source hears of that.
                Err(_) => break,
            }
            count += 1;
        }
        Ok(count)
    }

    /// Takes the record at the beginning of some bytes, which a source has sent; returns its size.
    fn receive(&self, number: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let (_, size) = Record::parse(bytes).ok_or(Errno::EINVAL)?;
        let record = bytes.get(..size).unwrap_or_default();
        let now = self.machine.waiting.now();
        let mut sources = self.sources.borrow_mut();
        let source = sources.one_mut(number).ok_or(Errno::ESTALE)?;
        if !source.receive(self.config.limit, now) {
            return Ok(size);
        }
        let is_time = now.since_ns(source.told) >= TELL_EVERY_NS;
        let over = if is_time { core::mem::take(&mut source.over) } else { 0 };
        if over > 0 {
            source.told = now;
        }
        let name = source.name.clone();
        drop(sources);
        if over > 0 {
            let text = format!("{over} records of {name} were more than it may have kept");
            self.note(number, Level::Warning, text);
        }
        self.write_later(&name, record);
        self.keep(Kept { source: number, bytes: record.to_vec(), is_received: true });
        Ok(size)
    }

    /// Keeps a record of the logger's own about a source, among that source's.
    fn note(&self, number: u64, level: Level, message: String) {
        let time = self.machine.waiting.wall_clock();
        let record = Record { level, sequence: 0, time, pid: 0, message, fields: Vec::new() };
        let bytes = record.encode();
        self.write_later("logger", &bytes);
        self.keep(Kept { source: number, bytes, is_received: false });
    }

    fn keep(&self, record: Kept) {
        let gone = self.recent.borrow_mut().push(record);
        let mut sources = self.sources.borrow_mut();
        for record in gone.iter().filter(|record| record.is_received) {
            if let Some(source) = sources.one_mut(record.source) {
                source.counts.evicted += 1;
            }
        }
    }

    fn write_later(&self, name: &str, record: &[u8]) {
        if self.files.is_none() {
            return;
        }
        if self.unwritten.borrow().len() < MAX_UNWRITTEN {
            self.unwritten.borrow_mut().extend_from_slice(&frame(name, record));
        } else {
            self.note_failure("too slow");
        }
    }

    /// Says once that records do not get into the files.
    fn note_failure(&self, why: &str) {
        if !self.is_failing.replace(true) {
            let text =
                format!("the log files cannot be written: {why}; records are in memory alone");
            let time = self.machine.waiting.wall_clock();
            let (level, fields) = (Level::Error, Vec::new());
            let record = Record { level, sequence: 0, time, pid: 0, message: text, fields };
            self.keep(Kept { source: INIT_SOURCE, bytes: record.encode(), is_received: false });
        }
    }

    /// Completes now if somebody else writes, or nothing is to be written.
    fn written(self: &Rc<Self>, completion: Completion<()>) -> Answer<()> {
        if self.is_writing.get() || self.unwritten.borrow().is_empty() {
            return Answer::Now(completion);
        }
        let inner = Rc::clone(self);
        Answer::Later(Box::pin(async move {
            inner.write().await;
            completion
        }))
    }

    /// Writes all that is to be written, unless somebody is at it.
    async fn write(&self) {
        let Some(files) = &self.files else { return };
        if self.is_writing.replace(true) {
            return;
        }
        // Also if whoever waits for this goes away in between.
        let _writing = Writing(&self.is_writing);
        loop {
            let bytes = self.unwritten.take();
            if bytes.is_empty() {
                return;
            }
            match files.append(bytes).await {
                Ok(()) => self.is_failing.set(false),
                // A full disk is no reason to stop: what is in memory can be read.
                Err(errno) => self.note_failure(&format!("{errno}")),
            }
        }
    }

    fn page(&self, cursor: u64, level: Level, source: Option<&str>) -> Vec<u8> {
        let (recent, sources) = (self.recent.borrow(), self.sources.borrow());
        let mut page = PageWriter::new();
        for (id, kept) in recent.from(cursor) {
            let name = sources.one(kept.source).map_or("?", |source| &source.name);
            let is_meant = kept.level() <= level && source.is_none_or(|wanted| wanted == name);
            if is_meant && !page.push(name, &kept.bytes) {
                return page.finish(id, false);
            }
        }
        page.finish(recent.next(), true)
    }

    fn sources_page(&self, cursor: u64) -> Vec<u8> {
        let mut page = PageWriter::new();
        let mut next = cursor;
        for (number, source) in self.sources.borrow().from(cursor) {
            if !page.push_source(&source.report()) {
                return page.finish(number, false);
            }
            next = number + 1;
        }
        page.finish(next, true)
    }
}

/// Says at its end that nobody writes any more.
struct Writing<'a>(&'a Cell<bool>);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
