//! The system calls that services need: one table, with a reason for each group.
//!
//! A call that is in no group of a profile is refused. Where a call does more than what is needed,
//! its arguments are checked as far as they are numbers; what pointers lead to cannot be.

use super::profile::{Files, Profile};
use libc::c_long;

/// When a call is let through.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Always,
    /// An argument is one of these numbers.
    OneOf(u8, &'static [i64]),
    /// Of an argument's bits, these are one of these numbers.
    Masked(u8, i64, &'static [i64]),
    /// An argument has none of these bits.
    Without(u8, i64),
    /// An argument has all of these bits.
    With(u8, i64),
    /// An argument is a descriptor, and not the working directory.
    FromDescriptor(u8),
    /// The same of two arguments.
    FromDescriptors(u8, u8),
    /// An argument is the number of this process.
    Itself(u8),
    /// An argument is 0, and another one no pointer.
    ZeroAndNull(u8, u8),
}

/// Calls that are needed for one reason.
pub(super) struct Group {
    /// What for.
    pub(super) why: &'static str,
    pub(super) calls: &'static [(c_long, When)],
}

use When::{
    Always, FromDescriptor, FromDescriptors, Itself, Masked, OneOf, With, Without, ZeroAndNull,
};

const EXECUTABLE: i64 = libc::PROT_EXEC as i64;
/// `PR_GET_AUXV`: how the linker's values are read by `rustix`.
const AUXILIARY_VALUES: i64 = 0x4155_5856;
/// `PR_SET_VMA`: how the allocator names its memory.
const NAME_MEMORY: i64 = 0x5356_4d41;
const THREAD: i64 = (libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND) as i64;

/// What the runtime around every service needs.
const RUNTIME: &[Group] = &[
    Group {
        why: "memory: the allocator's, and mappings of regions; none that can be executed",
        calls: &[
            (libc::SYS_brk, Always),
            (libc::SYS_mmap, Without(2, EXECUTABLE)),
            (libc::SYS_mprotect, Without(2, EXECUTABLE)),
            (libc::SYS_mremap, Always),
            (libc::SYS_munmap, Always),
            (libc::SYS_madvise, Always),
            (libc::SYS_prctl, OneOf(0, &[libc::PR_SET_NAME as i64, NAME_MEMORY, AUXILIARY_VALUES])),
        ],
    },
    Group {
        why: "waiting, waking and giving way, and the time where the kernel must be asked for it",
        calls: &[
            (libc::SYS_futex, Always),
            (libc::SYS_sched_yield, Always),
            (libc::SYS_clock_gettime, Always),
            (libc::SYS_clock_nanosleep, Always),
            (libc::SYS_nanosleep, Always),
            (libc::SYS_restart_syscall, Always),
            (libc::SYS_ppoll, Always),
            (libc::SYS_epoll_create1, Always),
            (libc::SYS_epoll_ctl, Always),
            (libc::SYS_epoll_pwait, Always),
            (libc::SYS_epoll_pwait2, Always),
            (libc::SYS_eventfd2, Always),
        ],
    },
    Group {
        why: "messages and descriptors on sockets that are there; none is made",
        calls: &[
            (libc::SYS_sendmsg, Always),
            (libc::SYS_sendto, Always),
            (libc::SYS_recvmsg, Always),
            (libc::SYS_recvfrom, Always),
            (libc::SYS_getsockopt, Always),
            (libc::SYS_shutdown, Always),
        ],
    },
    Group {
        why: "descriptors that are there: read, written, looked at, sized and sealed",
        calls: &[
            (libc::SYS_read, Always),
            (libc::SYS_write, Always),
            (libc::SYS_readv, Always),
            (libc::SYS_writev, Always),
            (libc::SYS_close, Always),
            (libc::SYS_lseek, Always),
            (libc::SYS_fstat, Always),
            (libc::SYS_newfstatat, FromDescriptor(0)),
            (libc::SYS_statx, FromDescriptor(0)),
            (libc::SYS_fstatfs, Always),
            (libc::SYS_ftruncate, Always),
            (libc::SYS_fallocate, Always),
            (libc::SYS_memfd_create, Always),
            (libc::SYS_fcntl, OneOf(1, FCNTL)),
            // The name of a doorbell's descriptor says what it is. Shows where a link leads, and no
            // more.
            (libc::SYS_readlinkat, Always),
        ],
    },
    Group {
        why: "itself: who it is, what it may, numbers nobody can guess",
        calls: &[
            (libc::SYS_getpid, Always),
            (libc::SYS_gettid, Always),
            (libc::SYS_getuid, Always),
            (libc::SYS_geteuid, Always),
            (libc::SYS_getgid, Always),
            (libc::SYS_getegid, Always),
            (libc::SYS_getrandom, Always),
            (libc::SYS_sysinfo, Always),
            (libc::SYS_sched_getaffinity, Always),
            (libc::SYS_getrusage, Always),
            // Its own, read and not set.
            (libc::SYS_prlimit64, ZeroAndNull(0, 2)),
        ],
    },
    Group {
        why: "signals: saying where it hangs, and ending by a fault of its own",
        calls: &[
            (libc::SYS_rt_sigaction, Always),
            (libc::SYS_rt_sigprocmask, Always),
            (libc::SYS_rt_sigreturn, Always),
            (libc::SYS_sigaltstack, Always),
            (libc::SYS_tgkill, Itself(0)),
            (libc::SYS_exit, Always),
            (libc::SYS_exit_group, Always),
        ],
    },
];

/// Duplicates, flags and seals; not who gets signals.
const FCNTL: &[i64] = &[
    libc::F_DUPFD_CLOEXEC as i64,
    libc::F_GETFD as i64,
    libc::F_SETFD as i64,
    libc::F_GETFL as i64,
    libc::F_SETFL as i64,
    libc::F_ADD_SEALS as i64,
    libc::F_GET_SEALS as i64,
];

/// Pipes and sockets; a device would lead to the machine.
const NO_DEVICES: &[i64] = &[libc::S_IFIFO as i64, libc::S_IFSOCK as i64];

const THREADS: Group = Group {
    why: "threads for calls that block; no processes, no namespaces",
    calls: &[
        (libc::SYS_clone, With(0, THREAD)),
        (libc::SYS_set_robust_list, Always),
        (libc::SYS_rseq, Always),
        (libc::SYS_set_tid_address, Always),
    ],
};

/// Files below a directory that is open.
const OWN_FILES: Group = Group {
    why: "files of its own, named from its directory's descriptor",
    calls: &[
        (libc::SYS_openat, FromDescriptor(0)),
        (libc::SYS_getdents64, Always),
        (libc::SYS_unlinkat, FromDescriptor(0)),
        (libc::SYS_renameat, FromDescriptors(0, 2)),
        (libc::SYS_renameat2, FromDescriptors(0, 2)),
        (libc::SYS_pread64, Always),
        (libc::SYS_pwrite64, Always),
        (libc::SYS_fsync, Always),
        (libc::SYS_fdatasync, Always),
        (libc::SYS_flock, Always),
    ],
};

/// What `hostfs` does besides.
const HANDED_FILES: Group = Group {
    why: "everything that clients do with files, in directories that are handed over open",
    calls: &[
        (libc::SYS_openat2, FromDescriptor(0)),
        (libc::SYS_mkdirat, FromDescriptor(0)),
        (libc::SYS_mknodat, Masked(2, libc::S_IFMT as i64, NO_DEVICES)),
        (libc::SYS_symlinkat, FromDescriptor(1)),
        (libc::SYS_linkat, FromDescriptors(0, 2)),
        (libc::SYS_fchmodat, FromDescriptor(0)),
        (libc::SYS_fchmod, Always),
        (libc::SYS_fchown, Always),
        (libc::SYS_fchownat, FromDescriptor(0)),
        (libc::SYS_utimensat, FromDescriptor(0)),
        (libc::SYS_preadv, Always),
        (libc::SYS_pwritev, Always),
        (libc::SYS_preadv2, Always),
        (libc::SYS_pwritev2, Always),
        (libc::SYS_syncfs, Always),
        (libc::SYS_fgetxattr, Always),
        (libc::SYS_fsetxattr, Always),
        (libc::SYS_flistxattr, Always),
        (libc::SYS_fremovexattr, Always),
    ],
};

/// Calls that the C library makes on this processor where others have a newer one instead.
#[cfg(target_arch = "x86_64")]
const OLDER: Group = Group {
    why: "older forms of calls of the other groups",
    calls: &[(libc::SYS_poll, Always), (libc::SYS_epoll_wait, Always)],
};
/// There are none.
#[cfg(not(target_arch = "x86_64"))]
const OLDER: Group = Group { why: "older forms of calls of the other groups", calls: &[] };

/// Everything that a profile lets through.
pub(super) fn groups(profile: &Profile) -> impl Iterator<Item = &'static Group> {
    let threads = profile.threads.then_some(&THREADS);
    let own = (!matches!(profile.files, Files::None)).then_some(&OWN_FILES);
    let handed = matches!(profile.files, Files::ByDescriptor).then_some(&HANDED_FILES);
    RUNTIME.iter().chain([&OLDER]).chain(threads).chain(own).chain(handed)
}

/// The numbers of the calls that a profile lets through, with which arguments ever, and what for.
#[must_use]
pub fn needed_calls(profile: &Profile) -> Vec<(c_long, &'static str)> {
    let of = |group: &'static Group| group.calls.iter().map(|(call, _)| (*call, group.why));
    groups(profile).flat_map(of).collect()
}
