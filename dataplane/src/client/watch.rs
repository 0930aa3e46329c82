//! Watching for changes.

use super::buffers::Buffer;
use super::error::ClientError;
use super::in_flight::{Done, Ticket};
use super::pending::cancellation;
use super::queue::Queue;
use crate::entry::{CqeFlags, Errno, Handle, Opcode, Sqe};
use crate::file::{Request, WatchEvents, WatchRecord};
use crate::memory::ArenaRange;
use crate::platform::Instant;
use alloc::vec::Vec;
use zerocopy::IntoBytes;

/// Changes that the service can report before the client has looked at one.
const SLOTS: usize = 32;

/// What is watched through a queue, until [`Queue::end_watch`]. Dropped without that, it goes on
/// and its memory stays taken.
#[derive(Debug)]
pub struct Watch {
    ticket: Ticket,
    slots: Buffer,
    /// A completion that came while it began.
    early: Option<Done>,
    has_ended: bool,
}

/// A change that was watched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Mount of the object, the `device` of its status.
    pub device: u64,
    /// Inode number of the object.
    pub inode: u64,
    /// Inode number of the entry of a watched directory; 0 if the object itself has changed.
    pub entry: u64,
    /// What has happened; with LOST, that it is not known what.
    pub events: WatchEvents,
    /// Name of the entry.
    pub name: Vec<u8>,
}

impl Queue {
    /// Watches what a handle stands for: everything that changes after this has returned will be
    /// reported. It takes a place in the queue until it ends.
    ///
    /// # Errors
    /// The service's answer, [`ClientError::NoBuffer`], [`ClientError::Full`].
    pub fn watch(&mut self, handle: Handle, events: WatchEvents) -> Result<Watch, ClientError> {
        // One place must stay for what ends watches.
        if self.in_flight.many() + 2 > self.in_flight.slots() {
            return Err(ClientError::Full);
        }
        let slots = self.buffer(SLOTS * WatchRecord::BYTES)?;
        let request = Request::Watch { handle, events, slots: slots.range() };
        let ticket = match self.submit_waiting(request.to_sqe()) {
            Ok(ticket) => ticket,
            Err(error) => {
                self.give_back(slots);
                return Err(error);
            }
        };
        // What is answered behind it was accepted behind it. If this fails, the service may still
        // write to the slots: they stay taken.
        self.call(Sqe::new(Opcode::Nop, Handle::NONE))?;
        let early = self.take_kept(ticket);
        if let Some(Err(error)) = early.map(|done| done.status.result()) {
            self.give_back(slots);
            return Err(error.into());
        }
        Ok(Watch { ticket, slots, early, has_ended: false })
    }

    /// Waits for the next change that any of some watches reports: its index, and the change;
    /// `None` if its object has gone and nothing more will come of it, which is said once.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`], [`ClientError::Interrupted`], the service's answer
    /// (ECANCELED: a handle was closed), or the session is over.
    pub fn next_change(
        &mut self,
        watches: &mut [Watch],
        deadline: Option<Instant>,
    ) -> Result<(usize, Option<Change>), ClientError> {
        loop {
            let drained = self.drain();
            let first = self.next_watch.min(watches.len());
            for index in (first..watches.len()).chain(0..first) {
                let Some(watch) = watches.get_mut(index) else { continue };
                let early = watch.early.take();
                if let Some(done) = early.or_else(|| self.take_kept(watch.ticket)) {
                    self.next_watch = index + 1;
                    return Ok((index, self.reported(watch, done)?));
                }
            }
            drained?;
            self.pause(deadline)?;
        }
    }

    fn reported(&mut self, watch: &mut Watch, done: Done) -> Result<Option<Change>, ClientError> {
        if !done.flags.contains(CqeFlags::MORE) {
            watch.has_ended = true;
            done.status.result()?;
            return Ok(None);
        }
        let events = WatchEvents::from_bits_truncate(done.status.result()?);
        let change = self.read_report(watch, done.aux, events)?;
        // The service may have waited for the slot.
        self.notify();
        Ok(Some(change))
    }

    /// Reads a report and frees its slot. The service may have named any.
    fn read_report(
        &mut self,
        watch: &Watch,
        slot: u64,
        events: WatchEvents,
    ) -> Result<Change, ClientError> {
        let first = watch.slots.range().offset;
        let within = slot.checked_sub(first.into());
        let is_one = |within: &u64| {
            *within < (SLOTS * WatchRecord::BYTES) as u64
                && within.is_multiple_of(WatchRecord::BYTES as u64)
        };
        let offset = within.filter(is_one).and_then(|_| u32::try_from(slot).ok());
        let offset = offset.ok_or(ClientError::Service(Errno::EPROTO))?;
        let mut record = WatchRecord::empty();
        let bytes = record.as_mut_bytes();
        let range = ArenaRange { offset, len: u32::try_from(bytes.len()).unwrap_or(0) };
        self.arena.read(range, bytes)?;
        self.arena.store(offset, 0)?;
        let WatchRecord { device, inode, entry, .. } = record;
        Ok(Change { device, inode, entry, events, name: record.name().to_vec() })
    }

    /// Ends a watch; what it has yet to report is dropped.
    ///
    /// # Errors
    /// The session is over.
    pub fn end_watch(&mut self, mut watch: Watch) -> Result<(), ClientError> {
        if !watch.has_ended {
            match self.call(cancellation(watch.ticket)) {
                // It has ended by itself.
                Ok(_) | Err(ClientError::Service(Errno::ENOENT)) => {}
                Err(error) => return Err(error),
            }
        }
        while !watch.has_ended {
            let done = match watch.early.take().map_or_else(|| self.wait_for(watch.ticket), Ok) {
                Err(ClientError::Interrupted) => continue,
                done => done?,
            };
            watch.has_ended = !done.flags.contains(CqeFlags::MORE);
        }
        self.give_back(watch.slots);
        Ok(())
    }
}
