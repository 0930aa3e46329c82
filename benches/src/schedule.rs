//! The turns: every contender of a group one block after the other, until there are enough.
//!
//! The order rotates from round to round, so that no contender always follows the same one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::block::Block;
use crate::cli::Budget;
use crate::contender::{Contender, Cores};
use crate::env::Env;
use crate::peers::{Flag, Wait};
use crate::placement::Placement;
use crate::stats::{MIN_RATIO_BLOCKS, Record, median};
use crate::usage::{Meter, stolen};

/// How long the flag ping-pong before and after each block takes.
const PROBE_LENGTH: Duration = Duration::from_micros(80);

/// How long blocks are, and so how many steps they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As many steps as take this long.
    Of(Duration),
    /// One step, without a warm-up.
    SingleStep,
}

/// A contender at its turn, and what it has shown so far.
pub struct Seat {
    block: Block,
    contender: Box<dyn Contender>,
    pace: Pace,
    steps: usize,
    clock_cost: Duration,
    server_cpu_ns: u64,
    /// The placement of the last block, if that block counts.
    last: Option<Placement>,
    /// What was measured.
    pub record: Record,
}

/// What a group's run was like.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Blocks dropped because the placement changed around them.
    pub mixed_blocks: u64,
    /// Time the host took from the processors, as a share of theirs.
    pub steal_share: f64,
    /// What was subtracted from every step.
    pub clock_cost: Duration,
}

impl Seat {
    /// Seats a contender.
    ///
    /// # Errors
    /// When one of its servers is gone.
    pub fn new(contender: Box<dyn Contender>, pace: Pace, clock_cost: Duration) -> Result<Self> {
        let block = Block::new(Meter::new(&contender.servers())?);
        let steps = if pace == Pace::SingleStep { 1 } else { 8 };
        Ok(Self {
            block,
            contender,
            pace,
            steps,
            clock_cost,
            server_cpu_ns: 0,
            last: None,
            record: Record::default(),
        })
    }

    /// Adds the server's processor time of the last block, now that the server sleeps.
    fn settle(&mut self) -> Result<()> {
        let before_ns = self.server_cpu_ns;
        self.server_cpu_ns = self.block.server_cpu_ns()?;
        if let Some(placement) = self.last.take() {
            let cpu_ns = self.server_cpu_ns.saturating_sub(before_ns);
            self.record.add_server(placement, cpu_ns, self.block.all_steps());
        }
        Ok(())
    }

    /// Takes note of the block that was just run, if its placement is known.
    fn count(&mut self, round: usize, placement: Option<Placement>, median_ns: f64) {
        self.last = placement;
        if let Some(placement) = placement {
            let steps = self.block.durations_ns(self.clock_cost);
            self.record.add(round, placement, median_ns, steps, self.block.usage());
        }
    }

    /// Runs one block; returns the median of its steps in nanoseconds.
    fn run(&mut self) -> Result<f64> {
        let warm_up = match self.pace {
            Pace::Of(_) => (self.steps / 8).max(2),
            Pace::SingleStep => 0,
        };
        self.settle()?;
        self.block.prepare(self.steps, warm_up);
        self.contender.begin_block()?;
        self.contender.run(&mut self.block)?;
        self.contender.end_block()?;
        let median_ns = median(self.block.durations_ns(self.clock_cost).map(to_f64))
            .context("a contender timed no step")?;
        if let Pace::Of(length) = self.pace {
            self.steps = steps_for(length, median_ns);
        }
        Ok(median_ns)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a step takes less than 2^53 ns")]
fn to_f64(step_ns: u64) -> f64 {
    step_ns as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn steps_for(length: Duration, step_ns: f64) -> usize {
    const MAX_STEPS: f64 = 16_384.0;
    (length.as_secs_f64() * 1e9 / step_ns.max(1.0)).clamp(1.0, MAX_STEPS) as usize
}

/// Runs the seats in turns within `budget`, and fills their records.
///
/// # Errors
/// The first error of a contender.
pub fn run(
    seats: &mut [Seat],
    cores: Cores,
    env: &Env,
    budget: Budget,
    clock_cost: Duration,
) -> Result<Conditions> {
    let mut probe = Probe::new(cores, env, clock_cost)?;
    let mut mixed_blocks = 0;
    let start = Instant::now();
    let stolen_before = stolen()?;
    for round in 0.. {
        probe.step()?;
        let turns = seats.len();
        for turn in 0..turns {
            let Some(seat) = seats.get_mut((round + turn) % turns) else { continue };
            let median_ns = seat.run()?;
            let placement = probe.step()?;
            seat.count(round, placement, median_ns);
            mixed_blocks += u64::from(placement.is_none());
        }
        let elapsed = start.elapsed();
        if elapsed >= budget.at_most || (elapsed >= budget.at_least && enough(seats)) {
            break;
        }
    }
    for seat in seats {
        seat.settle()?;
    }
    let steal = stolen()?.saturating_sub(stolen_before).as_secs_f64();
    let steal_share = steal / start.elapsed().as_secs_f64();
    Ok(Conditions { mixed_blocks, steal_share, clock_cost })
}

/// Whether every placement that was seen has blocks enough for a ratio.
fn enough(seats: &[Seat]) -> bool {
    Placement::ALL.iter().all(|placement| {
        let mut blocks = seats.iter().map(|seat| seat.record.blocks(*placement));
        let seen = blocks.clone().any(|count| count > 0);
        !seen || blocks.all(|count| count >= MIN_RATIO_BLOCKS)
    })
}

/// Tells the placement of the block between its last two steps.
enum Probe {
    OneCore,
    TwoCores { flag: Box<Seat>, last_ns: f64 },
}

impl Probe {
    fn new(cores: Cores, env: &Env, clock_cost: Duration) -> Result<Self> {
        if cores == Cores::One {
            return Ok(Self::OneCore);
        }
        let cpu = env.server_cpu(cores)?;
        let flag = Box::new(Flag::open(Wait::Spin, cpu)?);
        let flag = Box::new(Seat::new(flag, Pace::Of(PROBE_LENGTH), clock_cost)?);
        Ok(Self::TwoCores { flag, last_ns: f64::NAN })
    }

    fn step(&mut self) -> Result<Option<Placement>> {
        match self {
            Self::OneCore => Ok(Some(Placement::OneCore)),
            Self::TwoCores { flag, last_ns } => {
                let now_ns = flag.run()?;
                let before_ns = std::mem::replace(last_ns, now_ns);
                Ok(Placement::between(before_ns, now_ns))
            }
        }
    }
}
