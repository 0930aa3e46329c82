//! What was done before, for whoever looks into a difference.

use crate::operation::{Operation, Outcome, Value};
use std::collections::VecDeque;

/// Operations that are remembered.
const REMEMBERED: usize = 20_000;
/// Those of them that are printed.
const PRINTED: usize = 30;

struct Entry {
    number: u64,
    client: usize,
    operation: Operation,
    outcome: Outcome,
    /// The files that it had to do with, in the model.
    nodes: Vec<usize>,
}

/// The last operations.
pub(crate) struct History(VecDeque<Entry>);

impl History {
    pub(crate) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn add(
        &mut self,
        number: u64,
        (client, operation): (usize, Operation),
        outcome: Outcome,
        nodes: Vec<usize>,
    ) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Entry { number, client, operation, outcome, nodes });
    }

    /// Prints the last that changed something and had to do with the same files or names as an
    /// operation.
    pub(crate) fn print(&self, operation: &Operation, nodes: &[usize]) {
        let names: Vec<&str> = names(operation).collect();
        let changes = |entry: &&Entry| entry.outcome == Ok(Value::Done) || is_count(&entry.outcome);
        let is_kin = |entry: &&Entry| {
            entry.nodes.iter().any(|node| nodes.contains(node))
                || self::names(&entry.operation).any(|name| names.contains(&name))
        };
        let kin: Vec<_> =
            self.0.iter().rev().filter(changes).filter(is_kin).take(PRINTED).collect();
        for Entry { number, client, operation, outcome, nodes } in kin.into_iter().rev() {
            println!("  {number}: client {client}: {operation:?}");
            println!("      {outcome:?}, files {nodes:?}");
        }
    }
}

fn is_count(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Value::Count(_)))
}

/// The last names of its paths.
fn names(operation: &Operation) -> impl Iterator<Item = &str> {
    let paths = operation.paths().into_iter();
    paths.filter_map(|(at, _)| at.path.trim_end_matches('/').rsplit('/').next())
}
