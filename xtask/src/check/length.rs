//! The habit of short files: only a warning. Tests do not count.

use super::policy::Policy;
use super::tree::{Source, Tree};
use super::violation::Violation;

/// Warns of files that are long without their tests.
pub(crate) fn check(tree: &Tree, policy: &Policy, warnings: &mut Vec<Violation>) {
    for source in &tree.sources {
        let lines = lines_without_tests(source);
        if lines > policy.long_file_lines {
            warnings.push(Violation {
                file: source.path.clone(),
                line: 1,
                what: format!("{lines} lines without tests"),
                why: "a reader should see a file whole",
                remedy: "split it by subject".into(),
            });
        }
    }
}

/// Lines up to the test module at the end; none in files that are all test.
fn lines_without_tests(source: &Source) -> usize {
    if source.path.ends_with("/tests.rs") || source.path.contains("/tests/") {
        return 0;
    }
    source.text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}
