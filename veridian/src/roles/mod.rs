//! What a process of the system is: init or a service. Taken before any argument is parsed, so
//! that a role touches no more of the program than it needs.

pub(crate) mod auth;
pub(crate) mod guardian;
pub(crate) mod init;
pub(crate) mod logger;
pub(crate) mod vfs;

use capability::Rights;
use control::platform::{Confinement, Unit};
use host::confine::{Files, Handed, Profile, confine};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The first argument of a process that is started as a role.
const ROLE: &str = "service";

/// The option of a role that names the directory for what it keeps.
pub(crate) const STATE: &str = "--state";

/// Services that keep something in the directory for what outlives the system.
pub(crate) const WITH_STATE: &[&str] = &[logger::NAME, auth::NAME];

/// Every service of the system, in boot order.
pub(crate) fn units() -> Vec<Unit> {
    let to_log = (logger::NAME.to_owned(), Rights::CONNECT | Rights::WRITE);
    let unit = |name: &str| Unit { capabilities: vec![to_log.clone()], ..Unit::new(name) };
    let wants = || vec![logger::NAME.to_owned()];
    vec![
        Unit::new(logger::NAME),
        Unit { wants: wants(), ..unit(auth::NAME) },
        Unit { wants: wants(), ..unit(vfs::NAME) },
    ]
}

/// The directory `NAME` in the directory for what outlives the system; made if it is not there.
fn state_directory(state: &Path, name: &str) -> Result<OwnedFd, String> {
    let path = state.join(name);
    let failed = |error: &dyn Display| format!("{}: {error}", path.display());
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(&path).map_err(|error| failed(&error))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| failed(&error))
}

/// Takes the role that the arguments name, if they name one; returns when the role is over.
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let role = arguments.nth(1).filter(|first| first == ROLE).and_then(|_| arguments.next())?;
    let rest: Vec<OsString> = arguments.collect();
    let option = rest.iter().position(|argument| argument == STATE);
    let state = option.and_then(|at| rest.get(at + 1));
    let handed = Handed::look();
    let Some(channel) = platform::linux::service_channel() else {
        eprintln!("veridian: services are started by init; see `veridian up`");
        return Some(ExitCode::from(2));
    };
    raise_descriptor_limit();
    if let Err(error) = platform::linux::answer_where() {
        eprintln!("veridian {}: will not say where it hangs: {error}", role.display());
    }
    let done = |(): ()| ExitCode::SUCCESS;
    let directory =
        |name| state.as_ref().map(|state| state_directory(Path::new(state), name)).transpose();
    let took = match role.to_str() {
        Some(guardian::NAME) => guardian::run(channel).map(done),
        Some(init::NAME) => init::run(channel),
        Some(auth::NAME) => {
            directory(auth::NAME).and_then(|it| auth::run(channel, it, handed)).map(done)
        }
        Some(logger::NAME) => {
            directory(logger::NAME).and_then(|it| logger::run(channel, it, handed)).map(done)
        }
        Some(vfs::NAME) => vfs::run(channel, handed).map(done),
        _ => {
            eprintln!("veridian: there is no service {}", role.display());
            return Some(ExitCode::from(2));
        }
    };
    Some(match took {
        Ok(code) => code,
        Err(error) => {
            eprintln!("veridian {}: {error}", role.display());
            ExitCode::FAILURE
        }
    })
}

/// The profile of a service that reaches no files but those below a directory of its own, if it has
/// one.
fn profile_below(directory: Option<&OwnedFd>) -> Result<Profile, String> {
    let own = directory.map(OwnedFd::try_clone).transpose();
    let own = own.map_err(|_| "no descriptor to be had".to_owned())?;
    Ok(match own {
        Some(own) => Profile::new().with_files(Files::Below(own)),
        None => Profile::new(),
    })
}

/// Confines this process to what its role needs.
fn confined(profile: &Profile, handed: Handed) -> Result<Arc<dyn Confinement>, String> {
    let confined = confine(profile, handed, &[]).map_err(|error| error.to_string())?;
    Ok(Arc::new(confined))
}

/// Sessions and grants take descriptors, more than what many systems set at first. Nothing here
/// uses `select`, for which the lower limit is.
fn raise_descriptor_limit() {
    let limits = getrlimit(Resource::Nofile);
    // It may always be raised this far.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
}
