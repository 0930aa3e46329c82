//! How often a property is tried.

use proptest::test_runner::Config;

/// `cases` of a property; under Miri a few, and no files.
pub(crate) fn cases(cases: u32) -> Config {
    if cfg!(miri) {
        Config { cases: 2, failure_persistence: None, ..Config::default() }
    } else {
        Config::with_cases(cases)
    }
}

/// The most steps of one case; under Miri, which interprets them, a tenth.
pub(crate) fn steps(most: usize) -> std::ops::Range<usize> {
    0..if cfg!(miri) { most / 10 } else { most }
}
