//! Whether a thread that the kernel makes wait for an answer has a signal to act on.
//!
//! The kernel would tell it by a question, FUSE_INTERRUPT, which fuser does not pass on: it says
//! that it is not there, and then the kernel asks it no more. Who waits for an answer is then out
//! of reach of every signal, SIGKILL included. So whoever lets callers wait must look for
//! themselves, by proc_pid_status(5), and answer EINTR, by which the kernel either ends the call or
//! begins it anew, as the signal's handler wants it.
//!
//! It must be certain that the signal is the thread's: a call that ends with EINTR although none is
//! comes back to the program with a number that no program knows. What is pending for the thread
//! alone is, and what ends the process is pending for each thread alone. What is pending for the
//! process goes to its first thread unless that one blocks it, so for any other of several threads
//! it is somebody else's, or waits.

use std::fs;

fn status(thread: u32) -> std::io::Result<String> {
    fs::read_to_string(format!("/proc/{thread}/status"))
}

/// Whether it can be seen when a thread has a signal. Not where it has no number, 0, because it
/// lives in another namespace of processes.
pub(super) fn can_be_seen(thread: u32) -> bool {
    thread != 0 && status(thread).is_ok()
}

/// Whether a thread has a signal to act on.
pub(super) fn has_signal(thread: u32) -> bool {
    status(thread).is_ok_and(|status| parse(&status).unwrap_or(false))
}

fn parse(status: &str) -> Option<bool> {
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))
    };
    let signals = |name| u64::from_str_radix(field(name)?, 16).ok();
    let is_first = field("Tgid")? == field("Pid")?;
    let of_process = if is_first { signals("ShdPnd")? } else { 0 };
    Some((signals("SigPnd")? | of_process) & !signals("SigBlk")? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(thread: u32, own: &str, shared: &str, blocked: &str) -> String {
        format!(
            "Name:\tPid:\t9\nTgid:\t7\nNgid:\t0\nPid:\t{thread}\nThreads:\t2\nSigQ:\t0/1\n\
            SigPnd:\t{own}\nShdPnd:\t{shared}\nSigBlk:\t{blocked}\nSigIgn:\t00000000000000ff\n"
        )
    }

    const NONE: &str = "0000000000000000";
    const ALARM: &str = "0000000000002000";
    const KILL: &str = "0000000000000100";
    const ALL: &str = "ffffffffffffffff";

    #[test]
    fn a_signal_is_the_threads_own_or_the_first_ones() {
        for (thread, own, shared, blocked, expected) in [
            (7, NONE, NONE, NONE, false),
            (8, ALARM, NONE, NONE, true),
            (8, ALARM, NONE, ALARM, false),
            (8, KILL, NONE, ALARM, true),
            (7, NONE, ALARM, NONE, true),
            (7, NONE, ALARM, ALARM, false),
            (8, NONE, ALARM, NONE, false),
            (7, ALL, ALL, ALL, false),
        ] {
            let status = status_of(thread, own, shared, blocked);
            assert_eq!(parse(&status), Some(expected), "{status}");
        }
        assert_eq!(parse("Name:\tx\n"), None);
    }

    #[test]
    fn a_thread_of_this_process_can_be_seen_and_has_no_signal() {
        let own = std::process::id();
        assert!(can_be_seen(own) && !has_signal(own));
        assert!(!can_be_seen(0) && !has_signal(0));
    }
}
