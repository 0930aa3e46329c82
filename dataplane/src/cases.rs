//! How many cases the property tests of this crate run.

use proptest::prelude::ProptestConfig;

/// Under Miri a few cases, and no files.
pub(crate) fn config() -> ProptestConfig {
    if cfg!(miri) {
        ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() }
    } else {
        ProptestConfig::default()
    }
}
