//! `metadata_*`: attributes of names, listing them, making and removing files, in a directory of
//! 10,000: ours through the rings, the kernel's by system calls.

use std::rc::Rc;

use anyhow::Result;

use super::{BOTH, Bench, short_blocks};
use crate::calls::{Calls, Create, InPlace, List, Place, Stat, Unlink};
use crate::contender::{Contender, Cores, Entry, US};
use crate::env::Env;
use crate::fixtures::Volume;
use crate::names::NAMES;
use crate::veridian::metadata as ours;

pub(super) const STAT: Bench = bench("metadata_stat", 1, |env, cores| {
    let open = |place: &Rc<Place>| Stat::open(place, env.seed);
    let (system, cpu) = (env.system(), env.server_cpu(cores));
    entries(system.and_then(|system| ours::Stat::open(system, cpu?, env.seed)), env, open)
});

pub(super) const READDIR: Bench = bench("metadata_readdir", NAMES, |env, cores| {
    let (system, cpu) = (env.system(), env.server_cpu(cores));
    entries(system.and_then(|system| ours::List::open(system, cpu?)), env, |place| {
        List::open(place)
    })
});

pub(super) const CREATE: Bench = bench("metadata_create", 1, |env, cores| {
    let (system, cpu) = (env.system(), env.server_cpu(cores));
    entries(system.and_then(|system| ours::Create::open(system, cpu?)), env, |place| {
        Create::open(place)
    })
});

pub(super) const UNLINK: Bench = bench("metadata_unlink", 1, |env, cores| {
    let (system, cpu) = (env.system(), env.server_cpu(cores));
    entries(system.and_then(|system| ours::Unlink::open(system, cpu?)), env, |place| {
        Unlink::open(place)
    })
});

const fn bench(
    name: &'static str,
    ops_per_step: u32,
    contenders: fn(&Env, Cores) -> Vec<Entry>,
) -> Bench {
    Bench { name, ops_per_step, cores: BOTH, contenders, pace: short_blocks }
}

fn entries<C: Calls + 'static>(
    ours: Result<impl Contender + 'static>,
    env: &Env,
    open: impl Fn(&Rc<Place>) -> Result<C>,
) -> Vec<Entry> {
    let kernel = |volume| {
        let place = env.fixtures.place(volume)?;
        let calls = open(&place)?;
        Ok(InPlace::new(place, Vec::new(), calls))
    };
    vec![
        Entry::polling(US, ours),
        Entry::polling("kernel-tmpfs", kernel(Volume::Tmpfs)),
        Entry::polling("kernel-ext4", kernel(Volume::Ext4)),
    ]
}
