//! What only processes do: die, be killed, fork, and get signals.

use crate::{Open, System};
use control::message::{ServiceState, ServiceStatus};
use dataplane::client::ClientError;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use std::collections::BTreeSet;

fn timeout(ns: u64) -> Sqe {
    Sqe { arg0: ns, ..Sqe::new(Opcode::Timeout, Handle::NONE) }
}

const NEVER_NS: u64 = 3_600_000_000_000;

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn vfs(open: &Open) -> ServiceStatus {
    let report = open.connection.status().unwrap();
    *report.services.iter().find(|service| service.name.as_str() == "vfs").unwrap()
}

/// Waits until the vfs serves again; how it is then.
fn await_vfs(open: &Open) -> ServiceStatus {
    loop {
        let status = vfs(open);
        if status.state == ServiceState::Ready {
            return status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// The proof that recovery will fit: after SIGKILL, what init reads in the ledger and the cursors
/// is exactly what the client has in flight, accepted or still in the ring.
#[test]
fn the_ledger_of_a_killed_service_names_what_is_in_flight() {
    for round in 0..20u64 {
        let system = System::linux();
        let mut open = system.session();
        let pid = vfs(&open).pid;
        let mut in_flight = BTreeSet::new();
        let mut kept = Vec::new();
        // Some finish, in any order, so that slots of the ledger were used before.
        for step in 0..40 + round {
            let ns = if step % 3 == 0 { 1_000 } else { NEVER_NS };
            let ticket = open.queue.submit(timeout(ns)).unwrap();
            if step % 3 == 0 {
                assert_eq!(open.queue.wait_for(ticket).unwrap().status, Errno::ETIME.into());
            } else {
                in_flight.insert(ticket.user_data());
                kept.push(ticket);
            }
        }
        let cancel = Sqe { arg0: kept[0].user_data(), ..Sqe::new(Opcode::Cancel, Handle::NONE) };
        open.queue.call(cancel).unwrap();
        assert_eq!(open.queue.wait_for(kept[0]).unwrap().status, Errno::ECANCELED.into());
        in_flight.remove(&kept[0].user_data());
        stop(pid);
        // The stopped service cannot accept these: they stay in the ring.
        for _ in 0..round {
            let ticket = open.queue.submit(timeout(NEVER_NS)).unwrap();
            in_flight.insert(ticket.user_data());
        }
        kill(pid);
        let ended = open.queue.wait(None).map(|_| ());
        assert_eq!(ended, Err(ClientError::Ended(Errno::ENOTCONN)));
        let remains = open.connection.remains(open.session.id()).unwrap();
        let named: BTreeSet<u64> = remains.iter().map(|request| request.user_data).collect();
        assert_eq!(named, in_flight, "round {round}");
        assert_eq!(remains.len(), in_flight.len(), "each once");
        let waiting = remains.iter().filter(|request| request.accepted == 0).count();
        assert_eq!(waiting as u64, round, "the rest had been accepted");
        assert_ne!(vfs(&open).pid, pid, "its successor");
    }
    println!("ledger of a killed service: 20 rounds, every request in flight named");
}

fn stop(pid: u32) {
    let id = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    // The signal is delivered at once to a process that runs or sleeps; wait until it shows.
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.rsplit(')').next().unwrap().trim_start().starts_with('T') {
            return;
        }
        std::thread::yield_now();
    }
}

/// A client that sleeps for a completion is woken by the service's death, not by the safety net.
#[test]
fn a_sleeping_client_hears_of_the_death() {
    let system = System::linux();
    let mut open = system.session();
    let pid = vfs(&open).pid;
    open.queue.submit(timeout(NEVER_NS)).unwrap();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        kill(pid);
    });
    let ended = open.queue.wait(None).map(|_| ());
    assert_eq!(ended, Err(ClientError::Ended(Errno::ENOTCONN)));
    assert_eq!(open.queue.safety_wakes(), 0);
    killer.join().unwrap();
    let back = await_vfs(&open);
    assert_eq!((back.epoch, back.restarts, back.last_end), (2, 1, -9));
    let mut again = open.connection.connect("vfs", Default::default()).unwrap();
    let root = again.root();
    again.take_queue().unwrap().stat(root, b"").unwrap();
    system.stop();
}
