//! Numbers that look random and follow from a seed, so that a failure can be repeated.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Names the seed of a run.
const VARIABLE: &str = "VERIDIAN_SEED";

/// A generator: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// The seed of this run: what the environment says, else a new one. Printed.
#[must_use]
pub fn seed() -> u64 {
    seed_or_else(|| RandomState::new().build_hasher().finish())
}

/// The same, else the usual one.
#[must_use]
pub fn seed_or(usual: u64) -> u64 {
    seed_or_else(|| usual)
}

fn seed_or_else(other: impl FnOnce() -> u64) -> u64 {
    let given = std::env::var(VARIABLE).ok();
    let seed = given.map_or_else(other, |text| {
        text.parse().unwrap_or_else(|_| panic!("{VARIABLE} is no number: {text}"))
    });
    println!("seed: {seed} (repeat with {VARIABLE}={seed})");
    seed
}

impl Random {
    /// A generator for one party of a run.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }

    /// The same, as an index.
    pub fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    /// A number that a careless check may take for a good one: small, large, at a border, or any.
    pub fn tricky(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(16),
            1 => self.below(1 << 17),
            2 => u64::MAX - self.below(16),
            3 => (1 << self.below(64)) - 1,
            4 => 1 << self.below(64),
            _ => self.word(),
        }
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.word().to_le_bytes());
        words.take(count).collect()
    }
}
