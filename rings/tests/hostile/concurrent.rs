//! The scribbler on a thread of its own, so that words change in the middle of a step.

use crate::support::{Memory, words};
use rings::sync::{AtomicU64, Ordering};
use rings::{ClientQueue, Completion, Corrupt, Cursors, Full, Geometry, Region, ServiceQueue};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicBool;
use std::thread;

const STEPS: usize = if cfg!(miri) { 40 } else { 200_000 };

/// xorshift: enough to be unpredictable, and repeatable.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Stores noise, mostly close to what an honest peer would store, until told to stop.
fn scribble(block: &Memory<'_>, seed: u64, stop: &AtomicBool) {
    let mut noise = Noise(seed | 1);
    while !stop.load(Ordering::Relaxed) {
        let at = noise.next() as usize % (block.len() / 8) * 8;
        let value = match noise.next() % 4 {
            0 => noise.next(),
            1 => noise.next() % 16,
            _ => ((noise.next() % 4) << 32) | (noise.next() % 16),
        };
        block.store(at, value, Ordering::Relaxed).unwrap();
    }
}

/// Stops the scribbler also when a step panics, or the test would not end.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Steps of an honest end while `hostile` is scribbled over; says how often a session ended.
fn survive(hostile: &Memory<'_>, mut step: impl FnMut() -> Result<(), Corrupt>) {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let stop = AtomicBool::new(false);
    let mut ended = 0;
    thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| scribble(hostile, seed, &stop));
        for _ in 0..STEPS {
            ended += usize::from(step().is_err());
        }
    });
    println!("{ended} sessions ended in {STEPS} steps");
}

#[test]
fn a_service_survives_a_scribbling_client() {
    let geometry = Geometry::new(4, 4).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client, service) = (Region::over(&client), Region::over(&service));
    let open = || -> ServiceQueue<&[AtomicU64]> {
        ServiceQueue::new(&client, &service, geometry, Cursors::default(), 0).unwrap()
    };
    let mut queue = open();
    survive(&client, || {
        let mut turn = || {
            if queue.accept()?.is_some() && queue.complete_more([0; 4]).is_ok() {
                assert_eq!(queue.complete([0; 4]), Ok(()));
            }
            queue.arm();
            if !queue.is_ready() && queue.in_flight() > 0 {
                assert_eq!(queue.complete([0; 4]), Ok(()));
            }
            queue.disarm();
            let posted = queue.cursors().cq_next;
            assert!(posted - queue.consumed_completions()? <= u64::from(geometry.cq_entries()));
            assert!(queue.in_flight() <= u64::from(geometry.cq_entries()));
            Ok(())
        };
        let outcome = turn();
        if outcome.is_err() {
            queue = open();
        }
        outcome
    });
}

#[test]
fn a_client_survives_a_scribbling_service() {
    let geometry = Geometry::new(4, 4).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client, service) = (Region::over(&client), Region::over(&service));
    let open =
        || -> ClientQueue<&[AtomicU64]> { ClientQueue::new(&client, &service, geometry).unwrap() };
    let mut queue = open();
    survive(&service, || {
        let mut turn = || {
            let submitted = queue.submit(&[0; 8]);
            assert!(matches!(submitted, Ok(()) | Err(Full)));
            queue.must_ring();
            if let Some(entry) = queue.peek()? {
                queue.consume(&entry, Completion::Last)?;
            }
            queue.arm();
            queue.disarm();
            assert!(queue.in_flight() <= u64::from(geometry.cq_entries()));
            Ok(())
        };
        let outcome = turn();
        if outcome.is_err() {
            queue = open();
        }
        outcome
    });
}
