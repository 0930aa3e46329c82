//! Opening and closing files of the vfs.

use anyhow::Result;
use dataplane::file::OpenFlags;

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::contender::Mode;
use crate::fixtures::tree_paths;

/// Whether a step ends when the file is closed, or when that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The answer is waited for.
    Awaited,
    /// The answer is not wanted: the next step's open is behind the close in the ring.
    Submitted,
}

/// `open_close`: one open and one close of a random file of the tree.
#[derive(Debug)]
pub struct OpenClose {
    closing: Closing,
    paths: Vec<String>,
    random: fastrand::Rng,
}

impl OpenClose {
    /// Over a session of its own; the tree is made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, seed: u64, closing: Closing) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        system.make_tree(&mut client)?;
        let random = fastrand::Rng::with_seed(seed);
        Ok(Ours::new(client, Self { closing, paths: tree_paths().collect(), random }))
    }
}

impl Operation for OpenClose {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        let path = self.random.choice(&self.paths).map_or("", String::as_str);
        let handle = client.queue.open(client.root, path.as_bytes(), OpenFlags::empty(), 0)?;
        match self.closing {
            Closing::Awaited => client.queue.close(handle)?,
            Closing::Submitted => client.queue.submit_close(handle)?,
        }
        Ok(())
    }
}
