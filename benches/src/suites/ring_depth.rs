//! `ring_depth_8`, `_32` and `_128`: as many requests in flight at once.

use super::{BOTH, Bench, short_blocks};
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::peers::Nop;
use crate::veridian::Pipeline;

pub(super) const DEPTH_8: Bench = bench::<8>("ring_depth_8");
pub(super) const DEPTH_32: Bench = bench::<32>("ring_depth_32");
pub(super) const DEPTH_128: Bench = bench::<128>("ring_depth_128");

const fn bench<const DEPTH: u32>(name: &'static str) -> Bench {
    Bench {
        name,
        ops_per_step: DEPTH,
        cores: BOTH,
        contenders: contenders::<DEPTH>,
        pace: short_blocks,
    }
}

fn contenders<const DEPTH: u32>(env: &Env, cores: Cores) -> Vec<Entry> {
    let ours = || Pipeline::open(env.system()?, env.server_cpu(cores)?, DEPTH);
    vec![Entry::polling(US, ours()), Entry::polling("io_uring", Nop::open(DEPTH))]
}
