//! `open_close`: opening and closing a random one of 10,000 cached files, four components deep.

use super::{BOTH, Bench, short_blocks};
use crate::contender::{C_US, Cores, Entry, US};
use crate::env::Env;
use crate::fixtures::Volume;
use crate::peers::OpenClose;
use crate::veridian::{self, COpenClose, Closing};

pub(super) const BENCH: Bench =
    Bench { name: "open_close", ops_per_step: 1, cores: BOTH, contenders, pace: short_blocks };

fn contenders(env: &Env, cores: Cores) -> Vec<Entry> {
    let ours = |closing| {
        veridian::OpenClose::open(env.system()?, env.server_cpu(cores)?, env.seed, closing)
    };
    let in_c = || COpenClose::open(env.system()?, env.server_cpu(cores)?, env.seed);
    vec![
        Entry::polling(US, ours(Closing::Submitted)),
        Entry::polling(C_US, in_c()),
        Entry::polling("veridian-close-awaited", ours(Closing::Awaited)),
        Entry::polling("kernel-tmpfs", OpenClose::open(env, Volume::Tmpfs)),
        Entry::polling("kernel-ext4", OpenClose::open(env, Volume::Ext4)),
    ]
}
