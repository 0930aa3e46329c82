//! One broken rule, and the list that a check collects them in.

use std::fmt;

/// One broken rule: where, what, why it is a rule, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// From the workspace's root, with `/`.
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// The rule behind it.
    pub(crate) why: &'static str,
    /// The way out.
    pub(crate) remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, why, remedy } = self;
        write!(f, "{file}:{line}: {what}; {why}; {remedy}")
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Each of these fails the check.
    pub(crate) violations: Vec<Violation>,
    /// These are only said.
    pub(crate) warnings: Vec<Violation>,
}
