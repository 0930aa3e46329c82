//! Control groups: a new one for each service that has limits, and none left behind.
//!
//! A group is made directly below the one that this process is in, in each hierarchy that a limit
//! needs: the kernel's one of version 2 where it has the controller and this process was delegated
//! its group, else that of version 1. It is called `veridian-SERVICE-NUMBER`. Its directory is locked
//! until it is removed with its service; one that is not locked was left by a system that was
//! killed, and is removed by the next system that makes one there.

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, mkdir, open};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// What a group of ours is called, before the service's name.
const PREFIX: &str = "veridian-";
/// More groups of a service than there ever are side by side.
const MOST: u32 = 1000;

/// A limit as the controllers know it: files, and what is written to them.
pub(super) struct Bound {
    /// The controller.
    pub controller: &'static str,
    /// In version 1.
    pub first: (&'static str, String),
    /// In version 2.
    pub second: (&'static str, String),
}

/// Why a limit cannot be had by a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// This process may not make one.
    NotPermitted,
    /// There is no such controller, or it is not to be seen.
    NotInKernel,
}

/// The groups of one service, one a hierarchy; removed when this is dropped, which works once no
/// process is in them.
#[derive(Default)]
pub(super) struct Groups {
    made: Vec<Group>,
}

struct Group {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: OwnedFd,
}

impl Groups {
    /// Puts a limit in force for the processes that will be in the groups of this service.
    pub(super) fn bound(&mut self, service: &str, bound: &Bound) -> Result<(), Missing> {
        let home = home(bound.controller)?;
        let (file, value) = if home.is_second { &bound.second } else { &bound.first };
        let known = self.made.iter().find(|group| group.path.parent() == Some(&home.path));
        if let Some(group) = known {
            return write(&group.path.join(file), value);
        }
        let group = Group::make(&home.path, service)?;
        // If that fails, the group goes again.
        let written = write(&group.path.join(file), value);
        if written.is_ok() {
            self.made.push(group)
        } else {
            group.remove()
        }
        written
    }

    /// What a process writes `0` to in order to be in the groups.
    pub(super) fn doors(&self) -> rustix::io::Result<Vec<OwnedFd>> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let door = |group: &Group| open(group.path.join("cgroup.procs"), flags, Mode::empty());
        self.made.iter().map(door).collect()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.made.drain(..).for_each(|group| group.remove());
    }
}

impl Group {
    fn make(home: &Path, service: &str) -> Result<Self, Missing> {
        remove_stale(home);
        for number in 0..MOST {
            let path = home.join(format!("{PREFIX}{service}-{number}"));
            match mkdir(&path, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(_) => return Err(Missing::NotPermitted),
            }
            // Another system may take it for one that was left, and then it is that one's to remove.
            if let Some(lock) = locked(&path) {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(Missing::NotPermitted)
    }

    /// What is still in use is left for whoever makes the next one.
    fn remove(self) {
        let _ = fs::remove_dir(&self.path);
    }
}

fn locked(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty()).ok()?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Who removes one has it locked meanwhile.
    path.exists().then_some(directory)
}

fn remove_stale(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_ours && let Some(lock) = locked(&entry.path()) {
            Group { path: entry.path(), _lock: lock }.remove();
        }
    }
}

fn write(file: &Path, value: &str) -> Result<(), Missing> {
    // Some of them can be there or not, as the kernel was built.
    let is_missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Missing::NotInKernel,
        _ => Missing::NotPermitted,
    };
    let mut file = fs::OpenOptions::new().write(true).open(file).map_err(is_missing)?;
    std::io::Write::write_all(&mut file, value.as_bytes()).map_err(is_missing)
}

/// Where groups for a controller are made.
#[derive(Debug, PartialEq, Eq)]
struct Home {
    path: PathBuf,
    /// Whether it is of version 2.
    is_second: bool,
}

fn home(controller: &str) -> Result<Home, Missing> {
    let read = |path| fs::read_to_string(path).map_err(|_| Missing::NotInKernel);
    let (mounts, groups) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
    let home = place(controller, &mounts, &groups).ok_or(Missing::NotInKernel)?;
    if !home.is_second {
        return Ok(home);
    }
    let has = |list: &str| {
        let names = fs::read_to_string(home.path.join(list)).unwrap_or_default();
        names.split_whitespace().any(|name| name == controller)
    };
    if !has("cgroup.controllers") {
        return Err(Missing::NotInKernel);
    }
    if !has("cgroup.subtree_control") {
        // It fails in a group with processes in it that is not the root of all: then whoever
        // delegates groups has not made one for what is above services.
        write(&home.path.join("cgroup.subtree_control"), &format!("+{controller}"))?;
    }
    Ok(home)
}

/// The directory of the group that this process is in, in the hierarchy of a controller, by what the
/// kernel says of mounts and of this process's groups.
fn place(controller: &str, mounts: &str, groups: &str) -> Option<Home> {
    let lists = |list: &str| list.split(',').any(|name| name == controller);
    let group_of = |is: &dyn Fn(&str, &str) -> bool| {
        groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (number, controllers) = (fields.next()?, fields.next()?);
            fields.next().filter(|_| is(number, controllers))
        })
    };
    let first = group_of(&|_, controllers| lists(controllers));
    let second = || group_of(&|number, controllers| number == "0" && controllers.is_empty());
    let is_second = first.is_none();
    let group = first.or_else(second)?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        let fits = if is_second { name == "cgroup2" } else { name == "cgroup" && lists(options) };
        let mut mount = mount.split(' ').skip(3).filter(|_| fits);
        let (root, at) = (mount.next()?, mount.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        Some(Home { path: Path::new(at).join(below), is_second })
    })
}

#[cfg(test)]
mod tests {
    use super::{Home, place};

    const MOUNTS: &str = "\
        22 1 0:20 / /proc rw,relatime - proc proc rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        36 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const GROUPS: &str = "5:memory:/docker/1/inner\n2:cpu,cpuacct:/a:b\n0::/user.slice/one\n";

    fn found(controller: &str) -> Option<Home> {
        place(controller, MOUNTS, GROUPS)
    }

    fn at(path: &str, is_second: bool) -> Option<Home> {
        Some(Home { path: path.into(), is_second })
    }

    #[test]
    fn a_hierarchy_of_version_1_is_found_by_its_controller() {
        assert_eq!(found("cpu"), at("/sys/fs/cgroup/cpu,cpuacct/a:b", false));
        assert_eq!(found("memory"), at("/sys/fs/cgroup/memory/inner", false));
    }

    #[test]
    fn what_no_hierarchy_of_version_1_has_is_looked_for_in_version_2() {
        assert_eq!(found("pids"), at("/sys/fs/cgroup/unified/user.slice/one", true));
        assert_eq!(place("pids", MOUNTS, "2:cpu,cpuacct:/\n"), None);
        assert_eq!(place("pids", "", GROUPS), None);
    }

    #[test]
    fn a_group_that_is_mounted_nowhere_is_not_found() {
        assert_eq!(place("memory", MOUNTS, "5:memory:/docker/2\n0::/\n"), None);
    }
}
