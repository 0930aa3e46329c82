//! The peers: what our services are measured against.
//!
//! Each file is one peer, both of its sides. A peer with a server implements
//! [`Transport`](crate::remote::Transport) and [`Responder`](crate::remote::Responder); a peer
//! that the kernel serves implements [`Contender`](crate::contender::Contender) itself.

mod eventfd;
mod files;
mod flag;
mod flat;
mod iceoryx;
mod nop;
mod pages;
mod pipe;
pub mod rtrb;
pub mod stream;
mod unix;

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::ValueEnum;

pub use eventfd::Eventfd;
pub use files::OpenClose;
pub use flag::{Flag, Wait};
pub use iceoryx::Iceoryx;
pub use nop::Nop;
pub use pages::{Pread, UringRead};
pub use pipe::Pipe;
pub use unix::Unix;

use crate::cli::Serve;
use crate::mounts;
use crate::remote;
use crate::server::Control;
use flat::Keeping;

/// A server process that the program can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// [`Flag`], polling.
    FlagSpin,
    /// [`Flag`], yielding its processor between polls.
    FlagYield,
    /// [`Flag`], asleep on a futex.
    FlagFutex,
    /// [`Iceoryx`].
    Iceoryx2,
    /// [`Eventfd`].
    Eventfd,
    /// [`Pipe`].
    Pipe,
    /// [`Unix`].
    Unix,
    /// [`crate::mounts`]: the peer on the same crate, with our settings.
    Fuser,
    /// The same, but the kernel keeps what it likes.
    FuserCached,
    /// [`crate::mounts`]: ours.
    VeridianMount,
}

impl Kind {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FlagSpin => "flag-spin",
            Self::FlagYield => "flag-yield",
            Self::FlagFutex => "flag-futex",
            Self::Iceoryx2 => "iceoryx2",
            Self::Eventfd => "eventfd",
            Self::Pipe => "pipe",
            Self::Unix => "unix",
            Self::Fuser => "fuser",
            Self::FuserCached => "fuser-cached",
            Self::VeridianMount => "veridian-mount",
        }
    }
}

/// Is the server of one peer until its client ends it.
///
/// # Errors
/// When the peer cannot be set up or its client ends in the middle of a block.
pub fn serve(serve: &Serve) -> Result<()> {
    let input = std::io::stdin();
    let (control, descriptors) = Control::accept(&input, serve)?;
    let mut descriptors = descriptors.into_iter();
    match serve.kind {
        Kind::FlagSpin => remote::serve(flag::server(Wait::Spin, &mut descriptors)?, &control),
        Kind::FlagYield => remote::serve(flag::server(Wait::Yield, &mut descriptors)?, &control),
        Kind::FlagFutex => remote::serve(flag::server(Wait::Futex, &mut descriptors)?, &control),
        Kind::Iceoryx2 => remote::serve(iceoryx::server(&serve.argument)?, &control),
        Kind::Eventfd => remote::serve(eventfd::server(&mut descriptors)?, &control),
        Kind::Pipe => remote::serve(pipe::server(&mut descriptors)?, &control),
        Kind::Unix => remote::serve(unix::server(&mut descriptors)?, &control),
        Kind::Fuser => flat::serve(&control, &serve.argument, Keeping::Pages),
        Kind::FuserCached => flat::serve(&control, &serve.argument, Keeping::Everything),
        Kind::VeridianMount => mounts::serve_veridian(&control, &serve.argument),
    }
}

/// The next descriptor that the client has sent.
fn next(descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<OwnedFd> {
    descriptors.next().context("the client sent too few descriptors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_the_command_line_reads() {
        for kind in Kind::value_variants() {
            assert_eq!(Kind::from_str(kind.name(), false), Ok(*kind));
        }
    }
}
