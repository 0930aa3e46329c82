//! What a confined process tries. Each attempt says what the kernel answered; none of them does
//! harm where it succeeds, but to this process.
#![expect(unsafe_code, reason = "makes system calls as an attacker would")]

use host::confine::{Files, Profile, needed_calls};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;

pub(crate) type Outcome = Result<(), Errno>;

/// Numbers above this are no calls of any kernel yet.
const LAST: i64 = 600;
/// A call of the other interface of the processor.
const FOREIGN: i64 = 0x4000_0000 | 39;

#[cfg(target_arch = "x86_64")]
const URETPROBE: i64 = 335;
#[cfg(target_arch = "x86_64")]
const UPROBE: i64 = 336;

fn call(number: i64, arguments: [i64; 5]) -> Outcome {
    let [a, b, c, d, e] = arguments;
    // SAFETY: it is refused before anything happens; what is let through was not asked for by a
    // test, or has arguments that name no memory of this process.
    let outcome = unsafe { libc::syscall(number, a, b, c, d, e, 0) };
    if outcome == -1 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap());
    }
    Ok(())
}

/// In words those that are expected.
pub(crate) fn name(error: Errno) -> String {
    match error {
        Errno::PERM => "EPERM".into(),
        Errno::NOENT => "ENOENT".into(),
        Errno::ACCESS => "EACCES".into(),
        Errno::ROFS => "EROFS".into(),
        Errno::BADF => "EBADF".into(),
        other => format!("error {other:?}"),
    }
}

/// Every call that the profile does not need, with arguments that are nothing.
pub(crate) fn calls(profile: &Profile) -> impl Iterator<Item = (i64, Outcome)> {
    let mut needed: BTreeSet<i64> = needed_calls(profile).iter().map(|(call, _)| *call).collect();
    // Said to be no call of this kernel, so that threads are started by the older one.
    needed.insert(libc::SYS_clone3);
    // The kernel asks no list about these, and ends who makes them anywhere but where it has placed
    // them itself.
    #[cfg(target_arch = "x86_64")]
    needed.extend([UPROBE, URETPROBE]);
    let others = (0..=LAST).filter(move |number| !needed.contains(number));
    others.chain([FOREIGN]).map(|number| (number, call(number, [-1, 0, 0, 0, 0])))
}

/// Calls that the profile needs, with arguments that it does not.
pub(crate) fn arguments(
    region: &OwnedFd,
    profile: &Profile,
) -> impl Iterator<Item = (&'static str, i64, Outcome)> {
    let cwd = i64::from(libc::AT_FDCWD);
    let path = |path: &'static std::ffi::CStr| path.as_ptr() as i64;
    let reopened = format!("/proc/self/fd/{}\0", region.as_raw_fd()).leak();
    let writing = i64::from(libc::O_RDWR);
    let execute = i64::from(libc::PROT_READ | libc::PROT_EXEC);
    let private = i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let own = i64::from(rustix::process::getpid().as_raw_nonzero().get());
    let device = i64::from(libc::S_IFCHR | 0o600);
    let namespace = i64::from(libc::CLONE_NEWUSER);
    let all = [
        ("openat /etc/passwd", libc::SYS_openat, [cwd, path(c"/etc/passwd"), 0, 0, 0]),
        ("openat /proc/1/environ", libc::SYS_openat, [cwd, path(c"/proc/1/environ"), 0, 0, 0]),
        ("openat program", libc::SYS_openat, [cwd, path(c"/proc/self/exe"), 1, 0, 0]),
        ("reopen region", libc::SYS_openat, [cwd, reopened.as_ptr() as i64, writing, 0, 0]),
        ("map code", libc::SYS_mmap, [0, 4096, execute, private, -1]),
        ("make code", libc::SYS_mprotect, [0, 0, execute, 0, 0]),
        ("fork", libc::SYS_clone, [i64::from(libc::SIGCHLD), 0, 0, 0, 0]),
        ("clone namespace", libc::SYS_clone, [namespace, 0, 0, 0, 0]),
        ("signal init", libc::SYS_tgkill, [1, 1, 0, 0, 0]),
        ("signal next", libc::SYS_tgkill, [own + 1, own + 1, 0, 0, 0]),
        ("signals for another", libc::SYS_fcntl, [0, i64::from(libc::F_SETOWN), 1, 0, 0]),
        ("debuggable", libc::SYS_prctl, [i64::from(libc::PR_SET_DUMPABLE), 1, 0, 0, 0]),
        ("traced by any", libc::SYS_prctl, [i64::from(libc::PR_SET_PTRACER), -1, 0, 0, 0]),
        ("more descriptors", libc::SYS_prlimit64, [0, 7, path(c"1234567812345678"), 0, 0]),
        // Its lower half is 0, and not the whole of it.
        ("limits by a high pointer", libc::SYS_prlimit64, [0, 7, 1 << 33, 0, 0]),
        ("limits of another", libc::SYS_prlimit64, [1, 7, 0, 0, 0]),
        ("link from path", libc::SYS_linkat, [cwd, path(c"/etc/passwd"), 0, path(c"x"), 0]),
        ("link to path", libc::SYS_linkat, [0, path(c"x"), cwd, path(c"/tmp/x"), 0]),
        ("rename from path", libc::SYS_renameat, [cwd, path(c"/tmp/x"), 0, path(c"x"), 0]),
        ("rename to path", libc::SYS_renameat2, [0, path(c"x"), cwd, path(c"/tmp/x"), 0]),
        ("remove path", libc::SYS_unlinkat, [cwd, path(c"/tmp/x"), 0, 0, 0]),
        ("device", libc::SYS_mknodat, [0, path(c"x"), device, 0, 0]),
    ];
    let needed: BTreeSet<i64> = needed_calls(profile).iter().map(|(call, _)| *call).collect();
    // Where even the call is not needed, it was tried with `calls`.
    let tried = all.into_iter().filter(move |(_, number, _)| needed.contains(number));
    tried.map(|(what, number, arguments)| (what, number, call(number, arguments)))
}

/// Files that have nothing to do with this process, by a way that the list lets through: an absolute
/// path, for which the descriptor before it does not matter.
pub(crate) fn paths(profile: &Profile) -> Vec<(&'static str, Outcome)> {
    let open =
        |path: &str, flags| rustix::fs::openat(rustix::stdio::stdin(), path, flags, Mode::empty());
    if matches!(profile.files, Files::None) {
        // It opens nothing at all.
        return Vec::new();
    }
    vec![
        ("/etc/passwd", open("/etc/passwd", OFlags::RDONLY).map(drop)),
        ("/proc/1/environ", open("/proc/1/environ", OFlags::RDONLY).map(drop)),
        ("/proc/1/root", open("/proc/1/root/etc", OFlags::RDONLY).map(drop)),
        ("core pattern", open("/proc/sys/kernel/core_pattern", OFlags::WRONLY).map(drop)),
        ("program", open("/bin/sh", OFlags::WRONLY).map(drop)),
        ("new", open("/x", OFlags::CREATE | OFlags::WRONLY).map(drop)),
        ("device", open("/dev/mem", OFlags::RDWR).map(drop)),
    ]
}

/// Descriptors that it was not handed.
pub(crate) fn descriptors(most: u64) -> Vec<(&'static str, Outcome)> {
    let most = i64::try_from(most).unwrap();
    let all = |number: i64, arguments: [i64; 4]| {
        let [b, c, d, e] = arguments;
        let mut outcomes = (20..most).map(|fd| call(number, [fd, b, c, d, e]));
        outcomes.find(|outcome| *outcome != Err(Errno::BADF)).unwrap_or(Err(Errno::BADF))
    };
    vec![
        ("read", all(libc::SYS_read, [0; 4])),
        ("write", all(libc::SYS_write, [0; 4])),
        ("receive", all(libc::SYS_recvfrom, [0; 4])),
        ("seals", all(libc::SYS_fcntl, [i64::from(libc::F_GET_SEALS), 0, 0, 0])),
    ]
}

/// A region as its reader gets it.
pub(crate) fn sealed_region() -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let region = rustix::fs::memfd_create(c"region", flags).unwrap();
    rustix::fs::ftruncate(&region, 4096).unwrap();
    rustix::fs::fcntl_add_seals(&region, SealFlags::FUTURE_WRITE).unwrap();
    region
}

pub(crate) fn eventfd() -> Outcome {
    call(libc::SYS_eventfd2, [0; 5])
}

pub(crate) fn socket() -> Outcome {
    call(libc::SYS_socket, [i64::from(libc::AF_INET), i64::from(libc::SOCK_STREAM), 0, 0, 0])
}

/// Makes a file in its directory, writes, and removes it.
pub(crate) fn own_file(directory: &OwnedFd) -> Outcome {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, "own", flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::write(&file, b"x")?;
    rustix::fs::fdatasync(file.as_fd())?;
    rustix::fs::unlinkat(directory, "own", rustix::fs::AtFlags::empty())
}

/// Closes everything but the standard descriptors.
pub(crate) fn close_all_others() {
    // SAFETY: to be called before anything is opened, so nobody misses them.
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    assert_eq!(outcome, 0);
}
