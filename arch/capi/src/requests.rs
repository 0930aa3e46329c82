//! Entries submitted without waiting, and their completions.
//!
//! The queue names requests by tickets of its own. What C wrote into `user_data` is kept here, by
//! the ticket's slot, and given back with the completion.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::client::{ClientError, Done, Ticket};
use dataplane::entry::{self, CqeFlags, Errno, Opcode};

use crate::arguments::{copied, out};
use crate::session::{Inner, Session, enter};
use crate::types::Sqe;

/// `op_flags` of CANCEL.
const CANCEL_BY_USER_DATA: u32 = 0;
/// What no ticket is called: generations begin at 1.
const NO_TICKET: u64 = 0;

/// The completion of an entry that was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Completion {
    /// Of the entry.
    pub user_data: u64,
    /// Second result; the handle, of one that opens.
    pub aux: u64,
    /// A count or 0, or a negated errno.
    pub status: i32,
    /// `VERIDIAN_COMPLETION_…`.
    pub flags: u32,
}

/// What C called the entries that are in flight.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// By the slot of the ticket.
    slots: Vec<Option<Named>>,
    in_flight: usize,
}

/// An entry whose last completion was not taken yet.
#[derive(Clone, Copy, Debug)]
struct Named {
    ticket: Ticket,
    user_data: u64,
}

impl Requests {
    fn started(&mut self, ticket: Ticket, user_data: u64) {
        let slot = slot(ticket);
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(Named { ticket, user_data });
        }
        self.in_flight += 1;
    }

    fn completed(&mut self, done: &Done) -> Completion {
        let place = self.slots.get_mut(slot(done.ticket));
        let user_data = place.as_ref().and_then(|named| **named).map(|named| named.user_data);
        if !done.flags.contains(CqeFlags::MORE)
            && let Some(place) = place
        {
            *place = None;
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        Completion {
            user_data: user_data.unwrap_or_default(),
            aux: done.aux,
            status: done.status.0,
            flags: u32::from(done.flags.bits()),
        }
    }

    /// An entry as the queue understands it: one that cancels by `user_data` means the ticket.
    fn translated(&self, sqe: Sqe) -> entry::Sqe {
        let mut sqe = entry::Sqe::from(sqe);
        if sqe.opcode() == Opcode::Cancel && sqe.op_flags == CANCEL_BY_USER_DATA {
            let mut named = self.slots.iter().flatten();
            let meant = named.find(|named| named.user_data == sqe.arg0);
            sqe.arg0 = meant.map_or(NO_TICKET, |named| named.ticket.user_data());
        }
        sqe
    }
}

/// Where a ticket is in the queue's table of requests in flight: its low half. No two that are in
/// flight share one.
#[expect(clippy::cast_possible_truncation, reason = "the low half")]
fn slot(ticket: Ticket) -> usize {
    (ticket.user_data() & u64::from(u32::MAX)) as usize
}

/// Submits an entry and does not wait. Its `user_data` comes back in the completion.
///
/// Answers 0; -EAGAIN if the queue is full, until completions are taken. What the service thinks
/// of the entry is in the completion.
///
/// CANCEL by `user_data` cancels one entry that was submitted with it. A READ_GRANT that is
/// submitted so shows nothing: use `veridian_read_grant`.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_submit(session: *mut Session, sqe: *const Sqe) -> i32 {
    let submit = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let sqe = unsafe { copied(sqe) }?;
        let ticket = inner.queue.submit(inner.requests.translated(sqe))?;
        inner.requests.started(ticket, sqe.user_data);
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, submit) }
}

/// Takes the next completion of an entry that was submitted, if there is one. Answers 1 if it took
/// one, 0 if there is none yet.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_poll(session: *mut Session, completion: *mut Completion) -> i32 {
    let poll = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let completion = unsafe { out(completion) }?;
        let Some(done) = inner.queue.poll()? else { return Ok(0) };
        completion.write(inner.requests.completed(&done));
        Ok(1)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, poll) }
}

/// Waits for the next completion of an entry that was submitted, at most `timeout_ns`, or for ever
/// if that is negative.
///
/// Answers 1; -ETIMEDOUT; -EINTR if a signal came; -ENODATA if nothing is in flight.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_wait(
    session: *mut Session,
    timeout_ns: i64,
    completion: *mut Completion,
) -> i32 {
    let wait = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let completion = unsafe { out(completion) }?;
        if inner.requests.in_flight == 0 {
            return Err(ClientError::Service(Errno::ENODATA));
        }
        let timeout = u64::try_from(timeout_ns).ok();
        let deadline = timeout.map(|timeout| inner.waiting.now().after_ns(timeout));
        let done = inner.queue.wait(deadline)?;
        completion.write(inner.requests.completed(&done));
        Ok(1)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, wait) }
}
