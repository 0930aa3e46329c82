//! The vfs as a process.

use crate::config::ServiceSettings;
use control::platform::{Channel, Machine};
use control::runtime::{ServeError, serve};

use dataplane::Descriptor;
use dataplane::entry::Errno;
use dataplane::filesystem::{Answer, FileSystem, FileSystems, Reply};
use dataplane::platform::{Offload, Poller};
use host::confine::{Files, Handed, Profile};
use host::hostfs::{HostDirectory, Limits};
use platform::linux::{self, Platform};
use platform::offload::Leftovers;
use rustix::process::{Resource, getrlimit};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use vfs::{VfsConfig, VfsService};

pub(crate) const NAME: &str = "vfs";

/// Threads of one mount that may be in calls of the host at a time.
pub(crate) const HOST_THREADS: usize = 8;
/// Mounts of the host that may use up their descriptors before others find none left.
const HOST_MOUNTS: u64 = 16;

pub(super) fn run(channel: Arc<dyn Channel>, handed: Handed) -> Result<(), String> {
    let profile = Profile::new().with_files(Files::ByDescriptor);
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
    match serve_on(channel, machine, poller, move || platform.offload(HOST_THREADS), &settings) {
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
    offload: impl Fn() -> Arc<dyn Offload> + 'static,
    settings: &ServiceSettings,
) -> Result<(), ServeError> {
    let config = VfsConfig::new(memory_bytes() / 100 * settings.number("vfs.memory_share"), seed());
    let leftovers = Leftovers::default();
    let filesystems = Rc::new(OfTheHost { offload: Box::new(offload), leftovers });
    serve(channel, machine, poller, |machine, broker| {
        VfsService::new(config, machine, broker).with_filesystems(filesystems)
    })
}

/// What clients can have mounted: directories of the host, by a descriptor.
struct OfTheHost {
    /// Makes the pool of a mount.
    offload: Box<dyn Fn() -> Arc<dyn Offload>>,
    /// Calls of all mounts that were given up and go on.
    leftovers: Leftovers,
}

impl FileSystems for OfTheHost {
    fn open(&self, kind: &[u8], source: &Descriptor) -> Answer<Box<dyn FileSystem>> {
        if kind != b"host" {
            return Reply::Now(Err(Errno::ENODEV));
        }
        let directory = linux::as_fd(source).map(|fd| fd.try_clone_to_owned());
        let Some(Ok(directory)) = directory else {
            let none_left = directory.is_some();
            return Reply::Now(Err(if none_left { Errno::ENFILE } else { Errno::EBADF }));
        };
        let opened = HostDirectory::open(directory, (self.offload)(), limits());
        let leftovers = self.leftovers.clone();
        Reply::Later(Box::pin(async {
            Ok(Box::new(opened.await?.with_leftovers(leftovers)) as Box<dyn FileSystem>)
        }))
    }

    fn settled(&self) -> Answer<()> {
        let settled = self.leftovers.settled();
        Reply::Later(Box::pin(async {
            settled.await;
            Ok(())
        }))
    }
}

/// Each mount may have a share of the descriptors that this process may open.
fn limits() -> Limits {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    Limits { descriptors: usize::try_from(most / HOST_MOUNTS).unwrap_or(usize::MAX) }
}

fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram * u64::from(info.mem_unit)
}

/// From the operating system's source of randomness.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
