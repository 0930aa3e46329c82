//! Two real threads over the shipped code; Miri runs them under many schedules and weak memory.
//!
//! A lost wake-up shows as a deadlock, which Miri reports.

mod support;

use rings::sync::Ordering;
use rings::{ClientQueue, Completion, Consumer, Cursors, Geometry, Producer, Region, ServiceQueue};
use std::thread;
use support::{Memory, words};

/// How many entries go through; both rings wrap several times.
const ENTRIES: u64 = if cfg!(miri) { 12 } else { 200_000 };

#[test]
fn a_stream_arrives_whole_and_in_order() {
    let memory = words(8 + (16 << 2));
    let region: Memory<'_> = Region::over(&memory);
    let head = region.word(0).unwrap();
    let mut producer = Producer::new(region.slots::<2>(8, 2).unwrap(), 0, 0);
    let mut consumer = Consumer::new(region.slots::<2>(8, 2).unwrap(), 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for index in 0..ENTRIES {
                while producer.room() == 0 {
                    producer.observe_head(head.load(Ordering::Acquire)).unwrap();
                    thread::yield_now();
                }
                producer.push(&[!index, index]).unwrap();
            }
        });
        for index in 0..ENTRIES {
            let entry = loop {
                if let Some(entry) = consumer.pop().unwrap() {
                    break entry;
                }
                thread::yield_now();
            };
            assert_eq!((entry[0], entry[1] & 0xffff_ffff), (!index, index));
            head.store(consumer.consumed(), Ordering::Release);
        }
    });
}

#[test]
fn requests_and_replies_between_sleepers() {
    let geometry = Geometry::new(2, 4).unwrap();
    let (client_memory, service_memory) =
        (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client_block, service_block) =
        (Region::over(&client_memory), Region::over(&service_memory));
    let mut client = ClientQueue::new(&client_block, &service_block, geometry).unwrap();
    let cursors = Cursors::default();
    let mut service =
        ServiceQueue::new(&client_block, &service_block, geometry, cursors, 0).unwrap();
    let requests = ENTRIES / 4;
    let client_thread = thread::current();
    thread::scope(|scope| {
        let serving = scope.spawn(move || {
            for _ in 0..requests {
                let entry = loop {
                    if let Some(entry) = service.accept().unwrap() {
                        break entry;
                    }
                    service.arm();
                    if !service.is_ready() {
                        thread::park();
                    }
                    service.disarm();
                };
                service.complete([entry[0], !entry[0], 0, 0]).unwrap();
                if service.must_ring() {
                    service.advance_wake_sequence();
                    client_thread.unpark();
                }
            }
        });
        for request in 0..requests {
            client.submit(&[request; 8]).unwrap();
            let entry = loop {
                if let Some(entry) = client.peek().unwrap() {
                    break entry;
                }
                if client.must_ring() {
                    serving.thread().unpark();
                }
                let sequence = client.arm();
                if !client.is_ready() && client.wake_sequence().load(Ordering::Relaxed) == sequence
                {
                    thread::park();
                }
                client.disarm();
            };
            client.consume(&entry, Completion::Last).unwrap();
            assert_eq!(entry[..2], [request, !request]);
        }
    });
}
