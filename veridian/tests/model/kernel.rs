//! The operations on the kernel's tmpfs, by system calls of one process that acts as each client.
//! The calls are in `calls`.

use crate::model::Model;
use crate::operation::{Operation, Outcome, Tables};
use crate::run::{Executor, Plan, Users, compare};
use crate::seen::{Changes, Watch};
use dataplane::Credentials;
use rustix::fs::{self, Gid, Mode, OFlags, Uid};
use rustix::{process, thread};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// The number by which statfs(2) names a tmpfs.
const TMPFS_MAGIC: i64 = 0x0102_1994;
/// The first Linux whose tmpfs has extended attributes of users; some rules are not much older.
const RULES: (u32, u32) = (6, 6);
/// The first Linux that gives each change that is looked at a time of its own.
const TIMES_OF_THEIR_OWN: (u32, u32) = (6, 13);

/// An empty directory on a tmpfs, as /tmp; it goes with what is returned.
pub(crate) fn directory() -> TempDir {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let status = fs::statfs(directory.path()).unwrap();
    assert_eq!(status.f_type, TMPFS_MAGIC, "/dev/shm is no tmpfs; mount one there");
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    directory
}

/// Runs a plan in a directory.
pub(crate) fn run(directory: &Path, plan: Plan) {
    let version = version();
    if version < RULES {
        println!("kernel's tmpfs: not observed, because Linux before {RULES:?} had other rules");
        return;
    }
    let sees = if version < TIMES_OF_THEIR_OWN {
        println!("kernel's tmpfs: times of change: not observed, because Linux merges them");
        Changes::Nothing
    } else {
        Changes::NoDirectories
    };
    let users = Users::of_this_process();
    let owner = (process::geteuid().as_raw(), process::getegid().as_raw());
    let mut kernel = Kernel {
        open: Tables::new(),
        watch: Watch::new(sees),
        users: users.clone(),
        acts_as: None,
        own_files: open_directory(Path::new("/proc/self/fd")),
        root: open_directory(directory),
    };
    process::umask(Mode::empty());
    process::fchdir(&kernel.root).unwrap();
    if users.are_several {
        process::chroot(".").unwrap();
    } else {
        println!("kernel's tmpfs: several users: not observed, because that takes root");
    }
    compare("kernel's tmpfs", plan, &mut kernel, Model::new(users, owner, sees));
}

/// Linux's, the first two numbers.
fn version() -> (u32, u32) {
    let system = rustix::system::uname();
    let release = system.release().to_str().unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn open_directory(path: &Path) -> OwnedFd {
    fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// The process.
pub(crate) struct Kernel {
    pub(crate) open: Tables<OwnedFd>,
    pub(crate) watch: Watch,
    users: Users,
    /// The client whose credentials it has.
    acts_as: Option<usize>,
    /// `/proc/self/fd`.
    pub(crate) own_files: OwnedFd,
    pub(crate) root: OwnedFd,
}

impl Kernel {
    fn act_as(&mut self, client: usize) {
        if self.acts_as.replace(client) == Some(client) || !self.users.are_several {
            return;
        }
        let Credentials { uid, gid, groups } = &self.users.clients[client];
        let groups: Vec<Gid> = groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        // Only root may become somebody else.
        thread::set_thread_res_uid(None, Uid::ROOT, None).unwrap();
        thread::set_thread_groups(&groups).unwrap();
        thread::set_thread_res_gid(None, Gid::from_raw(*gid), None).unwrap();
        thread::set_thread_res_uid(None, Uid::from_raw(*uid), None).unwrap();
    }
}

impl Executor for Kernel {
    fn run(&mut self, client: usize, operation: &Operation) -> Outcome {
        self.act_as(client);
        self.call(client, operation)
    }
}
