//! The file systems that are mounted by FUSE for a run: ours, and the peers on the same crate.
//!
//! Each is served by a process of its own: this program, started again. It takes its mount away
//! when the run is over, however that ends, for it notices that its socket has closed; so nothing
//! stays in the tree after an error, or after Ctrl-C.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, anyhow};
use host::fuse::{self, Mounted, Options, UnmountFlags};
use tempfile::TempDir;

use crate::calls::Place;
use crate::env::Env;
use crate::fixtures::{Once, made};
use crate::peers::Kind;
use crate::server::{Control, Server};

/// Threads that answer the kernel, as many as `veridian mount` has if it is not told.
pub const THREADS: u16 = 4;

/// What is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// Our front end, with the vfs behind it.
    Veridian,
    /// The least there can be, with the same settings.
    Fuser,
    /// The same, but the kernel keeps what it likes.
    FuserCached,
}

/// The mounts made so far; gone when this is dropped.
#[derive(Debug, Default)]
pub struct Mounts {
    veridian: Once<Served>,
    fuser: Once<Served>,
    fuser_cached: Once<Served>,
}

/// A mount, as the client has it.
#[derive(Debug)]
pub struct Served {
    /// Where calls are made.
    pub place: Rc<Place>,
    /// Who answers them.
    pub server: Server,
    _point: TempDir,
}

impl Mounts {
    /// A mount, made when first asked for.
    ///
    /// # Errors
    /// What this machine lacks for it.
    pub fn get(&self, mount: Mount, env: &Env) -> Result<&Served> {
        let (cell, kind) = match mount {
            Mount::Veridian => (&self.veridian, Kind::VeridianMount),
            Mount::Fuser => (&self.fuser, Kind::Fuser),
            Mount::FuserCached => (&self.fuser_cached, Kind::FuserCached),
        };
        made(cell, || {
            check_machine()?;
            let point = TempDir::with_prefix("bench-mount-")?;
            let path =
                point.path().to_str().context("a temporary directory with a strange name")?;
            let argument = match mount {
                Mount::Veridian => format!("{path}\n{}", env.system()?.address()?),
                Mount::Fuser | Mount::FuserCached => path.to_owned(),
            };
            let server = Server::spawn(kind, &argument, env.client_cpu(), &[])?;
            let place = match mount {
                // Its root has what others have made.
                Mount::Veridian => {
                    let own = point.path().join(format!("bench-{}", std::process::id()));
                    fs::create_dir(&own)?;
                    Place::at(&own)?
                }
                Mount::Fuser | Mount::FuserCached => Place::at(point.path())?,
            };
            Ok(Served { place: Rc::new(place), server, _point: point })
        })
    }
}

fn check_machine() -> Result<()> {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    device.map(drop).context("/dev/fuse cannot be opened")
}

/// Whether users other than this one may use a mount, as it is with `veridian mount`.
#[must_use]
pub fn others() -> bool {
    rustix::process::geteuid().is_root()
}

/// Serves a mount of ours until the client is gone.
///
/// # Errors
/// When it cannot be mounted, or not be unmounted.
pub fn serve_veridian(control: &Control<'_>, argument: &str) -> Result<()> {
    let (point, address) = argument.split_once('\n').context("a mount needs a system")?;
    control.outlive_client()?;
    let address = veridian::system::Address(address.to_owned());
    let connection = veridian::system::connect(&address)?;
    let options = Options { threads: THREADS, others: others() };
    let mounted = fuse::mount(&connection, &address.0, Path::new(point), options)?;
    serve(control, point, || Mounted::detach(mounted))
}

/// Waits until the client is gone, then takes a mount away, and its directory. To be called by who
/// outlives the client since before there was a mount: the client may be gone already.
///
/// # Errors
/// When it cannot be unmounted.
pub fn serve(
    control: &Control<'_>,
    point: &str,
    unmount: impl FnOnce() -> std::io::Result<()>,
) -> Result<()> {
    let told = control.ready();
    // Nobody sends anything: it ends when the client does.
    while told.is_ok() && control.await_block().is_ok_and(|more| more) {}
    unmount().map_err(|error| anyhow!("unmounting {point}: {error}"))?;
    // The client may have done so.
    let _ = fs::remove_dir(point);
    told
}

/// Takes away what is mounted at a point, whoever is in there.
///
/// # Errors
/// What the kernel or fusermount3 says.
pub fn unmount(point: &str) -> std::io::Result<()> {
    fuse::unmount(Path::new(point), UnmountFlags::DETACH)
}
