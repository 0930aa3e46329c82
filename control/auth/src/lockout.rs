//! How long somebody has to wait who has failed too often: twice as long with each further failure, up
//! to a bound. By principal, and by user of the host.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::message::Name;

use crate::bytes::{Reader, write_list, write_name};

/// Failures are forgotten after a day without another one, ns.
const REMEMBERED_NS: u64 = 86_400_000_000_000;
/// Most of them that are kept.
const MOST: usize = 1024;

/// Who has to wait, and how long.
#[derive(Clone, Copy, Debug)]
pub struct LockOutRules {
    /// Failures in a row after which one has to wait.
    pub after: u32,
    /// The first wait, ns; each further one is twice as long.
    pub first_ns: u64,
    /// The longest wait, ns.
    pub longest_ns: u64,
}

impl Default for LockOutRules {
    /// From the fifth failure on, one second to a quarter of an hour.
    fn default() -> Self {
        Self { after: 5, first_ns: 1_000_000_000, longest_ns: 900_000_000_000 }
    }
}

impl LockOutRules {
    /// How long to wait after so many failures, ns.
    fn delay(&self, failures: u32) -> u64 {
        match failures.checked_sub(self.after) {
            None => 0,
            Some(doublings) => {
                let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
                self.first_ns.saturating_mul(factor).min(self.longest_ns)
            }
        }
    }
}

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

/// All failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockOut(BTreeMap<Subject, Failures>);

impl LockOut {
    /// How long one of these has still to wait, ns; 0: not at all.
    pub(crate) fn wait(&self, rules: &LockOutRules, subjects: &[Subject], now: u64) -> u64 {
        // A clock that was set back makes nobody wait longer than he would have to after a failure now.
        let wait = |failures: &Failures| {
            let delay = rules.delay(failures.count);
            failures.last.saturating_add(delay).saturating_sub(now).min(delay)
        };
        subjects.iter().filter_map(|subject| self.0.get(subject)).map(wait).max().unwrap_or(0)
    }

    /// Each of these has failed once more; how long that makes them wait, ns.
    pub(crate) fn failed(&mut self, rules: &LockOutRules, subjects: &[Subject], now: u64) -> u64 {
        let until = |failures: &Failures| failures.last.saturating_add(rules.delay(failures.count));
        self.0.retain(|_, failures| now.saturating_sub(until(failures)) < REMEMBERED_NS);
        for subject in subjects {
            if self.0.len() >= MOST && !self.0.contains_key(subject) {
                // Whoever is at one guess each of many names pushes out those, and nobody who was
                // guessed at more often.
                let least = self.0.iter().min_by_key(|(_, it)| (it.count, until(it)));
                if let Some(least) = least.map(|(subject, _)| *subject) {
                    self.0.remove(&least);
                }
            }
            let failures = self.0.entry(*subject).or_insert(Failures { count: 0, last: now });
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        self.wait(rules, subjects, now)
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
    const RULES: LockOutRules =
        LockOutRules { after: 5, first_ns: SECOND, longest_ns: 900 * SECOND };

    #[test]
    fn the_delay_doubles_to_a_quarter_of_an_hour() {
        let (mut lock_out, who) = (LockOut::default(), [Subject::User(1)]);
        let mut delays = Vec::new();
        for _ in 0..17 {
            delays.push(lock_out.failed(&RULES, &who, 100 * SECOND) / SECOND);
        }
        let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
        assert_eq!(delays, expected);
        assert_eq!(lock_out.wait(&RULES, &who, 1000 * SECOND), 0);
        assert_eq!(lock_out.wait(&RULES, &[Subject::User(2)], 0), 0);
        assert_eq!(lock_out.wait(&RULES, &who, 0), 900 * SECOND, "the clock was set back");
        lock_out.succeeded(&who);
        assert_eq!(lock_out, LockOut::default());
    }

    #[test]
    fn only_so_many_are_kept_and_the_longest_stay() {
        let (mut lock_out, victim) = (LockOut::default(), [Subject::User(u32::MAX)]);
        (0..20).for_each(|_| {
            lock_out.failed(&RULES, &victim, SECOND);
        });
        (0..5000).for_each(|uid| {
            lock_out.failed(&RULES, &[Subject::User(uid)], 2 * SECOND);
        });
        assert_eq!(lock_out.0.len(), MOST);
        assert_ne!(lock_out.wait(&RULES, &victim, 2 * SECOND), 0);
    }

    #[test]
    fn made_up_names_push_out_nobody_who_is_guessed_at() {
        let (mut lock_out, victim) = (LockOut::default(), [Subject::User(u32::MAX)]);
        // One more makes her wait.
        (1..RULES.after).for_each(|_| {
            lock_out.failed(&RULES, &victim, SECOND);
        });
        (0..5000).for_each(|uid| {
            lock_out.failed(&RULES, &[Subject::User(uid)], 2 * SECOND);
        });
        assert_ne!(lock_out.failed(&RULES, &victim, 3 * SECOND), 0);
    }
}
