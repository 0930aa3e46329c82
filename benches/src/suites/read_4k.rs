//! `read_4k` and `read_4k_grant`: cached pages of a 64 MiB file, at random, every byte summed.
//!
//! The two differ in how we read, by copying into the client's memory or by a grant of the page;
//! the peers are the same. `_first_touch` reads every page once before any again, so that a way
//! of reading that maps pages pays for it; `_depth_8` has eight reads in flight at once.

use super::{BOTH, Bench, short_blocks};
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::fixtures::{Order, PageWalk};
use crate::peers::{Pread, UringRead};
use crate::veridian::{Copy, CopyDeep, Grant, GrantDeep};

const DEPTH: u32 = 8;

pub(super) const WARM: Bench = bench("read_4k", 1, |env, cores| {
    let walk = PageWalk::new(Order::Random, env.seed);
    let ours = || Copy::open(env.system()?, env.server_cpu(cores)?, walk);
    entries(Entry::polling(US, ours()), env, Order::Random, 1)
});

pub(super) const FIRST_TOUCH: Bench = bench("read_4k_first_touch", 1, |env, cores| {
    let walk = PageWalk::new(Order::EachOnce, env.seed);
    let ours = || Copy::open(env.system()?, env.server_cpu(cores)?, walk);
    entries(Entry::polling(US, ours()), env, Order::EachOnce, 1)
});

pub(super) const DEPTH_8: Bench = bench("read_4k_depth_8", DEPTH, |env, cores| {
    let walk = PageWalk::new(Order::Random, env.seed);
    let ours = || CopyDeep::open(env.system()?, env.server_cpu(cores)?, walk, DEPTH);
    entries(Entry::polling(US, ours()), env, Order::Random, DEPTH)
});

pub(super) const GRANT_WARM: Bench = bench("read_4k_grant", 1, |env, cores| {
    let walk = PageWalk::new(Order::Random, env.seed);
    let ours = || Grant::open(env.system()?, env.server_cpu(cores)?, walk);
    entries(Entry::polling(US, ours()), env, Order::Random, 1)
});

pub(super) const GRANT_FIRST_TOUCH: Bench = bench("read_4k_grant_first_touch", 1, |env, cores| {
    let walk = PageWalk::new(Order::EachOnce, env.seed);
    let ours = || Grant::open(env.system()?, env.server_cpu(cores)?, walk);
    entries(Entry::polling(US, ours()), env, Order::EachOnce, 1)
});

pub(super) const GRANT_DEPTH_8: Bench = bench("read_4k_grant_depth_8", DEPTH, |env, cores| {
    let walk = PageWalk::new(Order::Random, env.seed);
    let ours = || GrantDeep::open(env.system()?, env.server_cpu(cores)?, walk, DEPTH);
    entries(Entry::polling(US, ours()), env, Order::Random, DEPTH)
});

const fn bench(
    name: &'static str,
    ops_per_step: u32,
    contenders: fn(&Env, Cores) -> Vec<Entry>,
) -> Bench {
    Bench { name, ops_per_step, cores: BOTH, contenders, pace: short_blocks }
}

fn entries(ours: Entry, env: &Env, order: Order, depth: u32) -> Vec<Entry> {
    vec![
        ours,
        Entry::polling("pread", Pread::open(env, order, depth)),
        Entry::polling("io_uring", UringRead::open(env, order, depth)),
    ]
}
