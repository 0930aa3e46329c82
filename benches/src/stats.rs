//! From blocks to figures: percentiles, medians of ratios with their intervals, costs.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::contender::{Mode, US};
use crate::placement::Placement;
use crate::usage::Usage;

/// Blocks that a ratio wants on either side.
pub const MIN_RATIO_BLOCKS: usize = 200;

/// Everything measured of one contender, by placement.
#[derive(Debug, Default)]
pub struct Record {
    placements: BTreeMap<&'static str, Tally>,
}

/// Everything measured of one contender in one placement.
#[derive(Debug)]
struct Tally {
    steps: Histogram<u64>,
    /// The median step of each block, by the round it was run in.
    medians_ns: BTreeMap<usize, f64>,
    /// Processor time of each block for a step, by side. Medians of these are reported: a sum
    /// would mostly tell how long one side was polling while the other was not let run.
    client_cpu_ns: Vec<f64>,
    server_cpu_ns: Vec<f64>,
    involuntary_switches: u64,
}

impl Default for Tally {
    fn default() -> Self {
        const THREE_DIGITS: u8 = 3;
        #[expect(clippy::unwrap_used, reason = "three digits are within what the crate allows")]
        let steps = Histogram::new(THREE_DIGITS).unwrap();
        Self {
            steps,
            medians_ns: BTreeMap::new(),
            client_cpu_ns: Vec::new(),
            server_cpu_ns: Vec::new(),
            involuntary_switches: 0,
        }
    }
}

impl Record {
    /// Adds a block of `round`.
    pub fn add(
        &mut self,
        round: usize,
        placement: Placement,
        median_ns: f64,
        steps_ns: impl Iterator<Item = u64>,
        usage: Usage,
    ) {
        let tally = self.placements.entry(placement.name()).or_default();
        let before = tally.steps.len();
        for step_ns in steps_ns {
            // A histogram that grows refuses nothing below 2^63.
            let _ = tally.steps.record(step_ns);
        }
        tally.medians_ns.insert(round, median_ns);
        let steps = tally.steps.len() - before;
        tally.client_cpu_ns.push(share(usage.client_cpu_ns, steps));
        tally.involuntary_switches += usage.involuntary_switches;
    }

    /// Adds the servers' processor time of a block, and how many steps it covers.
    pub fn add_server(&mut self, placement: Placement, cpu_ns: u64, steps: u64) {
        let tally = self.placements.entry(placement.name()).or_default();
        tally.server_cpu_ns.push(share(cpu_ns, steps));
    }

    /// How many blocks were in this placement.
    #[must_use]
    pub fn blocks(&self, placement: Placement) -> usize {
        self.tally(placement).map_or(0, |tally| tally.medians_ns.len())
    }

    fn tally(&self, placement: Placement) -> Option<&Tally> {
        self.placements.get(placement.name())
    }

    /// How many times as long as `ours` this took, by rounds in which both had this placement.
    fn ratio_to(&self, ours: &Self, placement: Placement) -> Option<Ratio> {
        let (theirs, ours) = (self.tally(placement)?, ours.tally(placement)?);
        let ratios = theirs.medians_ns.iter().filter_map(|(round, their_ns)| {
            ours.medians_ns.get(round).map(|our_ns| their_ns / our_ns.max(1.0))
        });
        Ratio::of(ratios.collect())
    }
}

/// A step's share of a block's total.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn share(total_ns: u64, steps: u64) -> f64 {
    total_ns as f64 / steps.max(1) as f64
}

/// A median of ratios and its interval at 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The median.
    pub median: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many ratios.
    pub blocks: usize,
}

impl Ratio {
    /// The interval is between two of the sorted ratios, whose ranks follow from the binomial
    /// distribution of how many lie below the true median, in its normal approximation.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "ranks, clamped to the number of blocks"
    )]
    fn of(mut ratios: Vec<f64>) -> Option<Self> {
        const Z_95: f64 = 1.96;
        ratios.sort_by(f64::total_cmp);
        let blocks = ratios.len();
        let (count, spread) = (blocks as f64, Z_95 * (blocks as f64).sqrt());
        let low = ((count - spread) / 2.0).floor().max(0.0) as usize;
        let high = (((count + spread) / 2.0).ceil() as usize).min(blocks.checked_sub(1)?);
        let median = median(ratios.iter().copied())?;
        Some(Self { median, low: *ratios.get(low)?, high: *ratios.get(high)?, blocks })
    }
}

/// The middle value, the upper of the two if their number is even.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

/// One line of the table and one object of the JSON file. Times are in nanoseconds per operation.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The bench's name.
    pub bench: &'static str,
    /// The contender's name.
    pub who: &'static str,
    /// Where its two sides ran.
    pub placement: Placement,
    /// How they waited.
    pub mode: Mode,
    /// Steps timed.
    pub samples: u64,
    /// Blocks they were in.
    pub blocks: usize,
    /// What was measured, if anything.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Why nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_observed: Option<String>,
}

/// The figures of a row.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Half of the steps took at most this.
    pub p50_ns: f64,
    /// 99 % of the steps took at most this.
    pub p99_ns: f64,
    /// 99.9 % of the steps took at most this.
    pub p999_ns: f64,
    /// The median again, where a step is several operations and no single one is timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_op_ns: Option<f64>,
    /// The median of the whole step there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_step_ns: Option<f64>,
    /// How many times as long as ours; none without ours.
    pub ratio_to_us: Option<f64>,
    /// Lower end of the ratio's interval.
    pub ratio_low: Option<f64>,
    /// Upper end of the ratio's interval.
    pub ratio_high: Option<f64>,
    /// Blocks with a block of ours in the same round and placement.
    pub ratio_blocks: usize,
    /// The client's processor time, the median over blocks.
    pub cpu_ns_client: f64,
    /// The server's processor time, the median over blocks; 0 where the kernel serves.
    pub cpu_ns_server: f64,
    /// How often either side was made to leave its processor, in all.
    pub involuntary_switches: u64,
    /// Time that the host took from the processors while the group ran, in percent.
    pub steal_percent: f64,
}

/// What a contender is called and has shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its name.
    pub who: &'static str,
    /// How it waited.
    pub mode: Mode,
    /// Its blocks.
    pub record: &'a Record,
}

/// Makes the rows of a group.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The bench's name.
    pub bench: &'static str,
    /// Operations in a step.
    pub ops_per_step: u32,
    /// Time stolen while the group ran, as a share.
    pub steal_share: f64,
    /// Who took part.
    pub contenders: &'a [Shown<'a>],
}

impl Group<'_> {
    /// The rows of all contenders in `placement`.
    pub fn rows(&self, placement: Placement) -> impl Iterator<Item = Row> {
        // On one core the ratio is to our default, which is in the polling row, for all modes.
        let against =
            move |mode| if placement == Placement::OneCore { Mode::Polling } else { mode };
        self.contenders.iter().map(move |shown| {
            let figures = shown.record.tally(placement).map(|tally| {
                let ours = |it: &&Shown<'_>| it.who == US && it.mode == against(shown.mode);
                let ours = self.contenders.iter().find(ours);
                let ratio = ours.and_then(|ours| shown.record.ratio_to(ours.record, placement));
                self.figures(tally, ratio)
            });
            Row {
                bench: self.bench,
                who: shown.who,
                placement,
                mode: shown.mode,
                samples: shown.record.tally(placement).map_or(0, |tally| tally.steps.len()),
                blocks: shown.record.blocks(placement),
                not_observed: figures.is_none().then(|| "placement never seen".to_owned()),
                figures,
            }
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn figures(&self, tally: &Tally, ratio: Option<Ratio>) -> Figures {
        let ops_per_step = f64::from(self.ops_per_step);
        let quantile = |share| tally.steps.value_at_quantile(share) as f64 / ops_per_step;
        let cpu = |blocks: &[f64]| median(blocks.iter().copied()).unwrap_or(0.0) / ops_per_step;
        Figures {
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            p999_ns: quantile(0.999),
            per_op_ns: (self.ops_per_step > 1).then(|| quantile(0.5)),
            per_step_ns: (self.ops_per_step > 1).then(|| quantile(0.5) * ops_per_step),
            ratio_to_us: ratio.map(|ratio| ratio.median),
            ratio_low: ratio.map(|ratio| ratio.low),
            ratio_high: ratio.map(|ratio| ratio.high),
            ratio_blocks: ratio.map_or(0, |ratio| ratio.blocks),
            cpu_ns_client: cpu(&tally.client_cpu_ns),
            cpu_ns_server: cpu(&tally.server_cpu_ns),
            involuntary_switches: tally.involuntary_switches,
            steal_percent: self.steal_share * 100.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(blocks: impl Iterator<Item = (usize, Placement, u64)>) -> Record {
        let mut record = Record::default();
        for (round, placement, ns) in blocks {
            let usage = Usage { client_cpu_ns: 2 * ns, ..Usage::default() };
            let median = f64::from(u32::try_from(ns).unwrap());
            record.add(round, placement, median, std::iter::once(ns), usage);
            record.add_server(placement, 3 * ns, 2);
        }
        record
    }

    #[test]
    fn medians() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([3.0, 1.0, 2.0, 4.0].into_iter()), Some(3.0));
    }

    #[test]
    fn intervals_are_order_statistics() {
        // 100 values: the ranks around the median are 50 -+ 1.96 * 10 / 2.
        let ratio = Ratio::of((0..100).map(f64::from).collect()).unwrap();
        assert_eq!(ratio, Ratio { median: 50.0, low: 40.0, high: 60.0, blocks: 100 });
        assert_eq!(Ratio::of(Vec::new()), None);
        let single = Ratio::of(vec![2.0]).unwrap();
        assert_eq!((single.low, single.high), (2.0, 2.0));
    }

    #[test]
    fn ratios_pair_blocks_of_one_round_and_placement() {
        use Placement::{Far, Near};
        let ours = record([(0, Near, 100), (1, Far, 400), (2, Near, 100)].into_iter());
        let theirs = record([(0, Near, 200), (1, Near, 900), (2, Near, 400)].into_iter());
        let ratio = theirs.ratio_to(&ours, Near).unwrap();
        assert_eq!((ratio.low, ratio.high, ratio.blocks), (2.0, 4.0, 2));
        assert_eq!(theirs.ratio_to(&ours, Far), None);
    }

    #[test]
    fn figures_are_per_operation_and_absent_placements_are_said() {
        let us = record((0..10).map(|round| (round, Placement::Near, 100)));
        let peer = record((0..10).map(|round| (round, Placement::Near, 800)));
        let contenders = [
            Shown { who: US, mode: Mode::Polling, record: &us },
            Shown { who: "peer", mode: Mode::Polling, record: &peer },
        ];
        let group =
            Group { bench: "b", ops_per_step: 8, steal_share: 0.0, contenders: &contenders };
        let near: Vec<Row> = group.rows(Placement::Near).collect();
        let figures = near[1].figures.unwrap();
        assert_eq!((figures.per_op_ns, figures.per_step_ns), (Some(100.0), Some(800.0)));
        assert_eq!((figures.ratio_to_us, figures.ratio_blocks), (Some(8.0), 10));
        assert_eq!((figures.cpu_ns_client, figures.cpu_ns_server), (200.0, 150.0));
        assert!(group.rows(Placement::Far).all(|row| row.not_observed.is_some()));
    }
}
