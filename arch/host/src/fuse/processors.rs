//! Where the threads that answer run: not on the processor of the service.
//!
//! A service that is busy spins between two requests. A thread on the same processor waits for it
//! to give way, and then waits for it again; on another one its answer is there within a
//! microsecond. The scheduler does not know: a thread is woken where it last ran, beside the service
//! or not, and stays there.

use rustix::process::getpid;
use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Moves this thread away from the processor that the service ran on last, if it is on it, to any
/// other that this process may use.
pub(super) fn keep_off(service: u64) {
    let here = sched_getcpu();
    if usize::try_from(service) != Ok(here) {
        return;
    }
    // The first thread answers nobody, so nothing was ever taken from it here.
    let Ok(mut others) = sched_getaffinity(Some(getpid())) else { return };
    others.unset(here);
    if others.count() > 0 {
        // Where it may not, it stays.
        let _stays = sched_setaffinity(None, &others);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::thread::CpuSet;

    #[test]
    fn a_thread_leaves_the_processor_of_the_service_if_it_may_use_another() {
        let allowed = sched_getaffinity(Some(getpid())).unwrap();
        let here = sched_getcpu();
        let mut only = CpuSet::new();
        only.set(here);
        sched_setaffinity(None, &only).unwrap();
        keep_off(here as u64 + 1);
        assert_eq!(sched_getaffinity(None).unwrap(), only, "the service is elsewhere");
        keep_off(here as u64);
        if allowed.count() > 1 {
            assert_ne!(sched_getcpu(), here);
        } else {
            assert_eq!(sched_getaffinity(None).unwrap(), only);
        }
    }
}
