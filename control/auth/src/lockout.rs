//! How long somebody has to wait who has failed too often: from the fifth failure on one second, and
//! twice as long each time, up to a quarter of an hour. By principal, and by user of the host.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::message::Name;

use crate::bytes::{Reader, write_list, write_name};

const FREE: u32 = 4;
const FIRST_NS: u64 = 1_000_000_000;
const LONGEST_NS: u64 = 900_000_000_000;
/// Failures are forgotten after a day without another one, ns.
const REMEMBERED_NS: u64 = 86_400_000_000_000;
/// Most of them that are kept.
const MOST: usize = 1024;

/// Whose failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A principal's, if there is one of this name or not.
    Principal(Name),
    /// A user of the host's.
    User(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// The last one, ns since 1970.
    last: u64,
}

impl Failures {
    /// How long to wait after so many, ns.
    fn delay(self) -> u64 {
        match self.count.checked_sub(FREE + 1) {
            None => 0,
            // The shift is too far from 10 on, and the longest is reached.
            Some(doublings) => (FIRST_NS << doublings.min(10)).min(LONGEST_NS),
        }
    }

    fn until(self) -> u64 {
        self.last.saturating_add(self.delay())
    }
}

/// All failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockOut(BTreeMap<Subject, Failures>);

impl LockOut {
    /// How long one of these has still to wait, ns; 0: not at all.
    pub(crate) fn wait(&self, subjects: &[Subject], now: u64) -> u64 {
        // A clock that was set back makes nobody wait longer than he would have to after a failure now.
        let wait = |failures: &Failures| failures.until().saturating_sub(now).min(failures.delay());
        subjects.iter().filter_map(|subject| self.0.get(subject)).map(wait).max().unwrap_or(0)
    }

    /// Each of these has failed once more; how long that makes them wait, ns.
    pub(crate) fn failed(&mut self, subjects: &[Subject], now: u64) -> u64 {
        self.0.retain(|_, failures| now.saturating_sub(failures.until()) < REMEMBERED_NS);
        for subject in subjects {
            if self.0.len() >= MOST && !self.0.contains_key(subject) {
                let soonest = self.0.iter().min_by_key(|(_, failures)| failures.until());
                if let Some(soonest) = soonest.map(|(subject, _)| *subject) {
                    self.0.remove(&soonest);
                }
            }
            let failures = self.0.entry(*subject).or_insert(Failures { count: 0, last: now });
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        self.wait(subjects, now)
    }

    /// Each of these has succeeded.
    pub(crate) fn succeeded(&mut self, subjects: &[Subject]) {
        self.0.retain(|subject, _| !subjects.contains(subject));
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_list(out, self.0.iter(), |out, (subject, failures)| {
            match subject {
                Subject::Principal(name) => {
                    out.push(0);
                    write_name(out, name);
                }
                Subject::User(uid) => {
                    out.push(1);
                    out.extend(uid.to_le_bytes());
                }
            }
            out.extend(failures.count.to_le_bytes());
            out.extend(failures.last.to_le_bytes());
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let all = reader.list(|reader| {
            let subject = match reader.byte()? {
                0 => Subject::Principal(reader.name()?),
                1 => Subject::User(reader.u32()?),
                _ => return None,
            };
            Some((subject, Failures { count: reader.u32()?, last: reader.u64()? }))
        })?;
        Some(Self(all.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_delay_doubles_to_a_quarter_of_an_hour() {
        let (mut lock_out, who) = (LockOut::default(), [Subject::User(1)]);
        let mut delays = Vec::new();
        for _ in 0..17 {
            delays.push(lock_out.failed(&who, 100 * SECOND) / SECOND);
        }
        let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
        assert_eq!(delays, expected);
        assert_eq!(lock_out.wait(&who, 1000 * SECOND), 0);
        assert_eq!(lock_out.wait(&[Subject::User(2)], 0), 0);
        assert_eq!(lock_out.wait(&who, 0), 900 * SECOND, "the clock was set back");
        lock_out.succeeded(&who);
        assert_eq!(lock_out, LockOut::default());
    }

    #[test]
    fn only_so_many_are_kept_and_the_longest_stay() {
        let (mut lock_out, victim) = (LockOut::default(), [Subject::User(u32::MAX)]);
        (0..20).for_each(|_| {
            lock_out.failed(&victim, SECOND);
        });
        (0..5000).for_each(|uid| {
            lock_out.failed(&[Subject::User(uid)], 2 * SECOND);
        });
        assert_eq!(lock_out.0.len(), MOST);
        assert_ne!(lock_out.wait(&victim, 2 * SECOND), 0);
    }
}
