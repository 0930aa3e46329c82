//! One queue of a session: submit, poll, wait.

use super::buffers::{Buffer, BufferPool};
use super::error::ClientError;
use super::in_flight::{Done, InFlight, Shots, Ticket};
use super::mapped::MappedGrant;
use super::view::GrantView;
use crate::entry::{Cqe, CqeFlags, Errno, Opcode, Sqe, SqeFlags};
use crate::grant::GrantId;
use crate::memory::{Arena, ArenaRange, Owner, Region, Word};
use crate::platform::{Doorbell, Instant, Waiting, Wake};
use crate::wait::{Pace, Party, WaitMode, Waiter};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use rings::sync::Ordering;
use rings::{ClientQueue, Completion, Geometry, OutOfBounds, State};

/// Longest sleep before the client looks on its own, in case the whole system was killed at once
/// and nobody was left to wake it, ns.
const SAFETY_NET_NS: u64 = 1_000_000_000;
/// Grants kept mapped; the one longest unused goes first.
const GRANTS_KEPT: usize = 1024;
/// Looks without success between two looks at the session's state.
const LOOKS_PER_STATE: u32 = 256;

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
    ring: ClientQueue<Owner>,
    arena: Arena,
    buffers: BufferPool,
    in_flight: InFlight,
    /// Completions that were taken out of the ring while waiting for another one.
    kept: usize,
    waiter: Waiter,
    looks: u32,
    waiting: Arc<dyn Waiting>,
    doorbell: Arc<dyn Doorbell>,
    grants: Arc<dyn GrantSource>,
    mapped: Vec<MappedGrant>,
    fork_guard: Word,
    ended: Option<ClientError>,
    /// Whether anything was submitted or consumed since the service was last looked after.
    unnotified: bool,
    safety_wakes: u64,
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
            mapped: Vec::new(),
            fork_guard: parts.fork_guard,
            ended: None,
            unnotified: false,
            safety_wakes: 0,
        })
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
        let entry = Sqe { user_data: ticket.0, ..sqe };
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
    /// nobody has asked for.
    #[inline]
    pub fn submit_waiting(&mut self, sqe: Sqe) -> Result<Ticket, ClientError> {
        loop {
            match self.submit(sqe) {
                Err(ClientError::Full) if self.ring.in_flight() > 0 => match self.peek()? {
                    Some((words, done)) => self.put_aside(&words, done)?,
                    None => self.give_way()?,
                },
                result => return result,
            }
        }
    }

    /// Lets the service get on. Not asleep: nothing wakes a client when a submission slot is free.
    fn give_way(&mut self) -> Result<(), ClientError> {
        self.notify();
        self.waiting.yield_now();
        self.check_state()
    }

    /// Reads the next completion and matches it; it stays in the ring.
    #[inline]
    fn peek(&mut self) -> Result<Option<(rings::CqeWords, Done)>, ClientError> {
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
        self.ring.consume(words, kind).map_err(|_| self.end(ClientError::Corrupt))
    }

    fn put_aside(&mut self, words: &rings::CqeWords, done: Done) -> Result<(), ClientError> {
        self.consume(words, &done)?;
        self.in_flight.keep(done);
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

    /// Announces sleep; the word and value to sleep on, or `None` if there is something to do.
    pub(super) fn arm(&mut self) -> Result<Option<(Word, u64)>, ClientError> {
        if self.unnotified {
            self.notify();
        }
        let sequence = self.ring.arm();
        if self.ring.is_ready() || self.is_over() {
            self.ring.disarm();
            self.check_state()?;
            return Ok(None);
        }
        Ok(Some((self.ring.wake_sequence().clone(), sequence)))
    }

    pub(super) fn disarm(&mut self) {
        self.ring.disarm();
    }

    /// Nothing is there: spins, yields or sleeps once.
    #[inline]
    fn pause(&mut self, deadline: Option<Instant>) -> Result<(), ClientError> {
        self.looks = self.looks.wrapping_add(1);
        if self.unnotified {
            // The service may be waiting for completions to be consumed.
            self.notify();
        }
        let (ring, waiting) = (&self.ring, &*self.waiting);
        let pace = self.waiter.pace(|| {
            let cpu = waiting.cpu();
            ring.set_cpu(cpu);
            (waiting.now(), ring.service_cpu() == Some(cpu))
        });
        match pace {
            Pace::Spin => core::hint::spin_loop(),
            Pace::Yield => self.waiting.yield_now(),
            Pace::Sleep => return self.sleep(deadline),
        }
        if self.looks.is_multiple_of(LOOKS_PER_STATE) {
            self.check_state()?;
            if deadline.is_some_and(|deadline| self.waiting.now() >= deadline) {
                return Err(ClientError::TimedOut);
            }
        }
        Ok(())
    }

    #[cold]
    fn sleep(&mut self, deadline: Option<Instant>) -> Result<(), ClientError> {
        let Some((word, sequence)) = self.arm()? else { return Ok(()) };
        let start = self.waiting.now();
        let net = start.after_ns(SAFETY_NET_NS);
        let until = deadline.map_or(net, |deadline| deadline.min(net));
        let wake = self.waiting.sleep_on(&[(&word, sequence)], Some(until));
        self.ring.disarm();
        if self.waiter.learns_from_sleep() {
            self.waiter.slept(self.waiting.now().since_ns(start));
        }
        self.after_sleep(wake, deadline)
    }

    fn after_sleep(&mut self, wake: Wake, deadline: Option<Instant>) -> Result<(), ClientError> {
        if self.ring.is_ready() {
            self.safety_wakes += u64::from(wake == Wake::Deadline);
            return Ok(());
        }
        self.check_state()?;
        match wake {
            Wake::Signal => Err(ClientError::Interrupted),
            _ if deadline.is_some_and(|deadline| self.waiting.now() >= deadline) => {
                Err(ClientError::TimedOut)
            }
            Wake::Deadline if !self.grants.is_connected() => {
                Err(self.end(ClientError::Ended(Errno::ENOTCONN)))
            }
            Wake::Deadline | Wake::Woken => Ok(()),
        }
    }

    fn is_over(&self) -> bool {
        !matches!(self.ring.state(), State::Open | State::Opening)
    }

    /// Ends the queue if the session is over and every completion was taken.
    fn check_state(&mut self) -> Result<(), ClientError> {
        if !self.is_over() || self.ring.is_ready() {
            return Ok(());
        }
        let error = match self.ring.state() {
            State::Closed(0) | State::Dead => ClientError::Ended(Errno::ENOTCONN),
            State::Closed(errno) => {
                ClientError::Ended(Errno(i32::try_from(errno).unwrap_or(Errno::EPROTO.0)))
            }
            _ => ClientError::Corrupt,
        };
        Err(self.end(error))
    }

    fn end(&mut self, error: ClientError) -> ClientError {
        self.ended = Some(error);
        match error {
            ClientError::Corrupt => self.in_flight.abandon(),
            _ => self.in_flight.wake_all(),
        }
        error
    }

    /// The bytes that a completion of READ_GRANT at `offset` grants. Maps the file's region the
    /// first time, and the part of it around `offset`.
    ///
    /// # Errors
    /// The completion's own error, or mapping fails.
    #[inline]
    pub fn view(&mut self, offset: u64, done: &Done) -> Result<GrantView<'_>, ClientError> {
        let len = done.status.result()?;
        if len == 0 {
            return Ok(GrantView::empty());
        }
        let id = GrantId::from_word(done.aux);
        if self.mapped.last().is_none_or(|last| last.grant != id.grant) {
            self.find_or_map(id.grant)?;
        }
        let grants = &*self.grants;
        let mapped = self.mapped.last_mut().ok_or(ClientError::Corrupt)?;
        mapped.prefault(offset, grants);
        GrantView::new(&mapped.region, offset, len, id.generation).ok_or(ClientError::Corrupt)
    }

    /// Brings a grant to the end of the list, where the next look finds it at once.
    #[cold]
    fn find_or_map(&mut self, grant: u32) -> Result<(), ClientError> {
        self.mapped.retain(|mapped| mapped.grant == grant || !mapped.is_retired());
        let found = match self.mapped.iter().position(|mapped| mapped.grant == grant) {
            Some(at) => self.mapped.remove(at),
            None => MappedGrant::new(grant, self.grants.map(grant)?),
        };
        if self.mapped.len() >= GRANTS_KEPT {
            self.mapped.remove(0);
        }
        self.mapped.push(found);
        Ok(())
    }
}

/// The largest status that a service may answer.
#[inline]
fn largest_count(sqe: &Sqe) -> u32 {
    match sqe.opcode() {
        Opcode::Cancel | Opcode::Unknown(_) => u32::MAX,
        _ => sqe.len,
    }
}

/// How many completions an entry asks for.
#[inline]
fn shots(sqe: &Sqe) -> Shots {
    if sqe.flags & SqeFlags::MULTISHOT.bits() == 0 { Shots::One } else { Shots::Many }
}

/// Waits until one of several queues, driven by this thread, has a completion; their sessions may
/// be with different services. Returns the index of a queue to poll.
///
/// # Errors
/// [`ClientError::TimedOut`], [`ClientError::Interrupted`], or a session is over.
pub fn wait_any(
    queues: &mut [&mut Queue],
    deadline: Option<Instant>,
) -> Result<usize, ClientError> {
    let Some(waiting) = queues.first().map(|queue| Arc::clone(&queue.waiting)) else {
        return Err(ClientError::Service(Errno::EINVAL));
    };
    loop {
        if let Some(at) = queues.iter().position(|q| q.kept > 0 || q.ring.is_ready()) {
            return Ok(at);
        }
        let armed: Result<Vec<_>, _> = queues.iter_mut().map(|queue| queue.arm()).collect();
        let sleep_on: Option<Vec<_>> = armed.as_ref().ok().and_then(|places| {
            places.iter().map(|place| place.as_ref().map(|(word, value)| (word, *value))).collect()
        });
        let wake = sleep_on.map_or(Wake::Woken, |words| {
            let net = waiting.now().after_ns(SAFETY_NET_NS);
            waiting.sleep_on(&words, Some(deadline.map_or(net, |d| d.min(net))))
        });
        // All of them before any error: a queue that stays armed costs its service a wake-up each
        // time that it answers.
        queues.iter_mut().for_each(|queue| queue.disarm());
        armed?;
        for queue in queues.iter_mut() {
            queue.after_sleep(wake, deadline)?;
        }
    }
}
