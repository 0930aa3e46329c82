//! Whatever a service writes, its client does not panic, never sees an answer that it did not ask
//! for, and comes to an end.

use crate::cases;
use crate::stage::{ARENA, Conduct, Stage};
use dataplane::WaitMode;
use dataplane::client::{Buffer, ClientError, Done, GrantTicket, Queue, Ticket, wait_any};
use dataplane::entry::{CqeFlags, Handle, Opcode, Sqe};
use dataplane::file::{OpenFlags, WatchEvents};
use dataplane::platform::{Instant, Waiting};
use proptest::prelude::*;
use rings::Geometry;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Step {
    Submit { opcode: u8, len: u32 },
    SubmitMany { count: usize },
    Poll,
    Wait { patience_ns: u64 },
    WaitFor { which: usize },
    WaitAny,
    Call,
    Take { bytes: u16 },
    GiveBack { which: usize },
    Files { call: u8, len: usize, offset: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<u8>(), 0..5_000u32).prop_map(|(opcode, len)| Step::Submit { opcode, len }),
        2 => (0..6usize).prop_map(|count| Step::SubmitMany { count }),
        5 => Just(Step::Poll),
        3 => (0..50_000u64).prop_map(|patience_ns| Step::Wait { patience_ns }),
        3 => any::<usize>().prop_map(|which| Step::WaitFor { which }),
        2 => Just(Step::WaitAny),
        1 => Just(Step::Call),
        1 => any::<u16>().prop_map(|bytes| Step::Take { bytes }),
        1 => any::<usize>().prop_map(|which| Step::GiveBack { which }),
        4 => (any::<u8>(), 0..9_000usize, any::<u64>())
            .prop_map(|(call, len, offset)| Step::Files { call, len, offset }),
    ]
}

const HANDLE: Handle = Handle { slot: 1, generation: 1 };

/// A queue, and what was asked through it and not answered.
struct Asker {
    queue: Queue,
    asked: BTreeMap<u64, (Ticket, Sqe)>,
    buffers: Vec<Buffer>,
    ended: Option<ClientError>,
}

impl Asker {
    fn new(queue: Queue) -> Self {
        Self { queue, asked: BTreeMap::new(), buffers: Vec::new(), ended: None }
    }

    /// Judges an answer to something that is asked with a ticket.
    fn see(&mut self, result: Result<Option<Done>, ClientError>) {
        match result {
            Ok(None) => {}
            Ok(Some(done)) => {
                let asked = self.asked.remove(&done.ticket.user_data());
                let Some((_, sqe)) = asked else { panic!("{done:?} was not asked for") };
                assert!(!done.flags.contains(CqeFlags::MORE), "one request, two answers");
                let count = done.status.result().unwrap_or(0);
                let most = match sqe.opcode() {
                    Opcode::Cancel | Opcode::Unknown(_) => u32::MAX,
                    Opcode::Watch => WatchEvents::all().bits(),
                    Opcode::ReadlinkAt | Opcode::Getxattr => (sqe.arg0 >> 32) as u32,
                    _ => sqe.len,
                };
                assert!(count <= most, "{done:?} is more than {sqe:?} asked for");
                // A view is of what is there, or there is none.
                let read = GrantTicket::new(done.ticket, HANDLE, sqe.offset);
                if let Ok(view) = self.queue.view(read, &done) {
                    assert!(view.len() <= 4096);
                    view.fold_blocks(0, |sum: u64, block| sum.wrapping_add(block[0]));
                    let _changed = view.is_current();
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: ClientError) {
        if matches!(error, ClientError::Ended(_) | ClientError::Corrupt) {
            // Once over, always over, and for the same reason.
            let refused = self.queue.submit(Sqe::new(Opcode::Nop, Handle::NONE));
            assert_eq!(refused, Err(error));
            assert_eq!(*self.ended.get_or_insert(error), error);
        }
    }

    fn fail_with<T>(&mut self, result: Result<T, ClientError>) {
        if let Err(error) = result {
            self.fail_call(error);
        }
    }

    /// A call may also say that its own answer makes no sense, and leave the queue as it is.
    fn fail_call(&mut self, error: ClientError) {
        if matches!(error, ClientError::Ended(_)) {
            self.fail(error);
        }
    }

    fn note(&mut self, ticket: Ticket, sqe: Sqe) {
        let before = self.asked.insert(ticket.user_data(), (ticket, sqe));
        assert!(before.is_none(), "a ticket in use was given out again");
    }

    fn submit(&mut self, opcode: u8, len: u32) {
        let sqe = Sqe { len, ..Sqe::new(Opcode::from_byte(opcode % 48), HANDLE) };
        match self.queue.submit(sqe) {
            Ok(ticket) => self.note(ticket, sqe),
            Err(error) => self.fail(error),
        }
    }

    fn submit_many(&mut self, count: usize) {
        let entries = vec![Sqe { len: 64, ..Sqe::new(Opcode::Read, HANDLE) }; count];
        match self.queue.submit_many(&entries) {
            Ok(tickets) => tickets.iter().for_each(|ticket| self.note(*ticket, entries[0])),
            Err(error) => self.fail(error),
        }
    }

    fn play(&mut self, step: &Step, now: Instant) {
        match *step {
            Step::Submit { opcode, len } => self.submit(opcode, len),
            Step::SubmitMany { count } => self.submit_many(count),
            Step::Poll => {
                let polled = self.queue.poll();
                self.see(polled);
            }
            Step::Wait { patience_ns } => {
                let waited = self.queue.wait(Some(now.after_ns(patience_ns))).map(Some);
                self.see(waited);
            }
            Step::WaitFor { which } => {
                let ticket = self.asked.values().nth(which % self.asked.len().max(1));
                if let Some((ticket, _)) = ticket.copied() {
                    let waited = self.queue.wait_for(ticket).map(Some);
                    self.see(waited);
                }
            }
            Step::WaitAny => {}
            Step::Call => {
                let called = self.queue.call(Sqe::new(Opcode::Fsync, HANDLE));
                self.fail_with(called);
            }
            Step::Take { bytes } => self.buffers.extend(self.queue.buffer(usize::from(bytes))),
            Step::GiveBack { which } => {
                if !self.buffers.is_empty() {
                    let buffer = self.buffers.swap_remove(which % self.buffers.len());
                    self.queue.give_back(buffer);
                }
            }
            Step::Files { call, len, offset } => self.files(call, len, offset),
        }
    }

    fn files(&mut self, call: u8, len: usize, offset: u64) {
        let (queue, mut bytes) = (&mut self.queue, vec![0; len]);
        let result = match call % 8 {
            0 => queue.read(HANDLE, offset, &mut bytes).map(|count| assert!(count <= len)),
            1 => queue.write(HANDLE, offset, &bytes).map(|count| assert!(count <= len)),
            2 => queue.stat(HANDLE, &bytes[..len.min(300)]).map(drop),
            3 => queue.read_directory(HANDLE, |entry| {
                assert!((1..=255).contains(&entry.name.len()));
                assert!(!entry.name.contains(&b'/') && !entry.name.contains(&0));
            }),
            4 => queue.open(HANDLE, b"name", OpenFlags::CREATE, 0o644).map(drop),
            5 => queue
                .read_grant(HANDLE, offset, len as u32, |view| {
                    assert!(view.len() <= len);
                    view.read(0, &mut bytes)
                })
                .map(drop),
            6 => queue.submit_close(HANDLE),
            _ => queue.close(HANDLE),
        };
        self.fail_with(result);
    }

    /// Takes what is left; the service is dead by now, or soon.
    fn finish(mut self) {
        while self.ended.is_none() {
            let waited = self.queue.wait(None).map(Some);
            self.see(waited);
        }
        for _ in 0..100_000 {
            match self.queue.poll() {
                Ok(Some(done)) => self.see(Ok(Some(done))),
                Ok(None) | Err(_) => break,
            }
        }
        self.buffers.drain(..).for_each(|buffer| self.queue.give_back(buffer));
        assert!(self.queue.buffer(ARENA as usize).is_ok(), "a part of the arena was lost");
    }
}

proptest! {
    #![proptest_config(cases::cases(600))]

    #[test]
    fn nothing_a_service_writes_deceives_its_client(
        shifts in (1..4u32, 1..4u32),
        mode in prop::sample::select(
            vec![WaitMode::Adaptive, WaitMode::Polling, WaitMode::Sleeping]
        ),
        scripts in prop::array::uniform2(prop::collection::vec(any::<u8>(), cases::steps(400))),
        steps in prop::collection::vec((0..2usize, step()), cases::steps(80)),
    ) {
        let stage = Arc::new(Stage::default());
        let geometry = Geometry::new(1 << shifts.0, 1 << shifts.1).unwrap();
        let mut askers = scripts.map(|script| {
            Asker::new(stage.enter(geometry, mode, Conduct::Hostile, script))
        });
        for (which, step) in &steps {
            let now = stage.now();
            if matches!(step, Step::WaitAny) {
                let [first, second] = &mut askers;
                let both = &mut [&mut first.queue, &mut second.queue];
                if let Ok(at) = wait_any(both, Some(now.after_ns(20_000))) {
                    let polled = askers[at].queue.poll();
                    askers[at].see(polled);
                }
            } else {
                askers[*which].play(step, now);
            }
        }
        askers.into_iter().for_each(Asker::finish);
    }

    #[test]
    fn nothing_a_service_writes_deceives_who_watches(
        script in prop::collection::vec(any::<u8>(), cases::steps(400)),
        looks in 1..40usize,
    ) {
        let stage = Arc::new(Stage::default());
        let geometry = Geometry::new(8, 8).unwrap();
        let mut queue = stage.enter(geometry, WaitMode::Adaptive, Conduct::Hostile, script);
        if let Ok(watch) = queue.watch(HANDLE, WatchEvents::CHANGES) {
            let mut watches = [watch];
            for _ in 0..looks {
                let deadline = stage.now().after_ns(50_000);
                if let Ok((index, Some(change))) = queue.next_change(&mut watches, Some(deadline)) {
                    assert!(index == 0 && change.name.len() <= 256);
                }
            }
        }
    }
}
