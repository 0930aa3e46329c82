//! How many durations were how long, in a fixed number of buckets: eight for each doubling.
//!
//! A value is known to within an eighth of itself. Below 8 ns each has a bucket of its own; the
//! last bucket also holds whatever is longer than 2^40 ns, which is 18 minutes. The crates for
//! this need std (`hdrhistogram`, `histogram`), and a service has none.

use alloc::boxed::Box;
use core::ops::{AddAssign, Sub};

/// Buckets of a doubling, and the power of two that this is.
const DIVISIONS: u64 = 1 << DIVISION_BITS;
const DIVISION_BITS: u32 = 3;
/// Values from 2 to this power on count as the longest.
const LIMIT_BITS: u32 = 40;
/// The number of the last bucket.
const LAST_BUCKET: u16 = 303;
static_assertions::const_assert_eq!(LAST_BUCKET as usize + 1, Histogram::BUCKETS);

/// Counts of durations by their length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; Self::BUCKETS]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; Self::BUCKETS]) }
    }
}

impl Histogram {
    /// The number of buckets.
    pub const BUCKETS: usize = ((LIMIT_BITS - DIVISION_BITS + 1) << DIVISION_BITS) as usize;

    /// Counts a duration.
    pub fn record(&mut self, ns: u64) {
        self.add(bucket(ns), 1);
    }

    /// Counts that many durations of a bucket; says whether there is such a bucket.
    pub fn add(&mut self, bucket: u16, count: u64) -> bool {
        let found = self.counts.get_mut(usize::from(bucket));
        found.map(|total| *total = total.saturating_add(count)).is_some()
    }

    /// The buckets that are not empty, in ascending order, and their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> {
        (0..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// How many durations were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The longest duration that a bucket counts, ns; what is longer than 2^40 ns counts as that.
    #[must_use]
    pub fn longest_ns(bucket: u16) -> u64 {
        highest(bucket.min(LAST_BUCKET))
    }

    /// The duration that so many thousandths of all do not exceed, rounded up to the end of its
    /// bucket; none if nothing was counted.
    #[must_use]
    pub fn quantile_ns(&self, thousandths: u16) -> Option<u64> {
        let wanted = u128::from(self.total()) * u128::from(thousandths.min(1000));
        let rank = wanted.div_ceil(1000).max(1);
        let mut seen = 0u128;
        self.buckets().find_map(|(bucket, count)| {
            seen += u128::from(count);
            (seen >= rank).then(|| highest(bucket))
        })
    }
}

impl AddAssign<&Self> for Histogram {
    fn add_assign(&mut self, other: &Self) {
        for (bucket, count) in other.buckets() {
            self.add(bucket, count);
        }
    }
}

/// What was counted since an earlier state.
impl Sub for &Histogram {
    type Output = Histogram;

    fn sub(self, earlier: Self) -> Histogram {
        let mut difference = self.clone();
        for (count, before) in difference.counts.iter_mut().zip(earlier.counts.iter()) {
            *count = count.saturating_sub(*before);
        }
        difference
    }
}

/// The bucket that a duration belongs to.
fn bucket(ns: u64) -> u16 {
    let ns = ns.min((1 << LIMIT_BITS) - 1);
    let Some(octave) = ns.checked_ilog2().and_then(|bits| bits.checked_sub(DIVISION_BITS)) else {
        return u16::try_from(ns).unwrap_or(u16::MAX);
    };
    // The bits below the highest one say which division of the doubling it is.
    let bucket = u64::from(octave) * DIVISIONS + (ns >> octave);
    u16::try_from(bucket).unwrap_or(u16::MAX)
}

/// The longest duration that belongs to a bucket.
fn highest(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    match (bucket / DIVISIONS).checked_sub(1) {
        None => bucket,
        Some(octave) => ((bucket % DIVISIONS + DIVISIONS + 1) << octave) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: u16 = LAST_BUCKET;

    #[test]
    fn buckets_follow_one_another_without_gaps() {
        assert_eq!(usize::from(LAST) + 1, Histogram::BUCKETS);
        assert_eq!((bucket(0), highest(0)), (0, 0));
        for each in 1..=LAST {
            let (first, last) = (highest(each - 1) + 1, highest(each));
            assert_eq!((bucket(first), bucket(last)), (each, each));
            assert!(last - first <= first / DIVISIONS, "bucket {each} is too wide");
        }
        assert_eq!(highest(LAST), (1 << LIMIT_BITS) - 1);
        assert_eq!(bucket(u64::MAX), LAST);
    }

    #[test]
    fn quantiles_are_the_ends_of_buckets() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ns(500), None);
        (0..990).for_each(|_| histogram.record(5));
        (0..9).for_each(|_| histogram.record(1_000));
        histogram.record(1_000_000);
        let quantiles = [0, 500, 990, 991, 999, 1000, 2000].map(|q| histogram.quantile_ns(q));
        let [short, middle, long] = [5, 1_000, 1_000_000].map(|ns| Some(highest(bucket(ns))));
        assert_eq!(quantiles, [short, short, short, middle, middle, long, long]);
    }

    #[test]
    fn sums_and_differences_are_by_bucket() {
        let (mut all, mut few) = (Histogram::default(), Histogram::default());
        [3, 300, 30_000].into_iter().for_each(|ns| all.record(ns));
        let before = all.clone();
        [300, u64::MAX].into_iter().for_each(|ns| few.record(ns));
        all += &few;
        assert_eq!((all.total(), &all - &before), (5, few));
        assert!(!all.add(LAST + 1, 1), "a bucket that does not exist");
        assert_eq!((&before - &all).total(), 0);
    }
}
