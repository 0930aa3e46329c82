//! Names and attributes of the vfs: the same directory and names as the kernel's file systems have.

use anyhow::{Result, ensure};
use dataplane::entry::Handle;
use dataplane::file::{FileKind, OpenFlags, UnlinkKind};

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::contender::Mode;
use crate::names::{NAMES, NewNames, PREFIX, RandomNames};

/// A session, and its handle on the directory.
fn open(system: &System, cpu: usize) -> Result<(Client, Handle)> {
    let mut client = system.client(cpu, Mode::Polling)?;
    let directory = system.open_names(&mut client)?;
    Ok((client, directory))
}

/// Makes a file that is not there. Its close is not waited for, as in [`super::OpenClose`].
fn create(client: &mut Client, directory: Handle, name: &[u8]) -> Result<()> {
    let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::WRITE_ONLY;
    let file = client.queue.open(directory, name, flags, 0o600)?;
    Ok(client.queue.submit_close(file)?)
}

/// `metadata_stat`: attributes of a random one of 10,000 names.
#[derive(Debug)]
pub struct Stat {
    directory: Handle,
    names: RandomNames,
}

impl Stat {
    /// Over a session of its own; the files are made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, seed: u64) -> Result<Ours<Self>> {
        let (client, directory) = open(system, cpu)?;
        Ok(Ours::new(client, Self { directory, names: RandomNames::new(seed) }))
    }
}

impl Operation for Stat {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        let status = client.queue.stat(self.directory, self.names.draw().to_bytes())?;
        ensure!(status.kind() == FileKind::Regular, "a file has become another kind");
        Ok(())
    }
}

/// `metadata_readdir`: listing all of 10,000 names.
#[derive(Debug)]
pub struct List(Handle);

impl List {
    /// Over a session of its own; the files are made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize) -> Result<Ours<Self>> {
        let (client, directory) = open(system, cpu)?;
        Ok(Ours::new(client, Self(directory)))
    }
}

impl Operation for List {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        let mut listed = 0;
        client.queue.read_directory(self.0, |entry| {
            listed += u32::from(entry.name.starts_with(PREFIX));
        })?;
        ensure!(listed == NAMES, "{listed} of {NAMES} names were listed");
        Ok(())
    }
}

/// `metadata_create`: an empty file beside 10,000 others. Removed after the block.
#[derive(Debug)]
pub struct Create {
    directory: Handle,
    names: NewNames,
}

impl Create {
    /// Over a session of its own; the files beside are made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize) -> Result<Ours<Self>> {
        let (client, directory) = open(system, cpu)?;
        Ok(Ours::new(client, Self { directory, names: NewNames::default() }))
    }
}

impl Operation for Create {
    fn prepare(&mut self, _client: &mut Client, steps: u64) -> Result<()> {
        self.names.start(steps)?;
        Ok(())
    }

    fn step(&mut self, client: &mut Client) -> Result<()> {
        create(client, self.directory, self.names.take()?.to_bytes())
    }

    fn finish(&mut self, client: &mut Client) -> Result<()> {
        for name in self.names.used() {
            client.queue.unlink(self.directory, name.to_bytes(), UnlinkKind::File)?;
        }
        Ok(())
    }
}

/// `metadata_unlink`: an empty file beside 10,000 others. Made before the block.
#[derive(Debug)]
pub struct Unlink {
    directory: Handle,
    names: NewNames,
}

impl Unlink {
    /// Over a session of its own; the files beside are made the first time.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize) -> Result<Ours<Self>> {
        let (client, directory) = open(system, cpu)?;
        Ok(Ours::new(client, Self { directory, names: NewNames::default() }))
    }
}

impl Operation for Unlink {
    fn prepare(&mut self, client: &mut Client, steps: u64) -> Result<()> {
        for name in self.names.start(steps)? {
            create(client, self.directory, name.to_bytes())?;
        }
        Ok(())
    }

    fn step(&mut self, client: &mut Client) -> Result<()> {
        let name = self.names.take()?.to_bytes();
        Ok(client.queue.unlink(self.directory, name, UnlinkKind::File)?)
    }
}
