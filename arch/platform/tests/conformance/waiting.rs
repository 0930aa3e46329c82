//! Time, and sleeping on words.

use crate::subject::{Report, Subject};
use dataplane::Word;
use dataplane::platform::{Access, Instant, Wake, Writer};
use rings::sync::Ordering;
use std::thread;

/// Rounds of a game that one lost wake-up would end.
const ROUNDS: u64 = 2_000;

pub(crate) fn check(subject: &Subject, report: &mut Report) {
    let mut check = |what, check: fn(&Subject)| {
        report.check(subject.name, what, || check(subject));
    };
    check("time goes on", time_goes_on);
    check("a change before sleeping is seen", change_before_sleeping);
    check("a deadline ends a sleep", deadline);
    check("no wake-up is lost", no_wake_is_lost);
    check("all that sleep on a word wake", all_sleepers);
    check("any of many words wakes", many_words);
    check("more words than one call takes", very_many_words);
}

fn words(subject: &Subject, count: usize) -> Vec<Word> {
    let bytes = count as u64 * 8;
    let made = subject.memory.create(bytes, Writer::Client).unwrap();
    let region = subject.memory.map(&made.writable, Access::ReadWrite).unwrap();
    (0..count).map(|index| region.word(index * 8).unwrap()).collect()
}

fn time_goes_on(subject: &Subject) {
    let start = subject.waiting.now();
    while subject.waiting.now() == start {
        subject.waiting.yield_now();
    }
    assert!(subject.waiting.now() > start);
    assert!(subject.waiting.wall_clock().0 > 0);
    let processors = thread::available_parallelism().unwrap().get();
    assert!(subject.waiting.cpu() < 1 << 16, "{processors} processors");
}

fn change_before_sleeping(subject: &Subject) {
    let words = words(subject, 2);
    words[1].store(1, Ordering::Release);
    let one = subject.waiting.sleep_on(&[(&words[1], 0)], None);
    assert_eq!(one, Wake::Woken);
    let both = subject.waiting.sleep_on(&[(&words[0], 0), (&words[1], 0)], None);
    assert_eq!(both, Wake::Woken);
    // Also where the kernel does not look.
    words[1].store(1 << 32, Ordering::Release);
    assert_eq!(subject.waiting.sleep_on(&[(&words[1], 0)], None), Wake::Woken);
}

fn deadline(subject: &Subject) {
    let words = words(subject, 2);
    let both = [(&words[0], 0), (&words[1], 0)];
    for words in [&both[..0], &both[..1], &both[..]] {
        let deadline = subject.waiting.now().after_ns(1_000_000);
        // It may wake for no reason, but it must say in the end that time is up.
        while subject.waiting.sleep_on(words, Some(deadline)) != Wake::Deadline {}
        assert!(subject.waiting.now() >= deadline);
        assert_eq!(subject.waiting.sleep_on(words, Some(Instant(0))), Wake::Deadline);
    }
}

fn no_wake_is_lost(subject: &Subject) {
    let words = words(subject, 2);
    let (ping, pong) = (&words[0], &words[1]);
    let turn = |mine: &Word, theirs: &Word| {
        for round in 0..ROUNDS {
            while theirs.load(Ordering::Acquire) == round {
                let woken = subject.waiting.sleep_on(&[(theirs, round)], subject.lost());
                assert_ne!(woken, Wake::Deadline, "round {round}");
            }
            mine.store(round + 1, Ordering::Release);
            subject.waiting.wake(mine);
        }
    };
    // One side leads by a round.
    ping.store(1, Ordering::Release);
    thread::scope(|scope| {
        scope.spawn(|| turn(pong, ping));
        for round in 1..=ROUNDS {
            while pong.load(Ordering::Acquire) < round {
                let woken = subject.waiting.sleep_on(&[(pong, round - 1)], subject.lost());
                assert_ne!(woken, Wake::Deadline, "round {round}");
            }
            ping.store(round + 1, Ordering::Release);
            subject.waiting.wake(ping);
        }
    });
}

fn all_sleepers(subject: &Subject) {
    let words = words(subject, 2);
    let (word, asleep) = (&words[0], &words[1]);
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| {
            scope.spawn(|| {
                while word.load(Ordering::Acquire) == 0 {
                    let woken = subject.waiting.sleep_on(&[(word, 0)], subject.lost());
                    assert_ne!(woken, Wake::Deadline);
                }
            })
        });
        // Long enough for all to sleep, mostly; those that do not, see the change.
        let soon = subject.waiting.now().after_ns(20_000_000);
        while subject.waiting.sleep_on(&[(asleep, 0)], Some(soon)) != Wake::Deadline {}
        word.store(1, Ordering::Release);
        subject.waiting.wake(word);
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}

fn many_words(subject: &Subject) {
    each_wakes(subject, 16, &[0, 7, 15]);
}

fn very_many_words(subject: &Subject) {
    each_wakes(subject, 300, &[0, 128, 299]);
}

/// Sleeps on all words while one of them changes.
fn each_wakes(subject: &Subject, count: usize, changed: &[usize]) {
    let words = words(subject, count);
    for &index in changed {
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let pairs: Vec<_> = words.iter().map(|word| (word, 0)).collect();
                while words[index].load(Ordering::Acquire) == 0 {
                    let woken = subject.waiting.sleep_on(&pairs, subject.lost());
                    assert_ne!(woken, Wake::Deadline, "word {index}");
                }
            });
            words[index].store(1, Ordering::Release);
            subject.waiting.wake(&words[index]);
            sleeper.join().unwrap();
        });
        words[index].store(0, Ordering::Release);
    }
}
