//! One block: a contender's turn, timed step by step.
//!
//! The end of one step is the start of the next, so every step costs one reading of the clock.
//! That reading sits between two operations, when nothing else is under way, so its calibrated
//! cost is subtracted from every step.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::usage::{Meter, Usage};

/// A turn: how many steps to do, and what they took.
pub struct Block {
    steps: usize,
    warm_up: usize,
    meter: Meter,
    stamps: Vec<Instant>,
    usage: Usage,
}

impl Block {
    /// A block whose processor time is read from `meter`.
    #[must_use]
    pub fn new(meter: Meter) -> Self {
        Self { steps: 0, warm_up: 0, meter, stamps: Vec::new(), usage: Usage::default() }
    }

    /// Sets the steps of the next turn, and how many go before them untimed: after a sleep the
    /// first ones pay for the wake-up and for cold caches.
    pub fn prepare(&mut self, steps: usize, warm_up: usize) {
        self.steps = steps;
        self.warm_up = warm_up;
        self.stamps.clear();
        self.stamps.reserve(steps + 1);
    }

    /// Times `step`, as often as prepared.
    ///
    /// # Errors
    /// The first error of a step.
    pub fn time(&mut self, mut step: impl FnMut() -> Result<()>) -> Result<()> {
        for _ in 0..self.warm_up {
            step()?;
        }
        let before = self.meter.read()?;
        self.stamps.push(Instant::now());
        for _ in 0..self.steps {
            step()?;
            self.stamps.push(Instant::now());
        }
        self.usage = self.meter.read()? - before;
        Ok(())
    }

    /// Nanoseconds of each timed step of the last turn, the cost of the clock subtracted.
    pub fn durations_ns(&self, clock_cost: Duration) -> impl Iterator<Item = u64> + '_ {
        let ends = self.stamps.iter().skip(1);
        ends.zip(&self.stamps).map(move |(end, start)| {
            let step = end.duration_since(*start).saturating_sub(clock_cost);
            u64::try_from(step.as_nanos()).unwrap_or(u64::MAX)
        })
    }

    /// What the timed steps of the last turn cost.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// All steps of the last turn, the untimed ones too.
    #[must_use]
    pub fn all_steps(&self) -> u64 {
        (self.warm_up + self.steps) as u64
    }

    /// The servers' processor time until now; exact only between blocks, while they sleep.
    ///
    /// # Errors
    /// When a server is gone.
    pub fn server_cpu_ns(&self) -> Result<u64> {
        self.meter.server_cpu_ns()
    }
}

/// The median cost of one reading of the clock.
#[must_use]
pub fn clock_cost() -> Duration {
    const READINGS: usize = 10_001;
    let mut block = Block::new(Meter::default());
    block.stamps.reserve(READINGS + 1);
    for _ in 0..=READINGS {
        block.stamps.push(Instant::now());
    }
    let mut costs: Vec<u64> = block.durations_ns(Duration::ZERO).collect();
    let (_, median, _) = costs.select_nth_unstable(READINGS / 2);
    Duration::from_nanos(*median)
}
