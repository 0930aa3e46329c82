//! The vfs as a process.

use control::platform::{Channel, Machine};
use control::runtime::{ServeError, serve};
use dataplane::platform::Poller;
use platform::linux::{self, Platform};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use vfs::{VfsConfig, VfsService};

pub(crate) const NAME: &str = "vfs";

/// Share of the machine's memory that file contents may take: one half.
const MEMORY_SHARE: u64 = 2;

pub(super) fn run(channel: Arc<dyn Channel>) -> Result<(), String> {
    let platform = Platform::new();
    let machine = Machine { waiting: platform.waiting(), memory: platform.memory() };
    let poller = linux::poller().map_err(|_| "no descriptor to be had".to_owned())?;
    match serve_on(channel, machine, poller) {
        // The system was ended from outside; there is nobody left to tell.
        Ok(()) | Err(ServeError::BrokerGone) => Ok(()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// The same on any platform.
pub(crate) fn serve_on(
    channel: Arc<dyn Channel>,
    machine: Machine,
    poller: Box<dyn Poller>,
) -> Result<(), ServeError> {
    let config = VfsConfig::new(memory_bytes() / MEMORY_SHARE, seed());
    serve(channel, machine, poller, |machine, broker| VfsService::new(config, machine, broker))
}

fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram * u64::from(info.mem_unit)
}

/// From the operating system's source of randomness.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
