//! The benches: which contenders answer which question, and on which cores.

mod fuse;
mod many_sessions;
mod metadata;
mod open_close;
mod read_4k;
mod ring_depth;
mod ring_round_trip;
mod run;
mod service_start;
mod spsc_stream;

use std::time::Duration;

pub use run::{Outcome, run};

use crate::contender::{Cores, Entry, Mode};
use crate::env::Env;
use crate::schedule::Pace;

/// One question, put to several contenders.
#[derive(Clone, Copy)]
pub struct Bench {
    /// The name printed and asked for by `--only`.
    pub name: &'static str,
    /// Operations in a step; figures are per operation.
    pub ops_per_step: u32,
    /// On which cores it is run.
    pub cores: &'static [Cores],
    /// Who takes part on these cores.
    pub contenders: fn(&Env, Cores) -> Vec<Entry>,
    /// How long a block is.
    pub pace: fn(Mode) -> Pace,
}

/// All benches, in the order in which they are run.
pub const ALL: &[Bench] = &[
    ring_round_trip::BENCH,
    ring_depth::DEPTH_8,
    ring_depth::DEPTH_32,
    ring_depth::DEPTH_128,
    many_sessions::BENCH,
    spsc_stream::BENCH,
    open_close::BENCH,
    metadata::STAT,
    metadata::READDIR,
    metadata::CREATE,
    metadata::UNLINK,
    read_4k::WARM,
    read_4k::FIRST_TOUCH,
    read_4k::DEPTH_8,
    read_4k::GRANT_WARM,
    read_4k::GRANT_FIRST_TOUCH,
    read_4k::GRANT_DEPTH_8,
    fuse::STAT,
    fuse::OPEN_CLOSE,
    fuse::READDIR,
    fuse::CREATE_UNLINK,
    fuse::READ_4K_CACHED,
    fuse::READ_4K_DIRECT,
    fuse::WRITE_4K,
    fuse::READ_128K,
    fuse::WRITE_128K,
    service_start::BENCH,
];

const BOTH: &[Cores] = &[Cores::Two, Cores::One];

/// Short enough that the placement rarely changes within a block; where both sides sleep, long
/// enough for some twenty wake-ups.
fn short_blocks(mode: Mode) -> Pace {
    match mode {
        Mode::Polling => Pace::Of(Duration::from_micros(250)),
        Mode::Sleeping => Pace::Of(Duration::from_millis(1)),
    }
}
