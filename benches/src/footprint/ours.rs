//! The files in a tmpfs of ours, in a system of its own.

use std::ffi::CStr;
use std::fs;

use ::veridian::system::Embedded;
use anyhow::{Context, Result};
use dataplane::entry::Handle;
use dataplane::file::OpenFlags;

use super::{Files, Memory};
use crate::contender::{Cores, Mode};
use crate::env::Env;
use crate::veridian::{Client, System};

/// A system, and a session with it.
pub(super) struct Ours {
    // Dropped in this order: the session before the system that it is with.
    client: Client,
    system: System,
    _started: Embedded,
}

impl Ours {
    pub(super) fn open(env: &Env) -> Result<Self> {
        let started = Embedded::start()?;
        let system = System::attach_beside(&started.address.0, 0)?;
        let client = system.client(env.server_cpu(Cores::Two)?, Mode::Polling)?;
        Ok(Self { client, system, _started: started })
    }
}

impl Files for Ours {
    type Directory = Handle;

    fn make_directory(&mut self, name: &CStr) -> Result<Handle> {
        let (root, queue) = (self.client.root, &mut self.client.queue);
        queue.mkdir(root, name.to_bytes(), 0o700)?;
        Ok(queue.open(root, name.to_bytes(), OpenFlags::empty(), 0)?)
    }

    fn create(&mut self, directory: &Handle, name: &CStr) -> Result<()> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::WRITE_ONLY;
        let file = self.client.queue.open(*directory, name.to_bytes(), flags, 0o600)?;
        Ok(self.client.queue.submit_close(file)?)
    }

    fn list(&mut self, directory: &Handle) -> Result<u32> {
        let mut listed = 0;
        self.client.queue.read_directory(*directory, |_| listed += 1)?;
        Ok(listed)
    }

    /// The vfs's own account, and the memory of its process, of shared pages a share.
    fn memory(&self) -> Result<Memory> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.system.service()))?;
        let kilobytes = super::kernel::kilobytes(&rollup, "Pss:").context("no Pss of the vfs")?;
        let usage = self.system.usage()?;
        let used = usage.lines().find_map(|line| line.strip_prefix("used_bytes="));
        let used = used.and_then(|used| used.parse().ok());
        let accounted = Some(used.context("the vfs does not say what it uses")?);
        Ok(Memory { accounted, resident: kilobytes * 1024 })
    }
}
