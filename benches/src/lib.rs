//! Benchmarks of our services beside their peers: one run, interleaved block by block.
//!
//! A *bench* ([`suites`]) is one question, such as what a round trip costs. Its *contenders*
//! ([`contender`]; the peers are in [`peers`], ours in [`veridian`]) answer it in turns of a fraction of a millisecond
//! ([`schedule`]), each turn between two flag ping-pongs that tell where the host has put the two
//! processors ([`placement`]). What was measured becomes rows ([`stats`]) and a table, a plot and
//! JSON ([`report`]). `docs/benchmarks.md` says what each figure means.
//!
//! The only files with `unsafe` are [`shared`] (mapping a page), [`uring`] (handing the kernel
//! pointers to buffers) and [`c_client`] (calling our interface for C).

pub mod block;
pub mod c_client;
pub mod calls;
pub mod cli;
pub mod contender;
pub mod env;
pub mod fixtures;
pub mod footprint;
pub mod mounts;
pub mod names;
pub mod peers;
pub mod placement;
pub mod remote;
pub mod report;
pub mod schedule;
pub mod server;
pub mod shared;
pub mod stats;
pub mod suites;
pub mod targets;
pub mod threads;
pub mod uring;
pub mod usage;
pub mod veridian;
