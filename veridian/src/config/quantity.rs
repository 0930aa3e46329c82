//! Sizes and durations as people write them: `64 MiB`, `1m 30s`.
//!
//! Sizes are exact, so a number has no fraction and a unit is a power of 1,024.

use std::time::Duration;

/// From the largest down.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Bytes, from a whole number and a unit; without a unit they are bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start();
    let factor = match unit {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The same, in the largest unit that leaves no fraction.
pub(super) fn format_size(bytes: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| bytes >= *factor && bytes.is_multiple_of(*factor);
    let (unit, factor) = UNITS.iter().find(fits).copied().unwrap_or(("B", 1));
    format!("{} {unit}", bytes / factor)
}

/// Nanoseconds, from numbers with units: `1h 30m`, `250ms`.
pub(super) fn parse_duration(text: &str) -> Option<u64> {
    let duration = humantime::parse_duration(text.trim()).ok()?;
    u64::try_from(duration.as_nanos()).ok()
}

/// The same.
pub(super) fn format_duration(ns: u64) -> String {
    humantime::format_duration(Duration::from_nanos(ns)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_exact() {
        for (text, bytes) in [("0", 0), ("17 B", 17), ("64 MiB", 64 << 20), (" 3KiB ", 3072)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for wrong in ["", "MiB", "1.5 MiB", "-1", "1 MB", "1 mib", "1 MiB MiB", "99999999 TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_whole_nanoseconds() {
        assert_eq!(parse_duration("1m 30s"), Some(90_000_000_000));
        for wrong in ["", "5", "s", "-1s", "1s 1 parsec", "99999999999 years"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(number: u64) {
            prop_assert_eq!(parse_size(&format_size(number)), Some(number));
            prop_assert_eq!(parse_duration(&format_duration(number)), Some(number));
        }
    }
}
