//! The same as our own contenders, through the C interface.

use std::ffi::CString;

use anyhow::Result;

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::c_client::CSession;
use crate::contender::Mode;
use crate::fixtures::tree_paths;

/// `ring_round_trip`: one NOP, and its completion.
#[derive(Debug)]
pub struct CRoundTrip(CSession);

impl CRoundTrip {
    /// Over a session of its own.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, mode: Mode) -> Result<Ours<Self>> {
        let client = system.client(cpu, mode)?;
        Ok(Ours::new(client, Self(system.c_session(mode)?)))
    }
}

impl Operation for CRoundTrip {
    fn step(&mut self, _client: &mut Client) -> Result<()> {
        self.0.nop()
    }
}

/// `open_close`: one open and one close of a random file of the tree, the close not waited for.
#[derive(Debug)]
pub struct COpenClose {
    session: CSession,
    paths: Vec<CString>,
    random: fastrand::Rng,
}

impl COpenClose {
    /// Over a session of its own; the tree is made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, seed: u64) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        system.make_tree(&mut client)?;
        let paths = tree_paths().map(CString::new).collect::<Result<_, _>>()?;
        let (session, random) = (system.c_session(Mode::Polling)?, fastrand::Rng::with_seed(seed));
        Ok(Ours::new(client, Self { session, paths, random }))
    }
}

impl Operation for COpenClose {
    fn step(&mut self, _client: &mut Client) -> Result<()> {
        let path = self.random.choice(&self.paths).map_or(c"", CString::as_c_str);
        self.session.open_and_close(path)
    }
}
