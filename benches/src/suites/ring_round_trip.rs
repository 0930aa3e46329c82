//! `ring_round_trip`: a request and its reply of 64 bytes, one at a time.

use super::{BOTH, Bench, short_blocks};
use crate::contender::{C_US, Cores, Entry, Mode, US};
use crate::env::Env;
use crate::peers::{Eventfd, Flag, Iceoryx, Nop, Pipe, Unix, Wait};
use crate::veridian::{CRoundTrip, RoundTrip};

pub(super) const BENCH: Bench =
    Bench { name: "ring_round_trip", ops_per_step: 1, cores: BOTH, contenders, pace: short_blocks };

fn contenders(env: &Env, cores: Cores) -> Vec<Entry> {
    let cpu = || env.server_cpu(cores);
    let ours = |mode| RoundTrip::open(env.system()?, cpu()?, mode);
    let in_c = |mode| CRoundTrip::open(env.system()?, cpu()?, mode);
    let mut entries = match cores {
        Cores::Two => vec![
            Entry::polling("flag", cpu().and_then(|cpu| Flag::open(Wait::Spin, cpu))),
            Entry::polling("iceoryx2", cpu().and_then(Iceoryx::open)),
        ],
        // iceoryx2 has no way to wait but to poll, which takes milliseconds a turn on one core.
        Cores::One => {
            vec![Entry::polling("flag", cpu().and_then(|cpu| Flag::open(Wait::Yield, cpu)))]
        }
    };
    entries.extend([
        Entry::polling(US, ours(Mode::Polling)),
        Entry::polling(C_US, in_c(Mode::Polling)),
        Entry::sleeping(US, ours(Mode::Sleeping)),
        Entry::sleeping(C_US, in_c(Mode::Sleeping)),
        Entry::polling("io_uring", Nop::open(1)),
        Entry::sleeping("flag", cpu().and_then(|cpu| Flag::open(Wait::Futex, cpu))),
        Entry::sleeping("eventfd", cpu().and_then(Eventfd::open)),
        Entry::sleeping("pipe", cpu().and_then(Pipe::open)),
        Entry::sleeping("unix", cpu().and_then(Unix::open)),
    ]);
    entries
}
