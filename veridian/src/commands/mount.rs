//! `mount` and `umount`: the system's files for every program; what is mounted within the system is
//! `attach`'s.
//!
//! The kernel's questions are answered by a process of its own, which the command starts and
//! leaves running once the mount is usable. It unmounts when the system is gone, when it is told
//! to end, and it ends when somebody else has unmounted.

use super::{attach, background};
use crate::cli::{Mount, Umount};
use crate::output::Output;
use crate::place::Place;
use crate::signals::Interrupts;
use crate::system::{self, Address};
use anyhow::{Context, Result, bail};
use host::fuse::{self, Options, SystemMount, UnmountFlags};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks whether the mount is to end, ns.
const LOOK_INTERVAL_NS: u64 = 50_000_000;
/// Longest wait for mounts to go when their system has.
const GONE_WITHIN: Duration = Duration::from_secs(5);

pub(crate) fn run(options: &Mount, address: &Address, output: &mut Output) -> Result<()> {
    if let (Some(source), Some(target)) = (&options.bind, &options.target) {
        return attach::bind(source, target, options.read_only, address);
    }
    match (&options.host, &options.target) {
        (Some(host), Some(target)) => attach::mount(host, target, options.read_only, address),
        (_, None) => attach::show(address, output),
        (None, Some(Place::System(path))) => {
            bail!("what is to be mounted on {path}? Name a directory with --host or --bind")
        }
        (None, Some(Place::Host(point))) if options.foreground => serve(point, options, address),
        (None, Some(Place::Host(point))) => start(point, options, address, output),
    }
}

/// Starts the process that serves the mount, and waits until it is usable.
fn start(point: &Path, options: &Mount, address: &Address, output: &mut Output) -> Result<()> {
    // Told here, where somebody reads it.
    drop(system::connect(address)?);
    let point = fs::canonicalize(point).with_context(|| format!("{}", point.display()))?;
    let threads = options.threads.to_string();
    let arguments: [&OsStr; 6] = [
        "mount".as_ref(),
        "--foreground".as_ref(),
        "--detached".as_ref(),
        "--threads".as_ref(),
        threads.as_ref(),
        point.as_os_str(),
    ];
    background::start(address, arguments, &format!("mounted at {}", point.display()))?;
    output.line(format_args!("mounted at {}; unmount it with `veridian umount`", point.display()))
}

/// Answers the kernel until the mount ends.
fn serve(point: &Path, options: &Mount, address: &Address) -> Result<()> {
    let interrupts = Interrupts::catch()?;
    let connection = system::connect(address)?;
    let how = Options { threads: options.threads, others: rustix::process::geteuid().is_root() };
    let mut mounted = fuse::mount(&connection, &address.0, point, how)
        .with_context(|| format!("mounting at {}", point.display()))?;
    if options.detached {
        background::leave_terminal()?;
    }
    let over = loop {
        if mounted.is_over() {
            return Ok(());
        }
        if let Err(interrupted) = interrupts.check() {
            break Err(interrupted);
        }
        if connection.wait_closed(LOOK_INTERVAL_NS) || mounted.is_deserted() {
            break Ok(());
        }
    };
    mounted.detach().context("unmounting")?;
    over
}

pub(crate) fn unmount(options: &Umount, address: &Address) -> Result<()> {
    let point = match &options.target {
        Place::System(path) => return attach::umount(path, address),
        Place::Host(point) => point,
    };
    // Of a mount whose front end was killed, the path itself cannot be looked at.
    let point = fs::canonicalize(point).unwrap_or_else(|_| point.clone());
    if !mounts()?.iter().any(|mount| mount.point == point) {
        bail!("nothing of a system is mounted at {}", point.display());
    }
    let flags = if options.lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    fuse::unmount(&point, flags).with_context(|| {
        format!("unmounting {} (busy? --lazy takes it out of the tree)", point.display())
    })
}

fn mounts() -> Result<Vec<SystemMount>> {
    fuse::system_mounts().context("reading the list of mounts")
}

/// Waits until no mount of a system that has stopped is left. What does not go by itself, because
/// its front end was killed or hangs, is taken out of the tree.
pub(crate) fn await_gone(address: &Address) -> Result<()> {
    let start = Instant::now();
    loop {
        let mut left = mounts()?;
        left.retain(|mount| mount.address == address.0);
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > GONE_WITHIN {
            return left.iter().try_for_each(|mount| {
                fuse::unmount(&mount.point, UnmountFlags::DETACH).with_context(|| {
                    format!("unmounting what was left at {}", mount.point.display())
                })
            });
        }
        thread::sleep(Duration::from_millis(5));
    }
}
