//! Requests as such: answered once, cancelled, timed, polled by futures, waited for together.

use crate::{Open, System};
use dataplane::client::{AsyncQueue, ClientError, wait_any};
use dataplane::entry::{Errno, Handle, Opcode, Sqe, SqeFlags, Status};
use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

fn nop() -> Sqe {
    Sqe::new(Opcode::Nop, Handle::NONE)
}

fn timeout(ns: u64) -> Sqe {
    Sqe { arg0: ns, ..Sqe::new(Opcode::Timeout, Handle::NONE) }
}

/// Longer than any test.
const NEVER_NS: u64 = 3_600_000_000_000;

pub(crate) fn nop_and_probe(system: &System) {
    let Open { mut queue, .. } = system.session();
    assert_eq!(queue.call(nop()).unwrap().status, Status::OK);
    let buffer = queue.buffer(1024).unwrap();
    let range = buffer.range();
    let probe = Sqe {
        buffer_offset: range.offset,
        len: range.len,
        ..Sqe::new(Opcode::Probe, Handle::NONE)
    };
    let bytes = queue.call(probe).unwrap().status.result().unwrap();
    let mut records = vec![0; bytes as usize];
    queue.arena().read(buffer.first(bytes), &mut records).unwrap();
    let supported = |opcode: Opcode| {
        records.chunks(8).any(|record| record[0] == opcode.to_byte() && record[1] == 1)
    };
    assert_eq!(bytes as usize, Opcode::ALL.len() * 8);
    for opcode in Opcode::ALL {
        assert_eq!(
            supported(*opcode),
            *opcode != Opcode::Append,
            "{opcode:?}: all but the logger's"
        );
    }
}

pub(crate) fn a_timeout_ends_and_can_be_cancelled(system: &System) {
    let Open { mut queue, .. } = system.session();
    let short = queue.submit(timeout(1_000_000)).unwrap();
    assert_eq!(queue.wait_for(short).unwrap().status, Errno::ETIME.into());
    let mut waiting = HashSet::new();
    for _ in 0..10 {
        waiting.insert(queue.submit(timeout(NEVER_NS)).unwrap());
    }
    let cancel = Sqe { op_flags: 2, ..Sqe::new(Opcode::Cancel, Handle::NONE) };
    assert_eq!(queue.call(cancel).unwrap().status, Status::count(10));
    while !waiting.is_empty() {
        let done = queue.wait(None).unwrap();
        assert_eq!(done.status, Errno::ECANCELED.into());
        assert!(waiting.remove(&done.ticket), "one completion a request");
    }
    assert_eq!(queue.call(cancel).map(|_| ()), Err(ClientError::Service(Errno::ENOENT)));
    assert_eq!(queue.in_flight(), 0);
}

pub(crate) fn every_request_of_a_full_queue_is_answered(system: &System) {
    let Open { mut queue, .. } = system.session();
    let mut open = HashSet::new();
    let mut answered = 0;
    let mut round = 0;
    while answered < 50_000 {
        round += 1;
        let tickets = queue.submit_many(&vec![nop(); round % 600]).unwrap();
        for ticket in tickets {
            assert!(open.insert(ticket), "a ticket in flight is not given out again");
        }
        while let Some(done) = queue.poll().unwrap() {
            assert!(open.remove(&done.ticket), "one completion a request");
            assert_eq!(done.status, Status::OK);
            answered += 1;
        }
    }
    while !open.is_empty() {
        assert!(open.remove(&queue.wait(None).unwrap().ticket));
    }
    assert_eq!(queue.in_flight(), 0);
}

/// A waker that unparks a thread: the smallest executor.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

pub(crate) fn futures_of_one_thread(system: &System) {
    let Open { queue, .. } = system.session();
    let queue = AsyncQueue::new(queue, system.notifier());
    block_on(async {
        let slow = queue.submit(timeout(20_000_000));
        for _ in 0..200 {
            assert_eq!(queue.submit(nop()).await.unwrap().status, Status::OK);
        }
        let late = slow.await;
        assert_eq!(late.map(|_| ()), Err(ClientError::Service(Errno::ETIME)));
    });
}

pub(crate) fn one_thread_waits_for_several_sessions(system: &System) {
    let (mut one, mut other) = (system.session(), system.session());
    let slow = one.queue.submit(timeout(50_000_000)).unwrap();
    let quick = other.queue.submit(timeout(5_000_000)).unwrap();
    let mut queues = [&mut one.queue, &mut other.queue];
    assert_eq!(wait_any(&mut queues, None), Ok(1));
    assert_eq!(queues[1].poll().unwrap().unwrap().ticket, quick);
    assert_eq!(wait_any(&mut queues, None), Ok(0));
    assert_eq!(queues[0].poll().unwrap().unwrap().ticket, slow);
}

pub(crate) fn unknown_and_malformed_entries_are_refused(system: &System) {
    let Open { mut queue, root, .. } = system.session();
    let base = nop();
    let outside = Sqe { len: 64, buffer_offset: u32::MAX - 7, ..Sqe::new(Opcode::Read, root) };
    let cases = [
        (Sqe { opcode: 0xee, ..base }, Errno::EOPNOTSUPP),
        (Sqe { flags: 0x80, ..base }, Errno::EINVAL),
        (Sqe { flags: 1, ..base }, Errno::EOPNOTSUPP),
        (Sqe { reserved: 1, ..base }, Errno::EINVAL),
        (Sqe { arg1: 1, ..base }, Errno::EINVAL),
        (Sqe { credential: 9, ..base }, Errno::EPERM),
        (Sqe::new(Opcode::Close, Handle { slot: 77, generation: 3 }), Errno::EBADF),
        (Sqe::new(Opcode::Watch, root), Errno::EINVAL),
        (Sqe { flags: SqeFlags::MULTISHOT.bits(), ..base }, Errno::EINVAL),
        (Sqe { buffer_offset: 1, len: 8, ..Sqe::new(Opcode::Getdents, root) }, Errno::EINVAL),
        (Sqe { opcode: Opcode::Getdents.to_byte(), ..outside }, Errno::EFAULT),
    ];
    for (sqe, errno) in cases {
        let answer = queue.call(sqe).map(|_| ());
        assert_eq!(answer, Err(ClientError::Service(errno)), "{sqe:?}");
    }
    assert!(queue.call(base).is_ok(), "the session goes on");
}
