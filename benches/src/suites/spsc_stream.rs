//! `spsc_stream`: 64-byte items from one thread to another of the same process, as fast as it goes.

use anyhow::Result;

use super::{Bench, short_blocks};
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::peers::rtrb;
use crate::peers::stream::{Sink, Source, Stream};
use crate::veridian::stream;

const ITEMS_PER_STEP: u32 = 512;

pub(super) const BENCH: Bench = Bench {
    name: "spsc_stream",
    ops_per_step: ITEMS_PER_STEP,
    // On one core two threads that poll wait for the scheduler, which says nothing about a ring.
    cores: &[Cores::Two],
    contenders,
    pace: short_blocks,
};

fn contenders(env: &Env, cores: Cores) -> Vec<Entry> {
    vec![
        entry(US, stream::ring(), env, cores),
        entry("rtrb", Ok(rtrb::chunks()), env, cores),
        entry("rtrb-push-pop", Ok(rtrb::items()), env, cores),
    ]
}

fn entry<S: Sink + 'static>(
    who: &'static str,
    ends: Result<(impl Source, S)>,
    env: &Env,
    cores: Cores,
) -> Entry {
    let stream = ends.and_then(|(source, sink)| {
        Stream::open(source, sink, env.server_cpu(cores)?, u64::from(ITEMS_PER_STEP))
    });
    Entry::polling(who, stream)
}
