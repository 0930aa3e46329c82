//! `many_sessions`: the round trip of one busy session, with few and with many idle ones beside it.

use super::{Bench, short_blocks};
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::veridian::Crowd;

/// One busy session and these idle ones.
const FEW: usize = 0;
const SOME: usize = 63;
const MANY: usize = 999;

pub(super) const BENCH: Bench = Bench {
    name: "many_sessions",
    ops_per_step: 1,
    cores: &[Cores::Two],
    contenders,
    pace: short_blocks,
};

fn contenders(env: &Env, cores: Cores) -> Vec<Entry> {
    let ours = |others| env.server_cpu(cores).and_then(|cpu| Crowd::open(others, cpu));
    vec![
        Entry::polling(US, ours(FEW)),
        Entry::polling("veridian-64", ours(SOME)),
        Entry::polling("veridian-1000", ours(MANY)),
    ]
}
