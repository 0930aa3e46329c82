//! A whole queue against three collections: submitted, accepted, completed.

use crate::cases::{cases, steps};
use crate::ring::start;
use crate::support::{Memory, words};
use proptest::prelude::*;
use rings::sync::AtomicU64;
use rings::{ClientQueue, Completion, CqeWords, Cursors, Geometry, Region, ServiceQueue};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit,
    Consume,
    AboutToWait,
    ClientArms,
    Accept,
    /// Finishes one of the accepted requests.
    Complete(usize),
    CompleteMore(usize),
    ServiceArms,
    /// Another incarnation takes over.
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Submit),
        6 => Just(Step::Consume),
        1 => Just(Step::AboutToWait),
        1 => Just(Step::ClientArms),
        6 => Just(Step::Accept),
        5 => any::<usize>().prop_map(Step::Complete),
        3 => any::<usize>().prop_map(Step::CompleteMore),
        1 => Just(Step::ServiceArms),
        1 => Just(Step::Resume),
    ]
}

/// The queue under test, and what must be true of it.
struct Model<'a> {
    geometry: Geometry,
    client_block: Memory<'a>,
    service_block: Memory<'a>,
    client: ClientQueue<&'a [AtomicU64]>,
    service: ServiceQueue<&'a [AtomicU64]>,
    next_request: u64,
    submitted: VecDeque<u64>,
    accepted: Vec<u64>,
    completed: VecDeque<(u64, Completion)>,
    /// Requests that the client has not seen finished.
    open: u64,
    /// Submissions that the service has accepted since the queue was new.
    accepted_in_all: u64,
}

impl<'a> Model<'a> {
    fn new(
        client_block: Memory<'a>,
        service_block: Memory<'a>,
        geometry: Geometry,
        cursors: Cursors,
    ) -> Self {
        let client = ClientQueue::resume(&client_block, &service_block, geometry, cursors).unwrap();
        let service =
            ServiceQueue::new(&client_block, &service_block, geometry, cursors, 0).unwrap();
        Self {
            geometry,
            client_block,
            service_block,
            client,
            service,
            next_request: 1,
            submitted: VecDeque::new(),
            accepted: Vec::new(),
            completed: VecDeque::new(),
            open: 0,
            accepted_in_all: cursors.sq_next,
        }
    }

    fn cq_entries(&self) -> u64 {
        u64::from(self.geometry.cq_entries())
    }

    /// Completion slots that are taken or promised, however much the client has told.
    fn slots_taken(&self) -> u64 {
        (self.accepted.len() + self.completed.len()) as u64
    }

    /// Completion slots that may look taken, because the client tells lazily.
    fn slots_seen_taken(&self) -> u64 {
        self.slots_taken() + (self.cq_entries() / 4).max(1) - 1
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit => self.submit(),
            Step::Consume => self.consume(),
            Step::AboutToWait => {
                self.client.must_ring();
            }
            Step::ClientArms => {
                self.client.arm();
                self.client.disarm();
            }
            Step::Accept => self.accept(),
            Step::Complete(which) => self.complete(which),
            Step::CompleteMore(which) => self.complete_more(which),
            Step::ServiceArms => {
                self.service.arm();
                self.service.disarm();
            }
            Step::Resume => {
                let (cursors, in_flight) = (self.service.cursors(), self.service.in_flight());
                let (client, service) = (&self.client_block, &self.service_block);
                let next = ServiceQueue::new(client, service, self.geometry, cursors, in_flight);
                self.service = next.unwrap();
            }
        }
        assert_eq!(self.client.in_flight(), self.open);
        assert_eq!(self.service.in_flight(), self.accepted.len() as u64);
        assert_eq!(self.client.is_ready(), !self.completed.is_empty());
        assert!(self.slots_taken() <= self.cq_entries(), "completion ring overrun");
        assert_eq!(self.service.cursors().sq_next, self.accepted_in_all);
    }

    fn submit(&mut self) {
        let request = self.next_request;
        let (slots, waiting) = (u64::from(self.geometry.sq_entries()), self.submitted.len() as u64);
        if self.client.submit(&[request; 8]).is_ok() {
            assert!(self.open < self.cq_entries() && waiting < slots);
            self.submitted.push_back(request);
            self.next_request += 1;
            self.open += 1;
        } else {
            let lag = (slots / 4).max(1);
            assert!(self.open == self.cq_entries() || waiting + lag >= slots, "full too early");
        }
    }

    fn consume(&mut self) {
        let found = self.client.peek().unwrap();
        assert_eq!(found, self.client.peek().unwrap());
        let expected = self.completed.pop_front();
        assert_eq!(found.map(|entry| entry[0]), expected.map(|(request, _)| request));
        if let (Some(entry), Some((request, completion))) = (found, expected) {
            assert_eq!(entry[..3], [request, !request, 5]);
            self.client.consume(&entry, completion).unwrap();
            self.open -= u64::from(completion == Completion::Last);
        }
    }

    fn accept(&mut self) {
        let ready = self.service.is_ready();
        match self.service.accept().unwrap() {
            Some(entry) => {
                assert!(ready);
                let request = self.submitted.pop_front().unwrap();
                assert_eq!(entry[..7], [request; 7]);
                self.accepted.push(request);
                self.accepted_in_all += 1;
            }
            None if self.submitted.is_empty() => {}
            None => {
                assert!(!self.service.is_ready(), "ready, and yet nothing is accepted");
                assert!(self.slots_seen_taken() >= self.cq_entries(), "starved too early");
            }
        }
    }

    fn entry(request: u64) -> CqeWords {
        [request, !request, 5, u64::MAX]
    }

    fn complete(&mut self, which: usize) {
        if self.accepted.is_empty() {
            assert!(self.service.complete(Self::entry(0)).is_err());
            return;
        }
        let request = self.accepted.remove(which % self.accepted.len());
        self.service.complete(Self::entry(request)).unwrap();
        self.completed.push_back((request, Completion::Last));
    }

    fn complete_more(&mut self, which: usize) {
        if self.accepted.is_empty() {
            return;
        }
        let request = self.accepted[which % self.accepted.len()];
        if self.service.complete_more(Self::entry(request)).is_ok() {
            self.completed.push_back((request, Completion::More));
        } else {
            assert!(self.slots_seen_taken() >= self.cq_entries(), "starved too early");
        }
    }

    /// Both sides do what they can, in turns, and tell each other no more than they must; nothing
    /// may stay behind.
    fn finish(&mut self) {
        let turns = self.submitted.len() + self.accepted.len() + self.completed.len() + 1;
        for _ in 0..turns {
            while !self.completed.is_empty() {
                self.step(Step::Consume);
            }
            self.step(Step::AboutToWait);
            while self.service.is_ready() {
                self.step(Step::Accept);
            }
            // The client has consumed all and is about to wait: what is not promised is spare.
            let posted = self.completed.len();
            let open = self.accepted.len() as u64;
            self.step(Step::CompleteMore(0));
            if (1..self.cq_entries()).contains(&open) {
                assert!(self.completed.len() > posted, "starved for ever");
            }
            while !self.accepted.is_empty() {
                self.step(Step::Complete(0));
            }
        }
        assert!(self.submitted.is_empty() && self.completed.is_empty() && self.open == 0);
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_queue_answers_every_request_once(
        (sq_shift, cq_shift, sq_next, cq_next) in (1u32..5, 1u32..5)
            .prop_flat_map(|(sq, cq)| (Just(sq), Just(cq), start(sq), start(cq))),
        steps in prop::collection::vec(step(), steps(300)),
    ) {
        let geometry = Geometry::new(1 << sq_shift, 1 << cq_shift).unwrap();
        let client = words(geometry.client_bytes());
        let service = words(geometry.service_bytes());
        let (client, service) = (Region::over(&client), Region::over(&service));
        let mut model = Model::new(client, service, geometry, Cursors { sq_next, cq_next });
        for step in steps {
            model.step(step);
        }
        model.finish();
    }
}

/// A completion carries `sq_head` as of when it was posted; the client may know better by then.
#[test]
fn a_completion_posted_before_later_submissions_were_accepted_is_not_corrupt() {
    let geometry = Geometry::new(2, 8).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client, service) = (Region::over(&client), Region::over(&service));
    let mut model = Model::new(client, service, geometry, Cursors::default());
    model.step(Step::Submit);
    model.step(Step::Accept);
    model.step(Step::Complete(0));
    for _ in 0..4 {
        model.step(Step::Submit);
        model.step(Step::Accept);
    }
    model.step(Step::Consume);
    model.finish();
}

/// A successor knows of no completion slot that is free until it has looked.
#[test]
fn a_successor_can_complete_at_once() {
    let geometry = Geometry::new(2, 2).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client, service) = (Region::over(&client), Region::over(&service));
    let mut model = Model::new(client, service, geometry, Cursors::default());
    for step in [Step::Submit, Step::Accept, Step::Complete(0), Step::Consume] {
        model.step(step);
        model.step(step);
    }
    for step in [Step::Submit, Step::Accept, Step::Resume, Step::Complete(0), Step::Consume] {
        model.step(step);
    }
    model.finish();
}
