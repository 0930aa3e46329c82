//! One queue of a session: submit, poll, wait.

use super::buffers::{Buffer, BufferPool};
use super::error::ClientError;
use super::in_flight::{Done, InFlight, Shots, Ticket};
use super::mapped::MappedGrants;
use crate::entry::{Cqe, CqeFlags, Errno, Opcode, Sqe, SqeFlags};
use crate::file::WatchEvents;
use crate::memory::{Arena, ArenaRange, Owner, Region, Word};
use crate::platform::{Doorbell, Instant, Waiting};
use crate::wait::{Party, WaitMode, Waiter};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use rings::sync::Ordering;
use rings::{ClientQueue, Completion, Geometry, OutOfBounds};

/// Where a client gets the memory that a grant names, and hears that the system is gone.
pub trait GrantSource: Send + Sync {
    /// Asks the broker for a grant's region and maps it read-only.
    ///
    /// # Errors
    /// The broker's answer.
    fn map(&self, grant: u32) -> Result<Region, Errno>;

    /// Makes the pages of a part of a mapped region readable without a page fault each. Only a
    /// hint: it may do nothing.
    fn prefault(&self, region: &Region, offset: usize, len: usize);

    /// Whether the connection to the broker still stands.
    fn is_connected(&self) -> bool;
}

/// What a queue is made of; from connecting.
pub struct QueueParts {
    /// This queue's client block.
    pub client_block: Region,
    /// This queue's service block.
    pub service_block: Region,
    /// Its sizes.
    pub geometry: Geometry,
    /// The session's arena.
    pub arena: Arena,
    /// This queue's share of it.
    pub share: ArenaRange,
    /// How to wait.
    pub waiting_mode: WaitMode,
    /// Time and waiting.
    pub waiting: Arc<dyn Waiting>,
    /// The session's doorbell.
    pub doorbell: Arc<dyn Doorbell>,
    /// Grants, and the connection.
    pub grants: Arc<dyn GrantSource>,
    /// Reads 1 in the process that connected, 0 in a forked child.
    pub fork_guard: Word,
}

/// One queue; one thread drives it.
pub struct Queue {
    pub(super) ring: ClientQueue<Owner>,
    pub(super) arena: Arena,
    pub(super) buffers: BufferPool,
    pub(super) in_flight: InFlight,
    /// Completions that were taken out of the ring while waiting for another one.
    pub(super) kept: usize,
    pub(super) waiter: Waiter,
    pub(super) looks: u32,
    pub(super) waiting: Arc<dyn Waiting>,
    pub(super) doorbell: Arc<dyn Doorbell>,
    pub(super) grants: Arc<dyn GrantSource>,
    pub(super) mapped: MappedGrants,
    pub(super) fork_guard: Word,
    pub(super) ended: Option<ClientError>,
    /// Whether anything was submitted or consumed since the service was last looked after.
    pub(super) unnotified: bool,
    pub(super) safety_wakes: u64,
    /// The watch that is asked first, by index, so that none is passed over.
    pub(super) next_watch: usize,
    pub(super) acting_as: u16,
}

impl Queue {
    /// Takes up a queue that has not been used yet.
    ///
    /// # Errors
    /// [`OutOfBounds`] if a block is smaller than the geometry says.
    pub fn new(parts: QueueParts) -> Result<Self, OutOfBounds> {
        let ring = ClientQueue::new(&parts.client_block, &parts.service_block, parts.geometry)?;
        ring.set_cpu(parts.waiting.cpu());
        Ok(Self {
            ring,
            arena: parts.arena,
            buffers: BufferPool::new(parts.share.offset, parts.share.len),
            in_flight: InFlight::new(parts.geometry.cq_entries()),
            kept: 0,
            waiter: Waiter::new(parts.waiting_mode, Party::Client),
            looks: 0,
            waiting: parts.waiting,
            doorbell: parts.doorbell,
            grants: parts.grants,
            mapped: MappedGrants::default(),
            fork_guard: parts.fork_guard,
            ended: None,
            unnotified: false,
            safety_wakes: 0,
            next_watch: 0,
            acting_as: 0,
        })
    }

    /// Whom entries submitted from now on act as that do not say it themselves: an index of the
    /// session's principals. At first 0, the client itself.
    pub fn act_as(&mut self, credential: u16) {
        self.acting_as = credential;
    }

    /// Changes how this side waits.
    pub fn set_wait_mode(&mut self, mode: WaitMode) {
        self.waiter = Waiter::new(mode, Party::Client);
    }

    /// Takes a part of the arena.
    ///
    /// # Errors
    /// [`ClientError::NoBuffer`].
    #[inline]
    pub fn buffer(&mut self, bytes: usize) -> Result<Buffer, ClientError> {
        let error = ClientError::NoBuffer { bytes };
        self.buffers.take(u32::try_from(bytes).map_err(|_| error)?).ok_or(error)
    }

    /// Takes a part of the arena and copies bytes into it.
    ///
    /// # Errors
    /// [`ClientError::NoBuffer`].
    pub fn buffer_with(&mut self, bytes: &[u8]) -> Result<Buffer, ClientError> {
        let buffer = self.buffer(bytes.len())?;
        self.arena.write(buffer.range(), bytes)?;
        Ok(buffer)
    }

    /// Gives a part back. Requests that name it must have completed.
    pub fn give_back(&mut self, buffer: Buffer) {
        self.buffers.give_back(buffer);
    }

    /// The memory that buffers are parts of.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Requests submitted whose last completion was not taken yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.ring.in_flight() + self.kept as u64
    }

    /// Times that the client looked on its own because nobody had woken it, and found something:
    /// stays 0 unless a wake-up was lost.
    #[must_use]
    pub fn safety_wakes(&self) -> u64 {
        self.safety_wakes
    }

    /// Submits an entry; its `user_data` is replaced.
    ///
    /// # Errors
    /// [`ClientError::Full`], or the session is over.
    #[inline]
    pub fn submit(&mut self, sqe: Sqe) -> Result<Ticket, ClientError> {
        let ticket = self.publish(sqe)?;
        self.notify();
        Ok(ticket)
    }

    /// Submits as many entries as fit, in order, and wakes the service once. Returns the tickets
    /// of those submitted.
    ///
    /// # Errors
    /// The session is over.
    pub fn submit_many(&mut self, entries: &[Sqe]) -> Result<Vec<Ticket>, ClientError> {
        let mut tickets = Vec::with_capacity(entries.len());
        for sqe in entries {
            match self.publish(*sqe) {
                Ok(ticket) => tickets.push(ticket),
                Err(ClientError::Full) => break,
                Err(error) => return Err(error),
            }
        }
        self.notify();
        Ok(tickets)
    }

    /// Publishes an entry without looking whether the service sleeps: [`Queue::notify`] does, and
    /// so does every wait before it begins.
    ///
    /// # Errors
    /// See [`Queue::submit`].
    #[inline]
    pub fn publish(&mut self, sqe: Sqe) -> Result<Ticket, ClientError> {
        if let Some(error) = self.ended {
            return Err(error);
        }
        if self.fork_guard.load(Ordering::Relaxed) == 0 {
            return Err(ClientError::Forked);
        }
        let ticket = self.in_flight.next().ok_or(ClientError::Full)?;
        let credential = if sqe.credential == 0 { self.acting_as } else { sqe.credential };
        let entry = Sqe { user_data: ticket.0, credential, ..sqe };
        self.ring.submit(&entry.to_words()).map_err(|_| ClientError::Full)?;
        self.in_flight.start(largest_count(&sqe), shots(&sqe));
        self.unnotified = true;
        Ok(ticket)
    }

    /// Wakes the service if it sleeps.
    #[inline]
    pub fn notify(&mut self) {
        self.unnotified = false;
        if self.ring.must_ring() {
            self.doorbell.ring();
        }
    }

    /// The processor that the service last ran on; a hint.
    #[must_use]
    pub fn service_cpu(&self) -> Option<u64> {
        self.ring.service_cpu()
    }

    /// Takes the next completion, if there is one.
    ///
    /// # Errors
    /// The session is over and nothing is left to take.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Done>, ClientError> {
        if self.kept > 0
            && let Some(done) = self.in_flight.take_any()
        {
            self.kept -= 1;
            return Ok(Some(done));
        }
        let Some((words, done)) = self.peek()? else { return Ok(None) };
        self.consume(&words, &done)?;
        self.in_flight.end_if_last(&done);
        Ok(Some(done))
    }

    /// Waits for the next completion.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`], [`ClientError::Interrupted`], or the session is over.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Result<Done, ClientError> {
        loop {
            if let Some(done) = self.poll()? {
                return Ok(done);
            }
            self.pause(deadline)?;
        }
    }

    /// Waits for the completion of one request; others are kept for later.
    ///
    /// # Errors
    /// See [`Queue::wait`]; the request stays in flight.
    #[inline]
    pub fn wait_for(&mut self, ticket: Ticket) -> Result<Done, ClientError> {
        self.wait_for_with(ticket, |_, done| done)
    }

    /// The same, and looks at the completion while what it grants is sure to stay granted.
    ///
    /// # Errors
    /// See [`Queue::wait`]; the request stays in flight.
    #[inline]
    pub(super) fn wait_for_with<R>(
        &mut self,
        ticket: Ticket,
        look: impl FnOnce(&mut Self, Done) -> R,
    ) -> Result<R, ClientError> {
        if self.kept > 0
            && let Some(done) = self.in_flight.take(ticket)
        {
            self.kept -= 1;
            return Ok(look(self, done));
        }
        loop {
            match self.peek()? {
                Some((words, done)) if done.ticket == ticket => {
                    let result = look(self, done);
                    self.consume(&words, &done)?;
                    self.in_flight.end_if_last(&done);
                    return Ok(result);
                }
                Some((words, done)) => self.put_aside(&words, done)?,
                None => self.pause(None)?,
            }
        }
    }

    /// Submits and waits for the answer, which must not be an error.
    ///
    /// # Errors
    /// [`ClientError::Service`] with the service's answer, or the session is over. A signal does
    /// not end the wait.
    #[inline]
    pub fn call(&mut self, sqe: Sqe) -> Result<Done, ClientError> {
        let ticket = self.submit_waiting(sqe)?;
        loop {
            match self.wait_for(ticket) {
                Err(ClientError::Interrupted) => {}
                Err(error) => return Err(error),
                Ok(done) => {
                    done.status.result()?;
                    return Ok(done);
                }
            }
        }
    }

    /// Submits; while the queue is full, takes completions and keeps them.
    ///
    /// # Errors
    /// The session is over; [`ClientError::Full`] if every slot is taken by completions that
    /// nobody has asked for, or by requests that end only when they are told to.
    #[inline]
    pub fn submit_waiting(&mut self, sqe: Sqe) -> Result<Ticket, ClientError> {
        self.with_room(|queue| queue.submit(sqe))
    }

    /// Tries again while the queue is full and the service can still make room.
    ///
    /// # Errors
    /// See [`Queue::submit_waiting`].
    #[inline]
    pub(super) fn with_room<T>(
        &mut self,
        mut submit: impl FnMut(&mut Self) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        loop {
            match submit(self) {
                // Only what the service has yet to answer; what is kept stays until it is taken.
                Err(ClientError::Full) if self.ring.in_flight() > self.in_flight.many() => {
                    self.make_room()?;
                }
                result => return result,
            }
        }
    }

    /// Takes a completion and keeps it, or lets the service get on if there is none.
    #[cold]
    fn make_room(&mut self) -> Result<(), ClientError> {
        match self.peek()? {
            Some((words, done)) => self.put_aside(&words, done),
            None => self.give_way(),
        }
    }

    /// Drops whatever completions of a request are still to come: nobody waits for it any more.
    /// It stays in flight until it has ended; memory that it names must be left alone.
    pub fn forget(&mut self, ticket: Ticket) {
        self.kept -= self.in_flight.forget(ticket);
    }

    /// Reads the next completion that somebody wants and matches it; it stays in the ring.
    #[inline]
    fn peek(&mut self) -> Result<Option<(rings::CqeWords, Done)>, ClientError> {
        loop {
            let Some((words, done)) = self.peek_any()? else { return Ok(None) };
            if !self.in_flight.is_forgotten(done.ticket) {
                return Ok(Some((words, done)));
            }
            self.consume(&words, &done)?;
            self.in_flight.end_if_last(&done);
        }
    }

    #[inline]
    fn peek_any(&mut self) -> Result<Option<(rings::CqeWords, Done)>, ClientError> {
        let Some(words) = self.ring.peek().map_err(|_| self.end(ClientError::Corrupt))? else {
            return match self.ended {
                Some(error) => Err(error),
                None => Ok(None),
            };
        };
        let cqe = Cqe::from_words(words);
        let done = Done {
            ticket: Ticket(cqe.user_data),
            status: cqe.status(),
            flags: cqe.flags(),
            aux: cqe.aux,
        };
        let done = self.in_flight.check(done).map_err(|_| self.end(ClientError::Corrupt))?;
        self.waiter.found();
        self.looks = 0;
        Ok(Some((words, done)))
    }

    #[inline]
    fn consume(&mut self, words: &rings::CqeWords, done: &Done) -> Result<(), ClientError> {
        let kind =
            if done.flags.contains(CqeFlags::MORE) { Completion::More } else { Completion::Last };
        self.unnotified = true;
        self.in_flight.consumed(done);
        self.ring.consume(words, kind).map_err(|_| self.end(ClientError::Corrupt))
    }

    fn put_aside(&mut self, words: &rings::CqeWords, done: Done) -> Result<(), ClientError> {
        self.consume(words, &done)?;
        self.in_flight.keep(done).map_err(|_| self.end(ClientError::Corrupt))?;
        self.kept += 1;
        Ok(())
    }

    /// Keeps every completion that is there for the tasks that wait for them.
    pub(super) fn drain(&mut self) -> Result<(), ClientError> {
        while let Some((words, done)) = self.peek()? {
            self.put_aside(&words, done)?;
        }
        Ok(())
    }

    pub(super) fn take_kept(&mut self, ticket: Ticket) -> Option<Done> {
        let done = self.in_flight.take(ticket)?;
        self.kept -= 1;
        Some(done)
    }

    pub(super) fn wake_with(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        self.in_flight.wake_with(ticket, waker)
    }
}

/// The largest status that a service may answer.
#[inline]
fn largest_count(sqe: &Sqe) -> u32 {
    match sqe.opcode() {
        Opcode::Cancel | Opcode::Unknown(_) => u32::MAX,
        Opcode::Watch => WatchEvents::all().bits(),
        // Written to the second range, whose length is the upper half of its word.
        Opcode::ReadlinkAt | Opcode::Getxattr => u32::try_from(sqe.arg0 >> 32).unwrap_or(0),
        _ => sqe.len,
    }
}

/// How many completions an entry asks for.
#[inline]
fn shots(sqe: &Sqe) -> Shots {
    if sqe.flags & SqeFlags::MULTISHOT.bits() == 0 { Shots::One } else { Shots::Many }
}
