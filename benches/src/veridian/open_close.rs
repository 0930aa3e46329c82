//! Opening and closing files of the vfs.

use anyhow::Result;
use dataplane::file::OpenFlags;

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::contender::Mode;
use crate::fixtures::tree_paths;

/// `open_close`: one open and one close of a random file of the tree.
#[derive(Debug)]
pub struct OpenClose {
    paths: Vec<String>,
    random: fastrand::Rng,
}

impl OpenClose {
    /// Over a session of its own; the tree is made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, seed: u64) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        system.make_tree(&mut client)?;
        let random = fastrand::Rng::with_seed(seed);
        Ok(Ours::new(client, Self { paths: tree_paths().collect(), random }))
    }
}

impl Operation for OpenClose {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        let path = self.random.choice(&self.paths).map_or("", String::as_str);
        let handle = client.queue.open(client.root, path.as_bytes(), OpenFlags::empty(), 0)?;
        client.queue.close(handle)?;
        Ok(())
    }
}
