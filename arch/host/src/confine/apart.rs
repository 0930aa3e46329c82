//! Namespaces with nothing in them. It takes root: a user namespace of its own would give a service
//! all rights within it, and other user ids than those that its files have.
#![expect(unsafe_code, reason = "leaves namespaces")]

use control::message::{Layer, LayerState, Layers};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Where the new root is put together: a directory that is everywhere.
const PLACE: &str = "/proc";

/// Moves this process apart.
pub(super) fn move_apart(layers: Layers) -> Layers {
    let names = unshare(UnshareFlags::NEWIPC | UnshareFlags::NEWUTS);
    let mounts = unshare(UnshareFlags::NEWNS).and_then(|()| empty_root());
    layers
        .with(Layer::Network, state(unshare(UnshareFlags::NEWNET)))
        .with(Layer::IpcNames, state(names))
        .with(Layer::Mounts, state(mounts))
}

fn unshare(what: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: `what` is namespaces and never the table of descriptors.
    unsafe { unshare_unsafe(what) }
}

fn state(outcome: rustix::io::Result<()>) -> LayerState {
    match outcome {
        Ok(()) => LayerState::InForce,
        Err(Errno::NOSYS | Errno::INVAL) => LayerState::NotInKernel,
        Err(_) => LayerState::NotPermitted,
    }
}

/// Makes an empty directory the root of everything, read-only, and lets go of all other mounts. In
/// it is a `/proc` with this process alone, and nothing that could be set: what a descriptor refers
/// to is looked up there (doorbells), and opened again (`hostfs`).
fn empty_root() -> rustix::io::Result<()> {
    let locked = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("none", PLACE, "tmpfs", locked, c"size=4k,nr_inodes=4,mode=555")?;
    rustix::process::chdir(PLACE)?;
    rustix::fs::mkdir("proc", Mode::RUSR | Mode::XUSR)?;
    mount("none", "proc", "proc", locked, c"subset=pid,hidepid=invisible")?;
    mount_remount(".", MountFlags::BIND | MountFlags::RDONLY | locked, c"")?;
    // The old root comes to lie upon the new one, and goes.
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")
}
