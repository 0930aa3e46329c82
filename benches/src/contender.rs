//! What takes part in a bench: the trait that every contender implements, ours and the peers.
//!
//! A contender is asked for one *block* at a time. Between its blocks it must leave both
//! processors alone, or it slows down the others: a server that polls is woken by `begin_block`
//! and put to sleep by `end_block`.

use anyhow::Result;
use serde::Serialize;

use crate::block::Block;
use crate::usage::Task;

/// Our own name among the contenders; ratios are to it.
pub const US: &str = "veridian";

/// Ourselves, called through the C interface.
pub const C_US: &str = "veridian-c";

/// How the two sides of a contender wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They look again and again; on one core they yield in between.
    Polling,
    /// They block in the kernel at once.
    Sleeping,
}

impl Mode {
    /// The name used in the table and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Sleeping => "sleeping",
        }
    }
}

/// Where client and server run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cores {
    /// The client on the first allowed processor, the server on the second.
    Two,
    /// Both on the first allowed processor.
    One,
}

/// One side-by-side participant of a bench.
pub trait Contender {
    /// The tasks whose processor time counts as the server's; none if the kernel serves.
    fn servers(&self) -> Vec<Task> {
        Vec::new()
    }

    /// Wakes what sleeps between blocks. Not timed.
    ///
    /// # Errors
    /// When the server cannot be reached; ends the run.
    fn begin_block(&mut self) -> Result<()> {
        Ok(())
    }

    /// Runs one block by passing one step to [`Block::time`], which calls it as often as wanted.
    /// A step does as many operations as the bench says ([`crate::suites::Bench::ops_per_step`])
    /// and checks what it got.
    ///
    /// # Errors
    /// When an operation fails or its result is wrong; ends the run.
    fn run(&mut self, block: &mut Block) -> Result<()>;

    /// Puts everything to sleep again. Not timed.
    ///
    /// # Errors
    /// When the server cannot be reached; ends the run.
    fn end_block(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A contender's place in a bench: who it is, and why not if it cannot take part here.
pub struct Entry {
    /// The name printed.
    pub who: &'static str,
    /// How its sides wait.
    pub mode: Mode,
    /// The contender, or what this machine lacks for it.
    pub contender: Result<Box<dyn Contender>>,
}

impl Entry {
    /// A contender that polls.
    pub fn polling<C: Contender + 'static>(who: &'static str, contender: Result<C>) -> Self {
        Self::new(who, Mode::Polling, contender)
    }

    /// A contender whose sides block in the kernel.
    pub fn sleeping<C: Contender + 'static>(who: &'static str, contender: Result<C>) -> Self {
        Self::new(who, Mode::Sleeping, contender)
    }

    fn new<C: Contender + 'static>(who: &'static str, mode: Mode, contender: Result<C>) -> Self {
        let contender = contender.map(|contender| Box::new(contender) as Box<dyn Contender>);
        Self { who, mode, contender }
    }
}
