//! How a queue waits: spin, yield, sleep, and notice that the session is over.

use super::error::ClientError;
use super::queue::Queue;
use crate::entry::Errno;
use crate::memory::Word;
use crate::platform::{Instant, Wake};
use crate::wait::Pace;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rings::State;

/// Longest sleep before the client looks on its own, in case the whole system was killed at once
/// and nobody was left to wake it, ns.
const SAFETY_NET_NS: u64 = 1_000_000_000;
/// Looks without success between two looks at the session's state.
const LOOKS_PER_STATE: u32 = 256;

impl Queue {
    /// Lets the service get on. Not asleep: nothing wakes a client when a submission slot is free.
    pub(super) fn give_way(&mut self) -> Result<(), ClientError> {
        self.notify();
        self.waiting.yield_now();
        self.check_state()
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
    pub(super) fn pause(&mut self, deadline: Option<Instant>) -> Result<(), ClientError> {
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
    pub(super) fn check_state(&mut self) -> Result<(), ClientError> {
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

    pub(super) fn end(&mut self, error: ClientError) -> ClientError {
        self.in_flight.abandon();
        // What it first ended for is what it says from now on.
        *self.ended.get_or_insert(error)
    }
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
