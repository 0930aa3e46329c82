//! The locks that one owner has on one file: disjoint, in order, neighbours of one kind merged.

use alloc::vec::Vec;

/// What a lock keeps others from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From locking exclusively.
    Shared,
    /// From locking at all.
    Exclusive,
}

impl Kind {
    /// Whether locks of two owners on the same byte can be had at once.
    pub(crate) fn bears(self, other: Self) -> bool {
        self == Self::Shared && other == Self::Shared
    }
}

/// Bytes of a file, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) first: u64,
    /// The last byte; the highest number reaches to the end of the file, wherever it is.
    pub(crate) last: u64,
}

impl Span {
    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// A lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    /// What is locked.
    pub(crate) span: Span,
    /// How.
    pub(crate) kind: Kind,
}

/// All locks of one owner on one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Lock>);

impl Ranges {
    /// Number of locks.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is locked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with a span locked in another way, or unlocked.
    pub(crate) fn with(&self, span: Span, kind: Option<Kind>) -> Self {
        let mut next = Self(Vec::with_capacity(self.len() + 2));
        // What is left of a lock before the span, then the span, then what is left behind it.
        for lock in self.0.iter().filter(|lock| lock.span.first < span.first) {
            let last = lock.span.last.min(span.first - 1);
            next.push(Lock { span: Span { last, ..lock.span }, ..*lock });
        }
        if let Some(kind) = kind {
            next.push(Lock { span, kind });
        }
        for lock in self.0.iter().filter(|lock| lock.span.last > span.last) {
            let first = lock.span.first.max(span.last + 1);
            next.push(Lock { span: Span { first, ..lock.span }, ..*lock });
        }
        next
    }

    /// Adds a lock behind all others.
    fn push(&mut self, lock: Lock) {
        match self.0.last_mut() {
            Some(before)
                if before.kind == lock.kind
                    && before.span.last.checked_add(1) == Some(lock.span.first) =>
            {
                before.span.last = lock.span.last;
            }
            _ => self.0.push(lock),
        }
    }

    /// The first lock that keeps somebody else from having this one.
    pub(crate) fn in_the_way(&self, of: Lock) -> Option<Lock> {
        let start = self.0.partition_point(|lock| lock.span.last < of.span.first);
        let mut rest = self.0.iter().skip(start).take_while(|lock| lock.span.overlaps(of.span));
        rest.find(|lock| !lock.kind.bears(of.kind)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of the naive model; the last stands for all behind it.
    const BYTES: usize = 24;

    fn span() -> impl Strategy<Value = Span> {
        (0..BYTES as u64, 1..=BYTES as u64).prop_map(|(first, len)| {
            let last = first + len - 1;
            Span { first, last: if last >= BYTES as u64 - 1 { u64::MAX } else { last } }
        })
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![Just(Kind::Shared), Just(Kind::Exclusive)]
    }

    fn bytes(span: Span) -> impl Iterator<Item = usize> {
        let last = usize::try_from(span.last).unwrap_or(usize::MAX).min(BYTES - 1);
        usize::try_from(span.first).unwrap()..=last
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn they_are_what_they_are_byte_by_byte(
            steps in prop::collection::vec((span(), prop::option::of(kind())), 1..24),
            asked in span(),
            how in kind(),
        ) {
            let mut ranges = Ranges::default();
            let mut naive = [None; BYTES];
            for (span, kind) in steps {
                ranges = ranges.with(span, kind);
                bytes(span).for_each(|byte| naive[byte] = kind);
                let mut found = [None; BYTES];
                for lock in &ranges.0 {
                    bytes(lock.span).for_each(|byte| found[byte] = Some(lock.kind));
                }
                prop_assert_eq!(found, naive);
                let runs = naive.chunk_by(|a, b| a == b).filter(|run| run[0].is_some());
                prop_assert_eq!(ranges.len(), runs.count());
                prop_assert!(ranges.0.is_sorted_by(|a, b| a.span.last < b.span.first));
                prop_assert_eq!(ranges.is_empty(), naive == [None; BYTES]);
            }
            let lock = Lock { span: asked, kind: how };
            let hit = bytes(asked).find(|byte| naive[*byte].is_some_and(|held| !held.bears(how)));
            let found = ranges.in_the_way(lock);
            prop_assert_eq!(found.is_some(), hit.is_some());
            if let (Some(found), Some(hit)) = (found, hit) {
                prop_assert!(bytes(found.span).any(|byte| byte == hit));
            }
        }
    }
}
