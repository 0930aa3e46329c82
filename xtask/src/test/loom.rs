//! Judges the output of the loom test of rings/: a model check that catches no mutant shows
//! nothing.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// How many seeded mutants rings/ has.
const MUTANTS: usize = 5;

/// Expects a line `mutant <name>: caught` for each mutant.
pub(crate) fn judge(output: &str) -> Result<()> {
    let caught: BTreeSet<&str> = output.lines().filter_map(caught_mutant).collect();
    if caught.len() < MUTANTS {
        bail!("{} of {MUTANTS} mutants caught: {caught:?}", caught.len());
    }
    Ok(())
}

/// The test runner prints the test's name before its first line, on the same line.
fn caught_mutant(line: &str) -> Option<&str> {
    let (_, mutant) = line.trim_end().rsplit_once("mutant ")?;
    mutant.strip_suffix(": caught")
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn five_different_mutants_must_be_caught() {
        let four = "test a ... mutant a: caught\nmutant b: caught\nmutant c: caught\n\
                    mutant d: caught\nmutant d: caught\nmutant e: missed\n";
        assert!(judge(four).is_err());
        assert!(judge(&four.replace("missed", "caught")).is_ok());
    }
}
