//! An endpoint that serves files in memory: the vfs, in whatever process runs this.

use control::platform::{Channel, Machine, Unconfined};
use control::runtime::{ServeError, serve};
use dataplane::platform::{Doorbells, Memory, Poller, Waiting};
use std::sync::Arc;
use vfs::{VfsConfig, VfsService};

/// What a process, or a thread, has of its platform.
pub struct Parts {
    pub waiting: Arc<dyn Waiting>,
    pub memory: Arc<dyn Memory>,
    pub doorbells: Arc<dyn Doorbells>,
}

/// Serves until the endpoint has ended.
pub fn serve_files(
    channel: Arc<dyn Channel>,
    parts: Parts,
    poller: Box<dyn Poller>,
) -> Result<(), ServeError> {
    let Parts { waiting, memory, doorbells } = parts;
    let machine = Machine { waiting, memory, doorbells, confinement: Arc::new(Unconfined) };
    serve(channel, machine, poller, |machine, broker| {
        VfsService::new(VfsConfig::new(64 << 20, 1), machine, broker)
    })
}
