//! A whole queue: requests and replies, both sides asleep whenever they have nothing to do, and a
//! service that waits for completion slots.

use crate::parties::{Doorbell, Futex, Memory, check, memory};
use loom::sync::atomic::AtomicU64;
use loom::thread;
use rings::mutant::{Mutant, selected};
use rings::{ClientQueue, Completion, CqeWords, Cursors, Geometry, ServiceQueue, SqeWords};

type Owner = &'static [AtomicU64];

/// The two ends, and what wakes each.
struct Parties {
    client: ClientQueue<Owner>,
    service: ServiceQueue<Owner>,
    client_sleep: Futex,
    service_sleep: Doorbell,
}

fn parties(sq_entries: u32, cq_entries: u32) -> Parties {
    let geometry = Geometry::new(sq_entries, cq_entries).unwrap();
    let client_block: Memory = memory(geometry.client_bytes());
    let service_block: Memory = memory(geometry.service_bytes());
    let cursors = Cursors::default();
    Parties {
        client: ClientQueue::new(&client_block, &service_block, geometry).unwrap(),
        service: ServiceQueue::new(&client_block, &service_block, geometry, cursors, 0).unwrap(),
        client_sleep: Futex::new(),
        service_sleep: Doorbell::new(),
    }
}

fn submission(number: u64) -> SqeWords {
    [number, number + 1, 0, 0, 0, 0, 0, 0]
}

fn second_look(ready: bool) -> bool {
    ready && selected() != Some(Mutant::NoSecondLook)
}

/// The next completion, slept for if need be; it is consumed.
fn next_completion(
    client: &mut ClientQueue<Owner>,
    completion: Completion,
    sleep: &Futex,
    service_sleep: &Doorbell,
) -> CqeWords {
    loop {
        if let Some(entry) = client.peek().unwrap() {
            client.consume(&entry, completion).unwrap();
            return entry;
        }
        if client.must_ring() {
            service_sleep.ring();
        }
        let sequence = client.arm();
        if !second_look(client.is_ready()) {
            sleep.wait(client.wake_sequence(), sequence);
        }
        client.disarm();
    }
}

fn wake_client(service: &ServiceQueue<Owner>, sleep: &Futex) {
    if service.must_ring() {
        service.advance_wake_sequence();
        sleep.wake();
    }
}

fn next_submission(service: &mut ServiceQueue<Owner>, sleep: &Doorbell) -> u64 {
    loop {
        if let Some(entry) = service.accept().unwrap() {
            assert_eq!(entry[0] + 1, entry[1], "torn entry");
            return entry[0];
        }
        service.arm();
        if !second_look(service.is_ready()) {
            sleep.wait();
        }
        service.disarm();
    }
}

/// `REQUESTS` requests, `DEPTH` at a time.
fn request_reply<const REQUESTS: u64, const DEPTH: u64>() {
    let Parties { mut client, mut service, client_sleep, service_sleep } = parties(2, 2);
    let serving = thread::spawn({
        let (client_sleep, service_sleep) = (client_sleep.clone(), service_sleep.clone());
        move || {
            for _ in 0..REQUESTS {
                let request = next_submission(&mut service, &service_sleep);
                service.complete([request, request + 2, 0, 0]).unwrap();
                wake_client(&service, &client_sleep);
            }
            assert_eq!(service.in_flight(), 0);
        }
    });
    let mut submitted = 0;
    for expected in 0..REQUESTS {
        while submitted < REQUESTS && submitted < expected + DEPTH {
            client.submit(&submission(submitted)).unwrap();
            submitted += 1;
        }
        let entry = next_completion(&mut client, Completion::Last, &client_sleep, &service_sleep);
        assert_eq!(entry[..2], [expected, expected + 2], "torn entry");
    }
    assert_eq!(client.in_flight(), 0);
    serving.join().unwrap();
}

/// Posts a completion with more to come, slept for if need be.
fn complete_more(service: &mut ServiceQueue<Owner>, number: u64, sleep: &Doorbell) {
    let entry = [0, number, 0, 0];
    while service.complete_more(entry).is_err() {
        service.arm();
        let posted =
            selected() != Some(Mutant::NoSecondLook) && service.complete_more(entry).is_ok();
        if !posted {
            sleep.wait();
        }
        service.disarm();
        if posted {
            return;
        }
    }
}

/// One request with more completions than slots: the service sleeps until the client consumes.
pub(crate) fn completion_slots_run_out() {
    const COMPLETIONS: u64 = 3;
    let Parties { mut client, mut service, client_sleep, service_sleep } = parties(2, 2);
    client.submit(&submission(0)).unwrap();
    service.accept().unwrap().unwrap();
    let serving = thread::spawn({
        let (client_sleep, service_sleep) = (client_sleep.clone(), service_sleep.clone());
        move || {
            for number in 1..COMPLETIONS {
                complete_more(&mut service, number, &service_sleep);
                wake_client(&service, &client_sleep);
            }
            service.complete([0, COMPLETIONS, 0, 0]).unwrap();
            wake_client(&service, &client_sleep);
        }
    });
    for number in 1..=COMPLETIONS {
        let completion = if number < COMPLETIONS { Completion::More } else { Completion::Last };
        let entry = next_completion(&mut client, completion, &client_sleep, &service_sleep);
        assert_eq!(entry[1], number, "torn entry");
    }
    serving.join().unwrap();
}

/// The service has accepted as many requests as it may, and needs the one slot that the client
/// has consumed and, being lazy, not told of.
fn the_last_slot_is_told_of() {
    const SLOTS: u64 = 8;
    let Parties { mut client, mut service, client_sleep: _, service_sleep } = parties(8, 8);
    for number in 0..SLOTS {
        client.submit(&submission(number)).unwrap();
        service.accept().unwrap().unwrap();
    }
    service.complete([0; 4]).unwrap();
    let last = client.peek().unwrap().unwrap();
    client.consume(&last, Completion::Last).unwrap();
    assert_eq!(service.consumed_completions(), Ok(0), "not as lazy as this model needs");

    let serving = thread::spawn({
        let service_sleep = service_sleep.clone();
        move || complete_more(&mut service, 1, &service_sleep)
    });
    // Waits by polling: nothing but `must_ring` tells the service.
    while client.peek().unwrap().is_none() {
        if client.must_ring() {
            service_sleep.ring();
        }
        thread::yield_now();
    }
    serving.join().unwrap();
}

/// A submission that finds no spare slot is not lost on a service that sleeps meanwhile.
fn a_submission_waits_for_a_slot() {
    let Parties { mut client, mut service, client_sleep, service_sleep } = parties(2, 2);
    client.submit(&submission(0)).unwrap();
    service.accept().unwrap().unwrap();
    service.complete_more([0, 1, 0, 0]).unwrap();
    client.submit(&submission(1)).unwrap();
    assert_eq!(service.accept(), Ok(None));
    assert!(!service.is_ready());

    let serving = thread::spawn({
        let service_sleep = service_sleep.clone();
        move || assert_eq!(next_submission(&mut service, &service_sleep), 1)
    });
    let entry = next_completion(&mut client, Completion::More, &client_sleep, &service_sleep);
    assert_eq!(entry[1], 1);
    if client.must_ring() {
        service_sleep.ring();
    }
    serving.join().unwrap();
}

/// One request, one reply.
pub(crate) fn one_at_a_time() {
    request_reply::<1, 1>();
}

/// Both slots in use, and one of each ring used twice.
pub(crate) fn two_in_flight() {
    request_reply::<3, 2>();
}

#[test]
fn every_request_is_answered_and_nobody_sleeps_for_ever() {
    check(9, one_at_a_time);
}

#[test]
fn slots_are_reused_with_requests_in_flight() {
    check(3, two_in_flight);
}

#[test]
fn a_service_out_of_completion_slots_is_woken() {
    check(3, completion_slots_run_out);
}

#[test]
fn a_lazy_client_does_not_starve_the_service() {
    check(9, the_last_slot_is_told_of);
}

#[test]
fn a_submission_that_waits_for_a_slot_is_accepted() {
    check(9, a_submission_waits_for_a_slot);
}
