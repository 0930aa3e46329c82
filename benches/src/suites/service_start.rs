//! `service_start`: from the decision to start a system until every service is ready.

use super::Bench;
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::schedule::Pace;
use crate::veridian::Start;

pub(super) const BENCH: Bench = Bench {
    name: "service_start",
    ops_per_step: 1,
    cores: &[Cores::Two],
    contenders,
    pace: |_| Pace::SingleStep,
};

fn contenders(env: &Env, _: Cores) -> Vec<Entry> {
    vec![
        Entry::sleeping(US, Ok(Start::new(env))),
        Entry::sleeping("veridian, caches dropped", Start::cold(env)),
    ]
}
