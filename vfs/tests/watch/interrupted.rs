//! Requests that are dropped in the middle: what they have changed is reported.

use super::support::System;
use super::support::client::Client;
use super::support::fake::{FakeFileSystem, Pace};
use dataplane::file::{Request, UnlinkKind, WatchEvents};
use dataplane::service::Answer;
use std::task::{Context, Waker};

/// Begins a request and drops it after so many steps; says whether it was dropped in the middle.
fn cut_off(client: &Client, request: &Request, steps: usize, before: impl FnOnce()) -> bool {
    let Answer::Later(mut task) = client.submit_request(request) else { return false };
    let mut context = Context::from_waker(Waker::noop());
    let is_done = (0..steps).any(|_| task.as_mut().poll(&mut context).is_ready());
    before();
    !is_done
}

#[test]
fn a_name_that_was_changed_is_reported_to_others() {
    let mut changed = 0;
    for seed in 1..40 {
        let system = System::over(8 << 20, Box::new(FakeFileSystem::new(Pace::Later(seed))));
        let (client, other) = (system.root_client(), system.root_client());
        client.create("f", 0o644).unwrap();
        let events = WatchEvents::NAMES | WatchEvents::OF_OTHERS;
        let mut watch = client.watch(client.root, events);
        let (directory, path) = (other.root, other.path("f", 0));
        let request = Request::UnlinkAt { directory, path, kind: UnlinkKind::File };
        // The watcher's own session acts last.
        let was_cut = cut_off(&other, &request, 4, || {
            client.stat("").unwrap();
        });
        if was_cut && client.stat("f").is_err() {
            changed += 1;
            assert_eq!(watch.reports().len(), 1, "seed {seed}");
        }
    }
    assert!(changed > 0, "it was never dropped behind the change");
}

#[test]
fn contents_that_were_written_are_reported() {
    let mut written = 0;
    for (seed, shared) in (1..40).flat_map(|seed| [(seed, true), (seed, false)]) {
        let fake = FakeFileSystem::new(Pace::Later(seed));
        let system = System::over(8 << 20, Box::new(if shared { fake.shared() } else { fake }));
        let client = system.root_client();
        let file = client.create("f", 0o644).unwrap();
        let mut watch = client.watch(file, WatchEvents::CONTENTS);
        let request = client.write_request(file, 0, &[7; 20_000]);
        let was_cut = cut_off(&client, &request, 3, || ());
        if was_cut && client.stat("f").unwrap().size > 0 {
            written += 1;
            assert_eq!(watch.reports().len(), 1, "seed {seed}, shared {shared}");
        }
    }
    assert!(written > 0, "it was never dropped behind a change");
}
