//! `fuse_*`: system calls through a mount of ours, beside the kernel's tmpfs and the least that a
//! file system on the same crate can be.
//!
//! The servers run where the scheduler puts them, on one of the client's and the other processor,
//! or all on one.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use super::{BOTH, Bench};
use crate::calls::{
    Calls, CreateUnlink, InPlace, List, OpenClose, Place, Read, ReadOn, Stat, Way, Write, WriteOn,
};
use crate::contender::{Cores, Entry, US};
use crate::env::Env;
use crate::fixtures::Volume;
use crate::mounts::Mount;
use crate::names::NAMES;
use crate::schedule::Pace;

pub(super) const STAT: Bench =
    bench("fuse_stat", 1, |env, cores| entries(env, cores, |place| Stat::open(place, env.seed)));

pub(super) const OPEN_CLOSE: Bench = bench("fuse_open_close", 1, |env, cores| {
    entries(env, cores, |place| OpenClose::open(place, env.seed))
});

pub(super) const READDIR: Bench =
    bench("fuse_readdir", NAMES, |env, cores| entries(env, cores, |place| List::open(place)));

pub(super) const CREATE_UNLINK: Bench = bench("fuse_create_unlink", 1, |env, cores| {
    entries(env, cores, |place| CreateUnlink::open(place))
});

pub(super) const READ_4K_CACHED: Bench = bench("fuse_read_4k_cached", 1, |env, cores| {
    entries(env, cores, |place| Read::open(place, Way::Cached, env.seed))
});

pub(super) const READ_4K_DIRECT: Bench = bench("fuse_read_4k_direct", 1, |env, cores| {
    entries(env, cores, |place| Read::open(place, Way::Direct, env.seed))
});

pub(super) const WRITE_4K: Bench = bench("fuse_write_4k", 1, |env, cores| {
    entries(env, cores, |place| Write::open(place, env.seed))
});

pub(super) const READ_128K: Bench =
    bench("fuse_read_128k", 1, |env, cores| entries(env, cores, ReadOn::open));

pub(super) const WRITE_128K: Bench =
    bench("fuse_write_128k", 1, |env, cores| entries(env, cores, |place| WriteOn::open(place)));

const fn bench(
    name: &'static str,
    ops_per_step: u32,
    contenders: fn(&Env, Cores) -> Vec<Entry>,
) -> Bench {
    // A call through FUSE takes tens of microseconds.
    Bench {
        name,
        ops_per_step,
        cores: BOTH,
        contenders,
        pace: |_| Pace::Of(Duration::from_millis(1)),
    }
}

fn entries<C: Calls + 'static>(
    env: &Env,
    cores: Cores,
    open: impl Fn(&Rc<Place>) -> Result<C>,
) -> Vec<Entry> {
    let mounted = |mount| {
        let (served, cpus) = (env.mounts.get(mount, env)?, env.server_cpus(cores)?);
        let mut servers = vec![served.server.threads_on(&cpus)?];
        if mount == Mount::Veridian {
            servers.push(env.system()?.service_on(&cpus)?);
        }
        let calls = open(&served.place)?;
        Ok(InPlace::new(Rc::clone(&served.place), servers, calls))
    };
    let kernel = || {
        let place = env.fixtures.place(Volume::Tmpfs)?;
        let calls = open(&place)?;
        Ok(InPlace::new(place, Vec::new(), calls))
    };
    vec![
        Entry::polling(US, mounted(Mount::Veridian)),
        Entry::polling("kernel-tmpfs", kernel()),
        Entry::polling("fuser", mounted(Mount::Fuser)),
        Entry::polling("fuser-cached", mounted(Mount::FuserCached)),
    ]
}
