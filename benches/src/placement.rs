//! Where the host has put the two processors: measured, since nothing else tells.
//!
//! A virtual machine's processors may be two threads of one core for a while, then two cores.
//! Everything that polls is then two to four times as slow. So every block is measured between
//! two short flag ping-pongs, and counts only if both say the same.

use serde::Serialize;

/// Round trips of the flag below this are between threads of one core, all others between cores.
/// Seen so far: from 100 to 130 ns between threads, from 237 to 401 ns between cores, on two kinds
/// of processor.
const NEAR_BELOW_NS: f64 = 200.0;

/// Two ping-pongs that differ by more than this factor were not in one placement.
const AGREE_WITHIN: f64 = 1.3;

/// The placement of a block's client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// On two threads of one core.
    Near,
    /// On two cores.
    Far,
    /// On one processor.
    OneCore,
}

impl Placement {
    /// All placements, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Near, Self::Far, Self::OneCore];

    /// The name used in the table and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
            Self::OneCore => "one-core",
        }
    }

    /// The placement between two flag round trips; none if they disagree.
    #[must_use]
    pub fn between(before_ns: f64, after_ns: f64) -> Option<Self> {
        let slower = before_ns.max(after_ns);
        let faster = before_ns.min(after_ns);
        if slower < NEAR_BELOW_NS {
            Some(Self::Near)
        } else if faster >= NEAR_BELOW_NS && slower <= faster * AGREE_WITHIN {
            Some(Self::Far)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_must_agree() {
        assert_eq!(Placement::between(110.0, 130.0), Some(Placement::Near));
        assert_eq!(Placement::between(390.0, 410.0), Some(Placement::Far));
        assert_eq!(Placement::between(110.0, 390.0), None);
        assert_eq!(Placement::between(390.0, 110.0), None);
        assert_eq!(Placement::between(190.0, 210.0), None);
        assert_eq!(Placement::between(237.0, 290.0), Some(Placement::Far));
        assert_eq!(Placement::between(270.0, 400.0), None);
    }
}
