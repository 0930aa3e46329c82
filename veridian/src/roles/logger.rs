//! The logger as a process.

use crate::config::ServiceSettings;
use control::log_files::LogFiles;
use control::platform::{Channel, Machine};
use control::runtime::{ServeError, serve};
use dataplane::platform::Poller;
use host::confine::Handed;
use host::logfiles::{LogDirectory, Rotation};
use logger::{Limit, LoggerConfig, LoggerService};
use platform::linux::{self, Platform};
use rustix::fd::OwnedFd;
use std::sync::Arc;

pub(crate) const NAME: &str = "logger";

/// Threads that write its files: one, so that what is written follows one another.
const THREADS: usize = 1;

/// `directory`: where its files are; without one, records are in memory alone.
pub(super) fn run(
    channel: Arc<dyn Channel>,
    directory: Option<OwnedFd>,
    handed: Handed,
) -> Result<(), String> {
    let profile = super::profile_below(directory.as_ref())?;
    let confinement = super::confined(&profile, handed)?;
    let platform = Platform::new();
    let machine = Machine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        confinement,
    };
    let poller = linux::poller().map_err(|_| "no descriptor to be had".to_owned())?;
    let settings = ServiceSettings::of_process();
    let files = directory.map(|directory| {
        let rotation = Rotation {
            file_bytes: settings.number("logger.file_bytes"),
            files: usize::try_from(settings.number("logger.files")).unwrap_or(usize::MAX),
        };
        Box::new(LogDirectory::new(directory, rotation, platform.offload(THREADS))) as _
    });
    match serve_on(channel, machine, poller, files, &settings) {
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
    files: Option<Box<dyn LogFiles>>,
    settings: &ServiceSettings,
) -> Result<(), ServeError> {
    let config = LoggerConfig {
        memory_bytes: usize::try_from(settings.number("logger.memory")).unwrap_or(usize::MAX),
        limit: Limit {
            rate: settings.number("logger.rate"),
            burst: settings.number("logger.burst"),
        },
    };
    serve(channel, machine, poller, |machine, _| LoggerService::new(config, machine, files))
}
